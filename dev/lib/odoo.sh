# Finds Odoo 19.0, or fetches it as Debian packages it, and links the addon to it.
#
# The packages come under an apt state of their own, so that neither the
# machine's sources nor its lists nor its installed packages are touched.
# shellcheck shell=bash

ODOO_PACKAGE=odoo-19
ODOO_SUITE=sid
# Odoo's pages use Font Awesome 4, which newer suites no longer carry.
FONT_SUITES="stable oldstable"
FONT_PACKAGE=fonts-font-awesome
FONT_VERSION_MARK=really4.

ODOO_CACHE=$CACHE_DIR/odoo/19.0
PACKAGE_ROOT=usr/lib/python3/dist-packages
# Asset bundles name these files, which the package leaves out.
ODOO_STUBS="mail/static/lib/selfie_segmentation/selfie_segmentation.js"

# check_odoo: say at once when Odoo can be had in no way.
check_odoo() {
    if [ -n "${ODOO_HOME:-}" ]; then
        grep -qE "^version_info *= *\(19, *0," "$ODOO_HOME/odoo/release.py" 2>/dev/null ||
            die "ODOO_HOME must name a checkout of Odoo 19.0, and this is none: $ODOO_HOME."
    elif [ ! -e "$ODOO_CACHE/version" ]; then
        { have apt-get && have dpkg-deb; } ||
            die "Odoo 19.0 is missing and this system has no apt to fetch it with: get a checkout of Odoo 19.0 and set ODOO_HOME to its folder."
    fi
}

# ensure_odoo: set ODOO_ROOT (the folder that holds the package odoo) and ODOO_BUILD.
ensure_odoo() {
    if [ -n "${ODOO_HOME:-}" ]; then
        use_odoo_home
    else
        use_odoo_package
    fi
    ODOO_KEY=$(printf '%s' "$ODOO_ROOT $ODOO_BUILD" | short_hash)
    say "Odoo: $ODOO_BUILD ($ODOO_ROOT)."
}

use_odoo_home() {
    ODOO_ROOT=$(cd "$ODOO_HOME" && pwd -P)
    ODOO_BUILD=$(git -C "$ODOO_ROOT" rev-parse --short=12 HEAD 2>/dev/null || echo 19.0)
}

use_odoo_package() {
    [ -e "$ODOO_CACHE/version" ] || with_lock odoo fetch_odoo
    ODOO_ROOT=$ODOO_CACHE/$PACKAGE_ROOT
    ODOO_BUILD=$(cat "$ODOO_CACHE/version")
}

# -- apt with a state of its own --------------------------------------------

APT_DIR=$CACHE_DIR/apt

# apt_with LISTS SOURCES COMMAND...: an apt command that writes to APT_DIR only.
# SOURCES is a file, or empty for the machine's own.
apt_with() {
    local lists=$APT_DIR/lists-$1 sources=$2 command=$3
    shift 3
    local options=(-o "Dir::State::Lists=$lists" -o "Dir::Cache=$APT_DIR/cache"
        -o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)")
    [ -z "$sources" ] || options+=(-o "Dir::Etc::sourcelist=$sources" -o Dir::Etc::sourceparts=-)
    mkdir -p "$lists/partial" "$APT_DIR/cache/archives/partial"
    "$command" "${options[@]}" "$@" </dev/null
}

apt_private() {
    apt_with odoo "$APT_DIR/sources.list" "$@"
}

