# shellcheck shell=bash
# NTP's shared memory as NTPsec's ntpd reads it, to the nanosecond. It makes the segment of unit 2 for everybody, so there is
# nothing to be told to it but its refclock.

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*/*}/functions.sh"

printf '%s\n' 'refclock shm unit 2 refid HYPV minpoll 3 maxpoll 3' 'statsdir /var/log/ntpsec/' 'statistics peerstats' \
    'filegen peerstats file peerstats type none enable' 'disable ntp' >/run/lab/ntp.conf
# offsets: those of the samples that ntpd took
offsets() { awk '$3 == "SHM(2)" {print $5}' /var/log/ntpsec/peerstats; }
took_offset() { [ "$(offsets | grep -cxF -e "$1")" -ge 1 ]; }

feed_start feed 2 1234567
expect '^shared memory of unit 2 \(key 0x4e545032\) is not there' cat /run/lab/log/feed.log

# As root to the end: it gives up root only together with CAP_SYS_TIME, and nobody here has that.
daemon_start ntpd ntpd -n -c /run/lab/ntp.conf
has_segment() { ipcs -m | grep -q '^0x4e545032 .* root  *666 '; }
daemon_ready ntpd has_segment
wait_for took_offset 0.001234567
same "all samples are alike" 0.001234567 "$(offsets | sort -u)"

say "a guest that is ahead"
daemon_stop feed
feed_start ahead 2 -987654321
wait_for took_offset -0.987654321
daemon_stop ahead
daemon_stop ntpd
