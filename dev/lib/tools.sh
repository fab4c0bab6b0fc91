# The browser for the browser tests, the program that prints reports, and what comes from
# npm.
# shellcheck shell=bash

find_browser() {
    local name
    for name in google-chrome chromium chromium-browser google-chrome-stable; do
        if have "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

ensure_browser() {
    local browser
    if ! browser=$(find_browser); then
        can_install || die "The browser tests need Chromium: install it."
        install_packages chromium
        browser=$(find_browser) || die "The browser tests need Chromium: install it."
    fi
    say "Browser: $browser."
}

# wkhtmltopdf has left the newer suites; only printed reports need it.
ensure_wkhtmltopdf() {
    if ! have wkhtmltopdf && can_install; then
        refresh_lists
        ! has_package wkhtmltopdf || install_packages wkhtmltopdf
    fi
    if have wkhtmltopdf; then
        say "Report printer: $(command -v wkhtmltopdf)."
    else
        warn "wkhtmltopdf is missing and this system does not offer it: reports cannot be printed as PDF."
    fi
}

# Judges screens as people with impaired sight or hands meet them.
AXE_PACKAGE=axe-core@4.10.3

# node_path NAME PACKAGE...: where these packages of npm are kept.
node_path() {
    local name=$1
    shift
    echo "$CACHE_DIR/$name-$(printf '%s ' "$@" | short_hash)"
}

# ensure_node_packages FOLDER PACKAGE...: install packages of npm, once.
ensure_node_packages() {
    local folder=$1
    shift
    [ ! -e "$folder/.done" ] || return 0
    if ! have node || ! have npm; then
        can_install || die "$1 needs Node.js and npm: install them."
        install_packages nodejs npm
    fi
    say "Installing $1."
    with_lock "$(basename "$folder")" build_node_packages "$folder" "$@"
}

build_node_packages() {
    local folder=$1
    shift
    [ ! -e "$folder/.done" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    quietly "$CACHE_DIR/log/npm.log" npm install --prefix "$folder" --no-save \
        --no-package-lock --no-audit --no-fund --ignore-scripts "$@"
    touch "$folder/.done"
}

# ensure_axe: set and export CLIENT_ACCOUNT_AXE to the script that tests run in screens.
ensure_axe() {
    local folder
    folder=$(node_path axe "$AXE_PACKAGE")
    ensure_node_packages "$folder" "$AXE_PACKAGE"
    export CLIENT_ACCOUNT_AXE=$folder/node_modules/axe-core/axe.min.js
}
