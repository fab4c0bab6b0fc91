# Databases of this checkout: their names, templates, installation and logs.
# shellcheck shell=bash

# Names carry the checkout's key, for a server that several checkouts share.
database_name() {
    printf '%s_%s_%s' "$ADDON" "$CHECKOUT_KEY" "$1"
}

run_psql() {
    "$PG_BIN/psql" --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 "$@"
}

run_sql() {
    run_psql --dbname=postgres --command="$1"
}

database_exists() {
    [ "$(run_sql "SELECT 1 FROM pg_database WHERE datname = '$1'")" = 1 ]
}

# database_ready NAME: whether it exists and its making was finished.
database_ready() {
    database_exists "$1" && [ -e "$STATE_DIR/ready/$1" ] &&
        [ "$(cat "$STATE_DIR/ready/$1")" = "$(database_oid "$1")" ]
}

database_oid() {
    run_sql "SELECT oid FROM pg_database WHERE datname = '$1'"
}

mark_ready() {
    mkdir -p "$STATE_DIR/ready"
    database_oid "$1" >"$STATE_DIR/ready/$1"
}

drop_database() {
    rm -f "$STATE_DIR/ready/$1"
    run_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$1'" >/dev/null
    run_sql "DROP DATABASE IF EXISTS \"$1\"" 2>/dev/null
    rm -rf "$DATA_DIR/filestore/$1" "$DATA_DIR/filestore/$1"-gw*
}

# copy_database FROM TO: with its stored files.
copy_database() {
    drop_database "$2"
    run_sql "CREATE DATABASE \"$2\" TEMPLATE \"$1\""
    if [ -d "$DATA_DIR/filestore/$1" ]; then
        cp -R "$DATA_DIR/filestore/$1" "$DATA_DIR/filestore/$2"
    fi
}

# build_assets DATABASE: the web client's bundles, once for all workers. Each would build
# them at its first page, all at once, and the browser would give up waiting.
build_assets() {
    local log=$LOG_DIR/$1-assets.log
    say "Building the web client's bundles."
    run_odoo shell --database "$1" --no-http >"$log" 2>&1 <<'END' ||
env["ir.qweb"]._pregenerate_assets_bundles()
for name in ("web.assets_backend_lazy", "web.chartjs_lib", "web.fullcalendar_lib"):
    bundle = env["ir.qweb"]._get_asset_bundle(name, css=True, js=True)
    bundle.js()
    bundle.css()
env.cr.commit()
END
        die "The bundles were not built; the log is $log."
}

# share_filestore DATABASE COUNT: the copies on which pytest's workers run have its files,
# each in a folder of its own, as what one no longer needs another may still read.
share_filestore() {
    local worker files=$DATA_DIR/filestore/$1
    mkdir -p "$files"
    for ((worker = 0; worker < $2; worker++)); do
        rm -rf "$files-gw$worker"
        cp -Rl "$files" "$files-gw$worker"
    done
}

# depends_of FOLDER...: which of Odoo's modules these addons need, by their manifests.
depends_of() {
    "$VENV/bin/python" -c '
import ast, sys
depends = set()
for folder in sys.argv[1:]:
    depends.update(ast.literal_eval(open(f"{folder}/__manifest__.py").read())["depends"])
print(",".join(sorted(name for name in depends if not name.startswith("client_account"))))
' "$@"
}

# base_modules: what the addon depends on.
base_modules() {
    [ -e "$CHECKOUT/__manifest__.py" ] || die "The addon's __manifest__.py is missing from $CHECKOUT."
    depends_of "$CHECKOUT"
}

