# The database server: a private cluster of this checkout, or the user's own.
#
# The private one listens on a Unix socket only, in a folder that its owner alone
# may enter, and runs as an unprivileged user. It is started by the first command
# that needs it and stopped by the last one that ends. When one of PGHOST, PGPORT
# and PGUSER is set, the server they name is used instead and never stopped.
# shellcheck shell=bash

PG_MINIMUM=13
PG_HOME=/var/tmp/$ADDON-$CHECKOUT_KEY
PG_DATA=$PG_HOME/data
PG_LOG=$PG_HOME/log
PG_DEFAULTS=/etc/postgresql-common/createcluster.conf

own_server() {
    [ -n "${PGHOST:-}${PGPORT:-}${PGUSER:-}" ]
}
USE_OWN_SERVER=
! own_server || USE_OWN_SERVER=1

# -- finding and installing the programs ------------------------------------

# pg_candidates: folders with PostgreSQL's programs, the newest version first.
pg_candidates() {
    ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2>/dev/null |
        sort -Vr
    dirname "$(command -v initdb)" 2>/dev/null || true
}

find_postgres() {
    local folder version
    while read -r folder; do
        [ -x "$folder/initdb" ] && [ -x "$folder/psql" ] || continue
        version=$("$folder/initdb" --version | grep -oE '[0-9]+' | head -n 1)
        if [ "$version" -ge "$PG_MINIMUM" ]; then
            printf '%s' "$folder"
            return 0
        fi
    done < <(pg_candidates)
    return 1
}

# Debian's package makes and starts a cluster of its own when it is installed;
# the machine does not need that one.
install_postgres() {
    if [ -e "$PG_DEFAULTS" ]; then
        install_packages postgresql
        return
    fi
    as_root mkdir -p "$(dirname "$PG_DEFAULTS")"
    echo "create_main_cluster = false" | as_root tee "$PG_DEFAULTS" >/dev/null
    install_packages postgresql
    as_root cp "/usr/share/postgresql-common/createcluster.conf" "$PG_DEFAULTS" 2>/dev/null || true
}

# ensure_postgres: set PG_BIN.
ensure_postgres() {
    if ! PG_BIN=$(find_postgres); then
        can_install || die "PostgreSQL $PG_MINIMUM or newer is missing: install it."
        install_postgres
        PG_BIN=$(find_postgres) || die "PostgreSQL $PG_MINIMUM or newer is missing: install it."
    fi
    if [ -n "$USE_OWN_SERVER" ]; then
        say "PostgreSQL: the server that PGHOST, PGPORT and PGUSER name."
    else
        say "PostgreSQL: $("$PG_BIN/postgres" --version | grep -oE '[0-9.]+' | head -n 1), a private cluster in $PG_HOME."
        export PGHOST=$PG_HOME PGPORT=5432 PGUSER=odoo
    fi
    unset PGDATABASE
}

# -- the private cluster ----------------------------------------------------

