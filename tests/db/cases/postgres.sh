# shellcheck shell=bash
# PostgreSQL with its data on one disk, its log and a tablespace on another: what is copied while both are frozen recovers to
# all that was acknowledged, and the server goes on.

export CASE=${BASH_SOURCE[0]}
# shellcheck source=/dev/null
. "${CASE%/*/*}/functions.sh"

export DISKS="db db2"
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/db/data

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
sql() { as_postgres "$bin/psql" -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -h "$1" -d postgres -c "$2"; }

# server SOCKETS: in the foreground
server() {
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D $data \
        -c "unix_socket_directories=$1" -c listen_addresses= -c shared_buffers=32MB -c max_wal_size=64MB
}

insert() {
    sed "s/.*/INSERT INTO t VALUES ($1, &) RETURNING n;/" \
        | as_postgres "$bin/psql" -X -q -A -t -h /run/postgresql -d postgres -v ON_ERROR_STOP=1
}

# In a copy: a server is started on it, recovers, and every page of it is read.
rows() {
    local sockets=/run/lab/copy answer
    install -d -o postgres $sockets
    # As after a boot: the process that it names is another one now, or none.
    rm -f $data/postmaster.pid
    server $sockets >>/run/lab/log/copy.log 2>&1 &
    wait_for sql $sockets "SELECT 1" >/dev/null
    sql $sockets "CREATE EXTENSION amcheck; SELECT bt_index_check('t_pkey', true)" >/dev/null
    answer=$(sql $sockets "SELECT count(*), max(n) FROM t GROUP BY client ORDER BY client")
    as_postgres "$bin/pg_ctl" -D $data -m immediate -s stop
    wait
    echo "$answer"
}

# What is below is done once; functions are for the load's clients and for copies, too.
[ "$0" = "$CASE" ] || return 0

say "a server with data, log and a tablespace on two disks"
install -d -o postgres -m 700 $data /var/lib/db2/log /var/lib/db2/space
as_postgres "$bin/initdb" -D $data -X /var/lib/db2/log --auth=peer --data-checksums --no-sync >/run/lab/log/initdb.log
daemon_start postgres /run/lab/in_case server /run/postgresql
daemon_ready postgres sql /run/postgresql "SELECT 1"
sql /run/postgresql "CREATE TABLESPACE space LOCATION '/var/lib/db2/space'"
sql /run/postgresql "CREATE TABLE t (client int, n int, PRIMARY KEY (client, n)) TABLESPACE space"

guest_start 50-postgresql db db2
load_start
rounds
expect "hook 50-postgresql freeze: ok" cat /run/lab/log/hv-vssd.log
expect "checkpoint starting: immediate force wait" cat /run/lab/log/postgres.log

say "a server that has died"
daemon_stop postgres KILL
# Its socket's file is there, and nobody behind it.
[ -S /run/postgresql/.s.PGSQL.5432 ] || fail "its socket is not there any more"
expect "no response" "$bin/pg_isready" -h /run/postgresql
hook 0 freeze