# bridged_modules: the apps that the glue addons join the addon to.
bridged_modules() {
    local names
    mapfile -t names < <(bridges)
    [ ${#names[@]} -eq 0 ] || depends_of "${names[@]/#/$BRIDGES_DIR/}"
}

# odoo_step LOG DATABASE ARGUMENTS: one run of Odoo that ends by itself.
odoo_step() {
    local log=$LOG_DIR/$1 database=$2
    shift 2
    rm -f "$log"
    if ! run_odoo --database "$database" --stop-after-init --no-http \
        --max-cron-threads=0 "$@" >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "Odoo failed; its whole log is $log."
    fi
}

# ensure_template [MODULE,...]: set TEMPLATE to a database with the addon's dependencies
# and the modules named, without the addon.
ensure_template() {
    local modules
    modules=$(base_modules)${1:+,$1}
    TEMPLATE=$(database_name "base_$(printf '%s %s' "$ODOO_KEY" "$modules" | short_hash)")
    ! database_ready "$TEMPLATE" || return 0
    say "Making the template database with $modules; this takes some minutes, once."
    drop_database "$TEMPLATE"
    odoo_step "$TEMPLATE.log" "$TEMPLATE" -i "$modules"
    mark_ready "$TEMPLATE"
}

# install_addon DATABASE: freshly on a copy of the template, then updated.
# The logs of both are $LOG_DIR/DATABASE-install.log and -update.log.
install_addon() {
    say "Installing the addon on a fresh database."
    copy_database "$TEMPLATE" "$1"
    odoo_step "$1-install.log" "$1" -i "$ADDON"
    mark_ready "$1"
    update_addon "$1"
}

update_addon() {
    say "Updating the addon."
    odoo_step "$1-update.log" "$1" -u "$ADDON"
}

# check_logs NAME...: fail on a warning or error of this addon in these logs.
check_logs() {
    "$VENV/bin/python" "$LIB_DIR/check_log.py" "$LOG_DIR/$TEMPLATE.log" "${@/#/$LOG_DIR/}" ||
        die "The logs are in $LOG_DIR."
}

# lock_holders FILE: the other processes that have it open as number 6.
lock_holders() {
    local link pid
    for link in /proc/[0-9]*/fd/6; do
        [ "$(readlink "$link" 2>/dev/null)" = "$1" ] || continue
        pid=${link#/proc/}
        pid=${pid%%/*}
        [ "$pid" = "$$" ] || printf '%s ' "$pid"
    done
}

# children_of PID...: the processes that these started, a browser for instance.
children_of() {
    local pids
    pids=$(printf '%s|' "$@")
    grep -lsE "^PPid:[[:space:]]+(${pids%|})$" /proc/[0-9]*/status | tr -dc '0-9\n' | tr '\n' ' '
}

# hold_database NAME: one command at a time may use it. What was started by a
# command that was killed may still run: it is ended.
hold_database() {
    local lock=$STATE_DIR/$1.lock holders
    exec 6>>"$lock"
    if ! flock -n 6; then
        holders=$(lock_holders "$lock")
        if [ -z "$holders" ] || [[ " $holders" == *" $(cat "$lock.owner") "* ]]; then
            die "Another command of this checkout is using the database $1: wait until it ends."
        fi
        say "Ending what a killed run left behind."
        # shellcheck disable=SC2046,SC2086 # lists of numbers
        kill -KILL $holders $(children_of $holders) 2>/dev/null || true
        flock -w 10 6 || die "The database $1 is still in use by a process that a killed run left behind."
    fi
    echo "$$" >"$lock.owner"
}

# run_pytest DATABASE ARGUMENTS: without a test named, all of the addon's.
# A path like tests/test_x.py::TestX, or bridges/client_account_sale/tests/test_x.py,
# stands for the module of that name, and bridges/client_account_sale for all its tests.
run_pytest() {
    local database=$1 argument addon arguments=() selection=("odoo.addons.$ADDON.tests")
    shift
    for argument in "$@"; do
        addon=$ADDON
        case $argument in
            bridges/*)
                argument=${argument#bridges/}
                addon=${argument%%/*}
                argument=${argument#"$addon"}
                argument=${argument#/}
                argument=${argument:-tests}
                ;;
        esac
        case $argument in
            tests | tests/) argument=odoo.addons.$addon.tests ;;
            tests/*.py*)
                argument=${argument#tests/}
                argument=odoo.addons.$addon.tests.${argument/.py/}
                ;;
        esac
        case $argument in
            odoo.addons.*) selection=() ;;
        esac
        arguments+=("$argument")
    done
    (
        cd "$STATE_DIR"
        # Workers copy and drop their databases with PostgreSQL's own commands.
        PATH=$PG_BIN:$PATH CHECKOUT=$CHECKOUT COVERAGE_FILE=$STATE_DIR/coverage \
            PYTHONPATH=$ODOO_ROOT:$LIB_DIR \
            "$VENV/bin/python" -m pytest -c "$LIB_DIR/pytest.ini" --rootdir="$ADDONS_DIR" \
            --odoo-config="$CONFIG" --odoo-database="$database" --pyargs \
            "${arguments[@]}" "${selection[@]}"
    )
}
