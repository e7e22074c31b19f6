# shellcheck shell=bash
# The socket that chronyd makes is root's, and what its unit's drop-in does opens it for hv-timesyncd alone.

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*/*}/functions.sh"

as_chronyds_unit() {
    local line
    line=$(sed -n 's/^ExecStartPost=-+//p' /run/lab/systemd/chrony.service.d/50-hv-utils.conf)
    [ -n "$line" ] || fail "no command in the drop-in"
    # shellcheck disable=SC2086 # a command line, which systemd splits, too
    $line
}

install -D -m 644 /run/lab/systemd/tmpfiles.d/hv-utils-chrony.conf /usr/lib/tmpfiles.d/hv-utils-chrony.conf

say "chronyd of a machine without that refclock: there is nothing to do"
as_chronyds_unit
[ ! -e "$SOCKET" ] || fail "something made $SOCKET"

say "what chronyd makes"
chronyd_start "refclock SOCK $SOCKET refid HYPV poll 0"
same "owner and mode of chronyd's socket" "root root 755" "$(stat -c '%U %G %a' "$SOCKET")"
feed_start early "$SOCKET" 1000000
expect "^$SOCKET cannot be written" cat /run/lab/log/early.log
daemon_stop early

say "after the drop-in of its unit"
as_chronyds_unit
same "owner and mode of the socket" "root hv-timesyncd 660" "$(stat -c '%U %G %a' "$SOCKET")"
feed_start feed "$SOCKET" 2000000
wait_for took 2 2.000000e-03 N

say "nobody else can write to it"
feed_start --user other other "$SOCKET" 3000000
expect "^$SOCKET cannot be written" cat /run/lab/log/other.log

say "nor with chronyd's next socket"
daemon_stop feed
chronyd_stop
chronyd_start "refclock SOCK $SOCKET refid HYPV poll 0"
as_chronyds_unit
same "owner and mode of the new socket" "root hv-timesyncd 660" "$(stat -c '%U %G %a' "$SOCKET")"
as_chronyds_unit
feed_start again "$SOCKET" 4000000
wait_for took 2 4.000000e-03 N
same "only hv-timesyncd's samples" "2.000000e-03 N
4.000000e-03 N" "$(samples | sort -u)"
