# shellcheck shell=bash
# chrony's SOCK: what hv-timesyncd's code sends is what chronyd takes, over a restart of chronyd; what the host says of leap
# seconds comes through, and a host that is not synchronised is not believed.

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*/*}/functions.sh"

refclock="refclock SOCK $SOCKET refid HYPV poll 0"
handed_over() { chgrp hv-timesyncd "$SOCKET" && chmod 0660 "$SOCKET"; }

say "samples before chronyd is there are dropped, with a word"
feed_start feed "$SOCKET" 1234567
expect "^$SOCKET is not there: chronyd does not run" cat /run/lab/log/feed.log

say "a chronyd that comes later takes them as they are"
chronyd_start "$refclock"
handed_over
wait_for took 4 1.234567e-03 N
wait_for reachable HYPV
same "all samples are alike" "1.234567e-03 N" "$(samples | sort -u)"
expect '^HYPV +' chronyc -n sourcestats
# name, points, runs, span, frequency, skew, offset, deviation; the guest is behind, so the source is ahead.
estimate() { chronyc -n -c sourcestats | awk -F, '$1 == "HYPV" {exit !(-$7 > 0.0012 && -$7 < 0.0013)}'; }
wait_for estimate

say "it is restarted, and takes those that follow"
chronyd_stop
expect "^$SOCKET is not there|^nobody reads $SOCKET" tail -n 1 /run/lab/log/feed.log
rm /var/log/chrony/refclocks.log
chronyd_start "$refclock"
handed_over
wait_for took 4 1.234567e-03 N

say "killed, it leaves its socket behind; the next one makes it anew"
daemon_stop chronyd KILL
expect "^nobody reads $SOCKET" tail -n 1 /run/lab/log/feed.log
rm /var/log/chrony/refclocks.log
chronyd_start "$refclock"
handed_over
wait_for took 4 1.234567e-03 N

say "a guest that is ahead, by hours"
daemon_stop feed
feed_start ahead "$SOCKET" -7200000000000
wait_for took 2 -7.200000e+03 N
daemon_stop ahead

say "leap seconds"
feed_start insert "$SOCKET" 0 insert
wait_for took 1 0.000000e+00 +
daemon_stop insert
feed_start delete "$SOCKET" 0 delete
wait_for took 1 0.000000e+00 -
daemon_stop delete

say "a host that is not synchronised: nothing is taken, and nobody is kept busy"
rm /var/log/chrony/refclocks.log
chronyd_stop
chronyd_start "$refclock"
handed_over
feed_start unsynchronised "$SOCKET" 5000000 unsynchronised
expect "^taken" cat /run/lab/log/unsynchronised.log
# What comes after shows that chronyd has read what came before.
feed_start after "$SOCKET" 1234567
wait_for took 4 1.234567e-03 N
same "only samples of the synchronised host" "1.234567e-03 N" "$(samples | sort -u)"
