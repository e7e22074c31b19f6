# shellcheck shell=bash
# NTP's shared memory as chronyd reads it: what hv-timesyncd's code puts there is what it takes, to the nanosecond; segments
# that are not for us, or not root's, are left alone.

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*/*}/functions.sh"

# A log of seven digits shows the nanosecond of what is less than 10 ms.
say "samples before anybody reads are dropped, with a word, and nothing is made"
feed_start feed 2 1234567
expect '^shared memory of unit 2 \(key 0x4e545032\) is not there' cat /run/lab/log/feed.log
same "segments" "" "$(ipcs -m | grep 0x4e54 || true)"

say "a chronyd that keeps its segment for itself: not ours to write"
chronyd_start "refclock SHM 2 refid HYPV poll 0 dpoll -2"
expect '^shared memory of unit 2 \(key 0x4e545032\) cannot be written' cat /run/lab/log/feed.log
chronyd_stop
# It stays when chronyd ends, and the next one takes it as it is.
ipcrm -M 0x4e545032

say "a chronyd that lets everybody write takes them as they are"
chronyd_start "refclock SHM 2:perm=0666 refid HYPV poll 0 dpoll -2"
wait_for took 4 1.234567e-03 N
wait_for reachable HYPV
same "all samples are alike" "1.234567e-03 N" "$(samples | sort -u)"

say "it is restarted, and takes those that follow"
chronyd_stop
rm /var/log/chrony/refclocks.log
chronyd_start "refclock SHM 2:perm=0666 refid HYPV poll 0 dpoll -2"
wait_for took 4 1.234567e-03 N
daemon_stop feed

say "leap seconds, and a host that is not synchronised"
feed_start insert 2 -1000 insert
wait_for took 1 -1.000000e-06 +
daemon_stop insert
feed_start unsynchronised 2 5000000 unsynchronised
expect "^taken" cat /run/lab/log/unsynchronised.log
daemon_stop unsynchronised
feed_start after 2 7000000
wait_for took 2 7.000000e-03 N
same "no sample of the host that is not" "0" "$(samples | grep -c '^5' || true)"
daemon_stop after
chronyd_stop
ipcrm -M 0x4e545032

say "a segment of somebody else's is not written, whatever its mode"
install -d -o other /run/other
printf '%s\n' 'bindcmdaddress /' 'pidfile /run/other/chronyd.pid' 'port 0' 'cmdport 0' 'refclock SHM 2:perm=0666' >/run/other/conf
daemon_start others setpriv --reuid=other --regid=other --clear-groups --bounding-set=-all --inh-caps=-all \
    chronyd -x -d -U -u other -f /run/other/conf
has_segment() { ipcs -m | grep -q '^0x4e545032 .* other  *666 '; }
wait_for has_segment
feed_start feed 2 1234567
expect "^shared memory of unit 2 .* is user $(id -u other)'s, made by user $(id -u other), and not root's: not written" \
    cat /run/lab/log/feed.log
