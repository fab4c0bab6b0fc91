# Paths, messages, locks and system packages, for every command in dev/.
# To be sourced; sources the other parts of the library.
# shellcheck shell=bash

set -euo pipefail

ADDON=client_account
LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
DEV_DIR=$(dirname "$LIB_DIR")
CHECKOUT=$(dirname "$DEV_DIR")
STATE_DIR=$CHECKOUT/.dev
BRIDGES_DIR=$CHECKOUT/bridges
CONFIG=$STATE_DIR/odoo.conf
CORE_CONFIG=$STATE_DIR/odoo-core.conf
ADDONS_DIR=$STATE_DIR/addons
DATA_DIR=$STATE_DIR/data
LOG_DIR=$STATE_DIR/log
CACHE_DIR=${CLIENT_ACCOUNT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/client_account}

# -- messages ---------------------------------------------------------------

say() {
    printf '%s\n' "$*"
}

warn() {
    printf 'Warning: %s\n' "$*" >&2
}

die() {
    printf 'Error: %s\n' "$*" >&2
    exit 1
}

# usage: print the header comment of the running command, without its marks.
usage() {
    sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"
}

# -- small helpers ----------------------------------------------------------

have() {
    command -v "$1" >/dev/null 2>&1
}

# short_hash: eight hexadecimal digits that stand for the standard input.
short_hash() {
    if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -c 1-8
}

CHECKOUT_KEY=$(printf '%s' "$CHECKOUT" | short_hash)

# with_lock NAME COMMAND...: run it while no other command holds NAME.
with_lock() {
    local name=$1
    shift
    mkdir -p "$CACHE_DIR"
    (
        if ! flock -n 7; then
            say "Another run is preparing the same thing ($name): waiting for it."
            flock 7
        fi
        "$@"
    ) 7>"$CACHE_DIR/$name.lock"
}

# quietly LOG COMMAND...: run it with its output in LOG, shown on failure only.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "A step failed: $(basename "$1"). Its whole output is in $log."
    fi
}

# -- system packages --------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }
}

# The machine's package lists are refreshed once at most in a run.
LISTS_FRESH=
refresh_lists() {
    [ -z "$LISTS_FRESH" ] || return 0
    LISTS_FRESH=1
    as_root apt-get update >/dev/null 2>&1 </dev/null || true
}

# has_package NAME: whether the machine's own suites offer it.
has_package() {
    local policy
    have apt-cache && policy=$(apt-cache policy "$1" 2>/dev/null) &&
        grep -q '^  Candidate: [^(]' <<<"$policy"
}

# install_packages NAME...: with apt, without a question.
install_packages() {
    say "Installing with apt: $*."
    refresh_lists
    quietly "$CACHE_DIR/log/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"
}

# shellcheck source=dev/lib/python.sh
. "$LIB_DIR/python.sh"
# shellcheck source=dev/lib/odoo.sh
. "$LIB_DIR/odoo.sh"
# shellcheck source=dev/lib/postgres.sh
. "$LIB_DIR/postgres.sh"
# shellcheck source=dev/lib/tools.sh
. "$LIB_DIR/tools.sh"
# shellcheck source=dev/lib/database.sh
. "$LIB_DIR/database.sh"

# set_up: everything that the commands need; sets PG_BIN, VENV, ODOO_ROOT and more.
set_up() {
    have flock || die "The command flock is missing: install the package util-linux."
    mkdir -p "$CACHE_DIR" "$STATE_DIR"
    check_odoo
    ensure_python
    ensure_postgres
    ensure_browser
    ensure_wkhtmltopdf
    ensure_venv
    ensure_odoo
    link_addon
    write_config "$CORE_CONFIG" ""
    write_config "$CONFIG" "$BRIDGES_DIR"
}

# start_up: set-up and the database server, which is left again at the end.
start_up() {
    set_up
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    remove_orphans
    join_cluster
}

# before_leaving: what a command that started something else stops it with.
before_leaving() {
    :
}

finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    before_leaving
    leave_cluster
    exit "$status"
}