# archive_address: the address of Debian's archive in the machine's own configuration.
archive_address() {
    local query=(indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian') address
    address=$(apt-get "${query[@]}" 2>/dev/null | sort -u | head -n 1)
    if [ -z "$address" ]; then
        apt_with machine "" apt-get update >/dev/null 2>&1 || true
        address=$(apt_with machine "" apt-get "${query[@]}" 2>/dev/null | sort -u | head -n 1)
    fi
    printf '%s' "$address"
}

write_sources() {
    local address=$1 suite keyring=/usr/share/keyrings/debian-archive-keyring.gpg option=
    [ ! -e "$keyring" ] || option="[signed-by=$keyring] "
    for suite in $ODOO_SUITE $FONT_SUITES; do
        printf 'deb %s%s %s main\n' "$option" "$address" "$suite"
    done >"$APT_DIR/sources.list"
}

# linked_packages: those of Odoo's dependencies that its symbolic links point to.
linked_packages() {
    apt_private apt-cache show "$ODOO_PACKAGE" | sed -n 's/^Depends: //p' | head -n 1 |
        tr ',' '\n' | sed 's/^ *//; s/[ (:|].*//' | grep -E '^(fonts-|gsfonts|libjs-)'
}

# font_version: the newest Font Awesome 4 on offer.
font_version() {
    apt_private apt-cache madison "$FONT_PACKAGE" | tr -d ' ' | cut -d '|' -f 2 |
        grep -F "$FONT_VERSION_MARK" | head -n 1
}

# -- fetching and unpacking -------------------------------------------------

fetch_odoo() {
    [ ! -e "$ODOO_CACHE/version" ] || return 0
    local address font packages package new=$ODOO_CACHE.new
    say "Fetching Odoo 19.0 (about 140 MB); this takes some minutes."
    rm -rf "$APT_DIR" "$new"
    mkdir -p "$APT_DIR/packages" "$new" "$(dirname "$ODOO_CACHE")"
    address=$(archive_address)
    [ -n "$address" ] ||
        die "Odoo 19.0 is missing and apt's configuration names no Debian archive to fetch it from: get a checkout of Odoo 19.0 and set ODOO_HOME to its folder."
    write_sources "$address"
    apt_private apt-get -q update >"$APT_DIR/update.log" 2>&1 || true
    packages=$(linked_packages) ||
        die "Debian's archive does not offer $ODOO_PACKAGE at the moment: get a checkout of Odoo 19.0 and set ODOO_HOME to its folder."
    font=$(font_version) || font=
    [ -z "$font" ] || packages=${packages/$FONT_PACKAGE/$FONT_PACKAGE=$font}
    (
        cd "$APT_DIR/packages"
        # shellcheck disable=SC2086 # a list of package names
        quietly "$CACHE_DIR/log/odoo-download.log" \
            apt_private apt-get download "$ODOO_PACKAGE" $packages
    )
    say "Unpacking Odoo."
    for package in "$APT_DIR/packages"/*.deb; do
        dpkg-deb -x "$package" "$new"
    done
    prepare_tree "$new/$PACKAGE_ROOT"
    dpkg-deb -f "$APT_DIR/packages/$ODOO_PACKAGE"_*.deb Version >"$new/version"
    rm -rf "$ODOO_CACHE"
    mv "$new" "$ODOO_CACHE"
    rm -rf "$APT_DIR"
}

# prepare_tree FOLDER: drop what would hide Odoo's own files, add what is missing.
prepare_tree() {
    local root=$1 stub
    # A second, incomplete copy of the addons, which Odoo would take first.
    rm -rf "$root/addons" "$root/doc" "$root/setup"
    for stub in $ODOO_STUBS; do
        [ ! -e "$root/odoo/addons/$stub" ] || continue
        mkdir -p "$(dirname "$root/odoo/addons/$stub")"
        : >"$root/odoo/addons/$stub"
    done
    # Byte code makes every start some seconds shorter.
    "$PYTHON_BIN" -m compileall -q -j 0 -x '/(tests|test_[a-z_]*|l10n_[a-z_]*|pos_[a-z_]*|website[a-z_]*)/' \
        "$root/odoo" >/dev/null 2>&1 || true
}

# -- this checkout's side ---------------------------------------------------

# link_addon: the addon's technical name is its folder's name, so it gets a link.
link_addon() {
    mkdir -p "$ADDONS_DIR" "$DATA_DIR" "$LOG_DIR"
    if [ "$(readlink "$ADDONS_DIR/$ADDON" 2>/dev/null)" != "$CHECKOUT" ]; then
        rm -f "$ADDONS_DIR/$ADDON"
        ln -s "$CHECKOUT" "$ADDONS_DIR/$ADDON"
    fi
}

# bridges: the names of the glue addons, each of which installs itself once the apps on
# both its sides are there.
bridges() {
    local manifest
    for manifest in "$BRIDGES_DIR"/*/__manifest__.py; do
        [ ! -e "$manifest" ] || basename "$(dirname "$manifest")"
    done
}

# leave_out_bridges: what follows sees the addon alone, whatever else is installed.
leave_out_bridges() {
    CONFIG=$CORE_CONFIG
}

# write_config FILE FOLDER: with the addons of a further folder, if there is one.
write_config() {
    local addons=$ODOO_ROOT/odoo/addons,$ADDONS_DIR
    [ ! -d "$ODOO_ROOT/addons" ] || addons=$ODOO_ROOT/addons,$addons
    [ ! -d "$2" ] || addons=$addons,$2
    cat >"$1.new" <<EOF
[options]
addons_path = $addons
data_dir = $DATA_DIR
db_host = ${PGHOST:-False}
db_port = ${PGPORT:-False}
db_user = ${PGUSER:-False}
http_interface = 127.0.0.1
list_db = False
max_cron_threads = 0
EOF
    mv "$1.new" "$1"
}

# run_odoo ARGUMENTS: Odoo's command line with this checkout's configuration.
# Sub-commands take --config after their own name.
run_odoo() {
    local command=()
    case ${1:-} in
        [a-z]*)
            command=("$1")
            shift
            ;;
    esac
    PYTHONPATH=$ODOO_ROOT${PYTHONPATH:+:$PYTHONPATH} \
        "$VENV/bin/python" -m odoo "${command[@]}" --config "$CONFIG" "$@"
}
