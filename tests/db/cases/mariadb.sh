# shellcheck shell=bash
# MariaDB with tables of InnoDB and of MyISAM: what is copied while its disk is frozen recovers to all that was acknowledged,
# a table without transactions is whole without a repair, and the server goes on.

export CASE=${BASH_SOURCE[0]}
# shellcheck source=/dev/null
. "${CASE%/*/*}/functions.sh"

export DISKS=db
data=/var/lib/db/data

# sql SOCKET [STATEMENTS]: without them, those on standard input
sql() {
    mariadb --no-defaults --protocol=socket --socket="$1" --user=root --batch --skip-column-names --unbuffered \
        ${2:+--execute="$2"} test
}

# server SOCKET: in the foreground
server() {
    exec mariadbd --no-defaults --user=mysql --datadir=$data --socket="$1" --skip-networking --log-bin=binlog \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --pid-file=/run/mysqld/"$(basename "$1")".pid
}

# The third client's table is without transactions.
insert() {
    local table=t
    [ "$1" != 3 ] || table=m
    sed "s/.*/INSERT INTO $table VALUES ($1, &); SELECT &;/" | sql /run/mysqld/mysqld.sock
}

# In a copy: a server is started on it, recovers, and every table is checked.
rows() {
    local socket=/run/mysqld/copy.sock checked answer
    server $socket >>/run/lab/log/copy.log 2>&1 &
    wait_for sql $socket "SELECT 1" >/dev/null
    checked=$(sql $socket "CHECK TABLE t, m EXTENDED")
    answer=$(sql $socket "SELECT count(*), max(n) FROM (SELECT * FROM t UNION ALL SELECT * FROM m) a GROUP BY client ORDER BY client")
    kill -KILL $!
    wait || true
    [ "$(cut -f 3,4 <<<"$checked" | sort -u)" = $'status\tOK' ] || fail "tables are not whole: $checked"
    echo "$answer"
}

# What is below is done once; functions are for the load's clients and for copies, too.
[ "$0" = "$CASE" ] || return 0

say "a server with a table of InnoDB and one of MyISAM"
install -d -o mysql -m 700 $data
mariadb-install-db --no-defaults --user=mysql --datadir=$data --auth-root-authentication-method=socket --skip-test-db \
    >/run/lab/log/install.log 2>&1
daemon_start mariadb /run/lab/in_case server /run/mysqld/mysqld.sock
daemon_ready mariadb mariadb --no-defaults --socket=/run/mysqld/mysqld.sock --user=root --execute="CREATE DATABASE IF NOT EXISTS test"
sql /run/mysqld/mysqld.sock "CREATE TABLE t (client int, n int, PRIMARY KEY (client, n)) ENGINE=InnoDB"
sql /run/mysqld/mysqld.sock "CREATE TABLE m (client int, n int, PRIMARY KEY (client, n)) ENGINE=MyISAM"

guest_start 50-mariadb db
load_start
rounds
expect "hook 50-mariadb freeze: ok" cat /run/lab/log/hv-vssd.log
expect "hook 50-mariadb thaw: ok" cat /run/lab/log/hv-vssd.log

say "a thaw that never comes"
hook 0 freeze 2
goes_on
hook 1 thaw

say "freeze and freeze-failed, by hand"
hook 0 freeze
hook 0 freeze-failed
hook 0 thaw
goes_on

say "a server that has died"
daemon_stop mariadb KILL
# Its socket's file is there, and nobody behind it.
expect "\(111\)" sql /run/mysqld/mysqld.sock "SELECT 1"
hook 0 freeze
hook 0 thaw
