# shellcheck shell=bash
# The shipped snippets: chronyd takes them where the unit puts them, by the one line of the administrator; it starts without
# them, and with the one for a raw channel it takes samples.

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*/*}/functions.sh"

UNIT=/run/lab/systemd/hv-timesync-chrony@.service
opt_in=$(grep '^confdir ' /run/lab/examples/chrony/hv-utils.conf)

# unit KEY DEVICE: the commands of the unit, as systemd would run them, in the directory that is the unit's
unit() {
    local line count=0 words directory status=0
    directory=$(sed -n 's/^WorkingDirectory=-\{0,1\}//p' $UNIT)
    [ ! -d "$directory" ] || pushd "$directory" >/dev/null || return
    while read -r line; do
        count=$((count + 1))
        eval "words=(${line//%i/$2})"
        "${words[@]}" || { status=$?; break; }
    done < <(sed -n "s/^$1=//p" $UNIT)
    [ ! -d "$directory" ] || popd >/dev/null || return
    [ $count -gt 0 ] || fail "no $1= in $UNIT"
    return $status
}
# what chronyd says its configuration is
read_by_chronyd() { chronyd -p -f "$1"; }

mkdir -p /usr/share/hv-utils
cp -r /run/lab/systemd/chrony /usr/share/hv-utils/chrony
install -D -m 644 /run/lab/systemd/tmpfiles.d/hv-utils-chrony.conf /usr/lib/tmpfiles.d/hv-utils-chrony.conf

say "without the directory"
printf '%s\nport 0\n' "$opt_in" >/etc/chrony.test
[ ! -e /run/chrony-dhcp ] || fail "/run/chrony-dhcp is there already"
same "configuration without the directory" "port 0" "$(read_by_chronyd /etc/chrony.test)"

systemd-tmpfiles --create hv-utils-chrony.conf
same "owner and mode of the directory" "root root 755" "$(stat -c '%U %G %a' /run/chrony-dhcp)"

say "as long as the administrator did not add the line, the unit does nothing"
! unit ExecCondition ptp_hyperv || fail "the unit would start"
for file in /etc/chrony.conf /etc/chrony.d/x.conf /etc/chrony/conf.d/hv-utils.conf; do
    install -D -m 644 /run/lab/examples/chrony/hv-utils.conf $file
    unit ExecCondition ptp_hyperv || fail "the unit would not start with $file"
    rm $file
done
echo "#$opt_in" >/etc/chrony.conf
! unit ExecCondition ptp_hyperv || fail "the unit would start for a comment"
echo "confdir /etc/chrony/conf.d /run/chrony-dhcp" >/etc/chrony.conf
unit ExecCondition ptp_hyperv || fail "the unit would not start with the second directory of a line"
rm /etc/chrony.conf

say "with a PTP clock"
unit ExecStart ptp_hyperv
expect '^refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0 stratum 2$' read_by_chronyd /etc/chrony.test
same "lines" 2 "$(read_by_chronyd /etc/chrony.test | grep -c .)"
# Why it is there only with its device:
code=0
timeout 60 chronyd -x -d -f /etc/chrony.test >/run/lab/log/without.log 2>&1 || code=$?
same "exit code of a chronyd whose PTP clock is missing" 1 $code
expect '/dev/ptp_hyperv' cat /run/lab/log/without.log

say "with the raw channel, to which the component has been moved: the clock that is gone is not named any more"
unit ExecStart hyperv-timesync
same "files" hv-timesync-hyperv-timesync.conf "$(ls /run/chrony-dhcp)"
unit ExecStop ptp_hyperv
chronyd_start "$opt_in"
systemd-tmpfiles --create hv-utils-chrony.conf
feed_start feed "$SOCKET" -1234567
wait_for took 2 -1.234567e-03 N
wait_for reachable HYPV
expect '^#,[?*],HYPV,2,3,' chronyc -n -c sources
# The last column but one of a sample: half of a delay, and a precision
same "stated error of a sample" "1.000e-06" "$(awk '/^ *[0-9]/ && $4 != "-" {print $9; exit}' /var/log/chrony/refclocks.log)"

say "without the device the socket stays: it is chronyd's own, and the device may come back"
unit ExecStop hyperv-timesync
same "files" hv-timesync-hyperv-timesync.conf "$(ls /run/chrony-dhcp)"

say "with the PTP clock again"
unit ExecStart ptp_hyperv
same "files" hv-timesync-ptp_hyperv.conf "$(ls /run/chrony-dhcp)"
unit ExecStop ptp_hyperv
same "files" "" "$(ls /run/chrony-dhcp)"
chronyd_stop
chronyd_start "$opt_in"
same "sources" "" "$(chronyc -n -c sources)"

say "what AppArmor lets Debian's chronyd do includes both paths"
profile=/etc/apparmor.d/usr.sbin.chronyd
expect '@\{run\}/chrony-dhcp/\{,\*\} r,' cat $profile
expect '@\{run\}/chrony\.\*\.sock rw,' cat $profile