pg_owner() {
    if [ "$(id -u)" != 0 ]; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# as_owner COMMAND...: run it as the cluster's user, without this run's locks.
as_owner() {
    (
        cd /
        exec 7>&- 8>&- 9>&-
        if [ "$(id -u)" = 0 ]; then
            exec runuser -u "$(pg_owner)" -- "$@"
        else
            exec "$@"
        fi
    )
}

# The folder lies where every user may write: it must be ours, not a trap.
make_pg_home() {
    if mkdir -m 0700 "$PG_HOME" 2>/dev/null && [ "$(id -u)" = 0 ]; then
        chown "$(pg_owner):" "$PG_HOME"
    fi
    if [ -L "$PG_HOME" ] || [ "$(stat -c %U "$PG_HOME")" != "$(pg_owner)" ]; then
        die "The folder $PG_HOME belongs to another user: remove it and try again."
    fi
}

# Speed comes before safety here: what the cluster holds can be made again.
# No autovacuum: it finds the tables empty while a test, rolled back in the end, fills
# them, and with that the planner takes hundreds of times as long.
pg_settings() {
    cat <<EOF
listen_addresses = ''
unix_socket_directories = '$PG_HOME'
unix_socket_permissions = 0700
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
shared_buffers = 256MB
jit = off
autovacuum = off
timezone = 'UTC'
EOF
}

init_cluster() {
    local new=$PG_DATA.new
    say "Making the private PostgreSQL cluster."
    as_owner rm -rf "$new"
    as_owner "$PG_BIN/initdb" --pgdata="$new" --username=odoo --encoding=UTF8 --locale=C \
        --auth-local=trust --auth-host=reject --no-sync >/dev/null
    pg_settings | as_owner tee -a "$new/postgresql.conf" >/dev/null
    as_owner mv "$new" "$PG_DATA"
    printf '%s\n' "$CHECKOUT" | as_owner tee "$PG_HOME/checkout" >/dev/null
}

pg_ready() {
    "$PG_BIN/pg_isready" -q -h "$1" -p 5432
}

# drop_stale_pid: a killed server leaves its number behind, and by now another
# process may bear it; the server's own process works in the data folder.
drop_stale_pid() {
    local pid
    pid=$(as_owner sed -n 1p "$PG_DATA/postmaster.pid" 2>/dev/null) || return 0
    if [ -d /proc/self ] && [ "$(as_owner readlink "/proc/$pid/cwd")" != "$PG_DATA" ]; then
        as_owner rm -f "$PG_DATA/postmaster.pid" "$PG_HOME"/.s.PGSQL.*
    fi
}

launch_cluster() {
    as_owner "$PG_BIN/pg_ctl" start --silent --wait --timeout=60 \
        --pgdata="$PG_DATA" --log="$PG_LOG" >/dev/null 2>&1 </dev/null
}

start_cluster() {
    make_pg_home
    ! pg_ready "$PG_HOME" || return 0
    [ -e "$PG_DATA/PG_VERSION" ] && data_fits || replace_cluster
    drop_stale_pid
    if ! launch_cluster; then
        warn "The private PostgreSQL did not start with the data it had; its log is $PG_LOG. It begins afresh, and the old data is in $PG_DATA.broken."
        replace_cluster
        launch_cluster || die "The private PostgreSQL does not start; its log is $PG_LOG."
    fi
}

# data_fits: whether these programs can read the data, which is made for one version.
data_fits() {
    [ "$("$PG_BIN/postgres" --version | grep -oE '[0-9]+' | head -n 1)" = "$(cat "$PG_DATA/PG_VERSION")" ]
}

replace_cluster() {
    if [ -e "$PG_DATA" ]; then
        as_owner rm -rf "$PG_DATA.broken"
        as_owner mv "$PG_DATA" "$PG_DATA.broken"
    fi
    init_cluster
}

halt_cluster() {
    as_owner "$PG_BIN/pg_ctl" stop --silent --wait --mode=fast --pgdata="$1" >/dev/null 2>&1 || true
}

# -- sharing it between commands --------------------------------------------
#
# Every user of the cluster holds a shared lock; who can take it alone when
# leaving is the last one. A second lock makes joining and leaving one step each.

join_cluster() {
    [ -z "$USE_OWN_SERVER" ] || return 0
    mkdir -p "$STATE_DIR"
    exec 8>"$STATE_DIR/postgres.step" 9>"$STATE_DIR/postgres.use"
    flock 8
    start_cluster
    flock -s 9
    flock -u 8
    CLUSTER_JOINED=1
}

CLUSTER_JOINED=
leave_cluster() {
    [ -n "$CLUSTER_JOINED" ] || return 0
    CLUSTER_JOINED=
    flock 8
    flock -u 9
    if flock -n 9; then
        halt_cluster "$PG_DATA"
    fi
    exec 9>&- 8>&-
}

# remove_orphans: drop the clusters whose checkout is gone.
remove_orphans() {
    local folder checkout
    for folder in "/var/tmp/$ADDON"-????????; do
        [ -d "$folder" ] && [ ! -L "$folder" ] || continue
        [ "$(stat -c %U "$folder")" = "$(pg_owner)" ] || continue
        checkout=$(as_owner cat "$folder/checkout" 2>/dev/null) || continue
        if [ -n "$checkout" ] && [ ! -e "$checkout" ]; then
            halt_cluster "$folder/data"
            as_owner rm -rf "$folder" 2>/dev/null || rm -rf "$folder"
        fi
    done
}
