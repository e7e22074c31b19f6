#!/bin/sh
# A short tour: a simulated Hyper-V host, a private D-Bus and hv-kvpd exchange key-value items over real VMBus rings.
#
# usage: scripts/demo.sh [DIRECTORY OF THE PROGRAMS]      (`make demo` builds them and calls this)
#
# Needs neither root nor a system bus, touches nothing outside a temporary directory, and checks every answer. Ends
# with 0 if all was as it should be; else it says what was not, shows the logs, and ends with 1.

# shellcheck disable=SC2016 # the lines of PowerShell hold variables that are not the shell's

set -u

here=$(cd "$(dirname "$0")/.." && pwd)
programs=$(cd "${1:-$here/target/debug}" 2>/dev/null && pwd) || {
    echo "demo: ${1:-$here/target/debug} is not there: 'make demo' builds the programs first" >&2
    exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/hv-demo.XXXXXX") || exit 1
bus=unix:path=$dir/bus.sock
control=$dir/control.sock
bus_pid="" host_pid="" daemon_pid="" waiting_pid=""
steps=0 keep_logs="" output=""
patience=${HV_DEMO_PATIENCE:-60} # seconds that anything may take on a slow machine

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') red=$(printf '\033[31m')
    plain=$(printf '\033[0m')
else
    bold="" dim="" green="" red="" plain=""
fi

# ---- telling -------------------------------------------------------------------------------------------------------

# With HV_DEMO_STEP=1 and a person at the keyboard, each step waits for Enter.
step() {
    if [ -n "${HV_DEMO_STEP:-}" ] && [ -t 0 ] && [ "$steps" -gt 0 ]; then
        printf '   %s[Enter]%s ' "$dim" "$plain"
        read -r _
    fi
    steps=$((steps + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$steps" "$1" "$plain"
    shift
    for line in "$@"; do printf '   %s\n' "$line"; done
}

# What the administrator of a real host would type for what comes next.
powershell() {
    for line in "$@"; do printf '   %sPS> %s%s\n' "$dim" "$line" "$plain"; done
}

good() { printf '   %s✓ %s%s\n' "$green" "$1" "$plain"; }

fail() {
    printf '\n%s✗ %s%s\n' "$red" "$1" "$plain" >&2
    [ -z "$output" ] || printf 'the last output was:\n%s\n' "$output" >&2
    for log in bus host daemon; do
        [ -s "$dir/$log.log" ] || continue
        printf '\n--- the last lines of %s\n' "$dir/$log.log" >&2
        tail -n 15 "$dir/$log.log" >&2
    done
    keep_logs=yes
    exit 1
}

# ---- doing ---------------------------------------------------------------------------------------------------------

end() {
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

clean_up() {
    code=$?
    trap - EXIT INT TERM HUP
    end "$waiting_pid"
    end "$daemon_pid"
    end "$host_pid"
    end "$bus_pid"
    if [ -n "$keep_logs" ]; then
        printf '\nAll files of this run are in %s\n' "$dir" >&2
    else
        rm -rf "$dir"
    fi
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A program that has ended by itself will not do what is waited for.
all_alive() {
    for pid in $bus_pid $host_pid $daemon_pid; do
        kill -0 "$pid" 2>/dev/null || fail "process $pid ended by itself (bus $bus_pid, host $host_pid, daemon $daemon_pid)"
    done
}

# until_true WHAT COMMAND…: tries until it succeeds, at most $patience seconds.
until_true() {
    what=$1
    shift
    deadline=$(($(date +%s) + patience))
    until "$@" >/dev/null 2>&1; do
        all_alive
        [ "$(date +%s)" -lt "$deadline" ] || fail "waited $patience s: $what"
        sleep 0.05
    done
}

hvctl() { "$programs/hvctl" --bus "$bus" "$@"; }
testhost() { "$programs/hv-testhost" --control "$control" --timeout "$patience" "$@"; }
status_says() { hvctl status | grep -qE "^kvp .*[[:space:]]$1([[:space:]]|\$)"; }

show() {
    [ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/     /'
}

# Prints a command as it would have to be typed.
typed() {
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./:=,-]* | "") printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
}

# on_guest ARGUMENTS…, on_host ARGUMENTS…: show the command, run it, show and keep its output; failing is the end.
on_guest() {
    printf '   %sguest$%s hvctl%s\n' "$bold" "$plain" "$(typed "$@")"
    output=$(hvctl "$@" 2>&1) || fail "hvctl $* ended with exit code $?"
    show
}

on_host() {
    printf '   %shost$%s  hv-testhost%s\n' "$bold" "$plain" "$(typed "$@")"
    output=$(testhost "$@" 2>&1) || fail "hv-testhost $* ended with exit code $?"
    show
}

# The lines of status that are about Data Exchange: the other services have no daemon yet.
show_status() {
    printf '   %sguest$%s hvctl status | head -n 2\n' "$bold" "$plain"
    output=$(hvctl status 2>&1) || fail "hvctl status ended with exit code $?"
    output=$(printf '%s\n' "$output" | head -n 2)
    show
}

# expect TEXT WHAT: the kept output holds TEXT.
expect() {
    case $output in
        *"$1"*) good "$2" ;;
        *) fail "expected to see '$1': $2" ;;
    esac
}

start_bus() {
    cat >"$dir/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>$bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
EOF
    dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile >"$dir/bus.log" 2>&1 &
    bus_pid=$!
    until_true "the private D-Bus does not listen on $dir/bus.sock" test -S "$dir/bus.sock"
}

start_host() {
    "$programs/hv-testhost" --sim "$dir" --ic kvp --vm-name web1 --control "$control" </dev/null >"$dir/host.log" 2>&1 &
    host_pid=$!
    until_true "the simulated host does not listen on $control" test -S "$control"
}

start_daemon() {
    "$programs/hv-kvpd" --config "$dir/hv-utils.toml" --channel "sim:$dir/kvp.sock" --bus "$bus" \
        --pool-dir "$dir/pools" --state-dir "$dir/state" --run-dir "$dir/run" \
        --log-format text </dev/null >>"$dir/daemon.log" 2>&1 &
    daemon_pid=$!
    until_true "hv-kvpd and the host have not agreed on a version" status_says ready
}

# ---- the tour ------------------------------------------------------------------------------------------------------

for program in hv-kvpd hv-vssd hv-timesyncd hv-shutdownd hv-heartbeatd hv-fcopyd hv-netapply hvctl hv-testhost; do
    [ -x "$programs/$program" ] || fail "$programs/$program is not there: 'make demo' builds it"
done
command -v dbus-daemon >/dev/null 2>&1 || fail "dbus-daemon is not there: scripts/setup.sh installs it (package dbus)"
: >"$dir/hv-utils.toml"

printf '%shv-utils: Hyper-V guest services, with a simulated host%s\n' "$bold" "$plain"
printf 'Everything happens in %s and goes away with it.\n' "$dir"
printf 'Lines with PS> are what you would type on a real Hyper-V host; docs/guide/powershell.md sets them up.\n'
if [ -t 0 ] && [ -z "${HV_DEMO_STEP:-}" ]; then
    printf 'HV_DEMO_STEP=1 make demo waits for Enter between the steps.\n'
fi

step "A host, a bus and the guest's daemon start" \
    "The host offers Data Exchange over two VMBus rings in shared memory; hv-kvpd opens them and agrees on versions."
powershell "Enable-VMIntegrationService -VMName web1 -Name 'Key-Value Pair Exchange'"
start_bus
start_host
start_daemon
show_status
expect ready "the channel is ready"

step "The host has introduced itself" "Right after the versions were agreed it sent its name and the machine's identity."
on_guest kvp wait auto-external VirtualMachineName --timeout "$patience"
on_guest host
expect web1 "the guest knows what it is called on the host"

step "The host adds an item; a program in the guest has been waiting for it" \
    "'hvctl kvp wait' sleeps until the item is there: no polling, no race with the boot."
hvctl kvp wait external Colour --timeout "$patience" >"$dir/waited" 2>&1 &
waiting_pid=$!
printf '   %sguest$%s hvctl kvp wait external Colour --timeout %s &\n' "$bold" "$plain" "$patience"
powershell '$VmMgmt.AddKvpItems($Vm, (New-KvpItem Colour blue))'
on_host add-kvp Colour blue
wait "$waiting_pid" || { output=$(cat "$dir/waited"); fail "hvctl kvp wait did not see the item"; }
waiting_pid=""
output=$(cat "$dir/waited")
show
expect blue "the waiting program got the value"
on_guest kvp get external Colour
expect blue "and it can be read at any time"

step "The host changes it" "Data Exchange has no 'changed' flag: the daemon tells its listeners on D-Bus."
powershell '$VmMgmt.ModifyKvpItems($Vm, (New-KvpItem Colour green))'
on_host modify-kvp Colour green
on_guest kvp get external Colour
expect green "the guest sees the new value"

step "The host asks what the guest is" "Made by the daemon when asked: nothing is run, nothing is polled."
powershell '(Get-Kvp web1).GuestIntrinsicExchangeItems'
on_host get-guest-intrinsic-items
expect OSName "the guest's operating system is known to the host"
expect "$(uname -m)" "and its processor"

step "The guest publishes an item of its own" "Answered when it would survive a power cut, not before."
on_guest kvp set guest Role "database, primary"
powershell '(Get-Kvp web1).GuestExchangeItems'
on_host get-kvp guest
expect "database, primary" "the host reads it"

step "The guest cannot write what is the host's" "The pool 'external' belongs to the host's administrator."
printf '   %sguest$%s hvctl%s\n' "$bold" "$plain" "$(typed kvp set external Colour red)"
output=$(hvctl kvp set external Colour red 2>&1) && fail "a write to the host's pool was let through"
show
expect external "refused, with the reason"

step "The host withdraws the service and offers it again" \
    "As when somebody unticks it in the settings: a state, not an error. The daemon stays and comes back by itself."
powershell "Disable-VMIntegrationService -VMName web1 -Name 'Key-Value Pair Exchange'"
on_host disable-service kvp
until_true "the daemon still thinks that it has a channel" status_says closed
show_status
expect closed "the guest knows that the service is gone"
powershell "Enable-VMIntegrationService -VMName web1 -Name 'Key-Value Pair Exchange'"
on_host enable-service kvp
until_true "the daemon has not come back" status_says ready
on_guest kvp get external Colour
expect green "ready again, nothing lost"

step "The host gives the guest an address" \
    "As Hyper-V Replica does after a failover: hv-kvpd checks it, hv-netapply applies it and reads it back, and undoes it if" \
    "it does not come to be. In a network of its own; on your guest it goes through your network manager."
powershell '$VmMgmt.SetGuestNetworkAdapterConfiguration($Vm, @($config.GetText(1)))'
mkdir "$dir/ip"
: >"$dir/ip/empty.toml"
if unshare --map-root-user --net true 2>/dev/null && PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null; then
    output=""
    unshare --map-root-user --net "$here/scripts/demo-ip.sh" "$programs" "$dir/ip" || fail "the address did not get there"
    good "the address is there, the host sees it, and a wrong one changes nothing"
else
    printf '   (not shown here: it needs network namespaces and iproute2)\n'
fi

step "The host takes a production checkpoint" \
    "hv-vssd has databases prepare, freezes the filesystems, answers, and thaws them when the host says so: or by itself, at" \
    "the latest after two minutes, whoever has died by then. Here only a filesystem in a file of the demo's own is frozen."
powershell "Set-VM -Name web1 -CheckpointType ProductionOnly" "Checkpoint-VM -Name web1"
mkdir "$dir/vss"
private=""
[ "$(id -u)" != 0 ] || private="unshare --mount"
output=""
if $private true 2>/dev/null; then
    $private "$here/scripts/demo-vss.sh" "$programs" "$dir/vss" "$bus"
    case $? in
        0) good "that is how a backup goes" ;;
        77) printf '   (not shown here: no filesystem in a file can be mounted)\n' ;;
        *) fail "the checkpoint did not go as it should" ;;
    esac
else
    printf '   (not shown here: it needs a mount namespace)\n'
fi

step "The host tells the time" \
    "As after a pause: the clock is an hour behind, and right at the host's first word; from then on it follows without steps." \
    "Here hv-timesyncd keeps a clock of its own. On your guest it leaves the clock to chrony or another NTP client, if one runs."
powershell "Suspend-VM -Name web1" "Resume-VM -Name web1"
mkdir "$dir/time"
output=""
"$here/scripts/demo-time.sh" "$programs" "$dir/time" "$bus" || fail "the clock did not become right"
good "the clock is right, and stays so"

step "The host looks how the guest is" \
    "Get-VM shows that it lives; and, if somebody in the guest says so, how its applications are. What a program has said ends" \
    "with it. On your guest the kernel answers, and says nothing about applications, until you move Heartbeat to hv-heartbeatd."
powershell "Get-VM -Name web1 | Select-Object Name, State, Heartbeat"
mkdir "$dir/heartbeat"
output=""
"$here/scripts/demo-rest.sh" "$programs" "$dir/heartbeat" "$bus" heartbeat || fail "the host did not see how the guest is"
good "the host sees what the guest says, for as long as it is said"

step "The host copies a file into the guest" \
    "Below the directory that was named in the configuration, whole or not at all. Off until somebody switches it on."
powershell "Copy-VMFile -Name web1 -SourcePath Überblick.dat -DestinationPath /srv/incoming/ -FileSource Host"
mkdir "$dir/copy"
output=""
"$here/scripts/demo-rest.sh" "$programs" "$dir/copy" "$bus" copy || fail "the file did not get there"
good "the file is there, and nothing else is"

step "The host shuts the guest down" \
    "Refused while somebody in the guest inhibits it, unless the host forces it; then accepted. Nothing is powered off here: on" \
    "the simulated link hv-shutdownd says what it would have done."
powershell "Stop-VM -Name web1"
mkdir "$dir/shutdown"
output=""
"$here/scripts/demo-rest.sh" "$programs" "$dir/shutdown" "$bus" shutdown || fail "the guest was not shut down as it should be"
good "the host was told no, with the reason, and then yes"

step "The daemon is killed in the middle of its work" "kill -9, then a new start, as systemd would do it."
kill -KILL "$daemon_pid"
wait "$daemon_pid" 2>/dev/null
daemon_pid=""
start_daemon
on_guest kvp list external
expect green "the host's item is there"
on_guest kvp list guest
expect "database, primary" "and so is the guest's"

step "The host removes its item"
powershell '$VmMgmt.RemoveKvpItems($Vm, (New-KvpItem Colour))'
on_host remove-kvp Colour
hvctl kvp get external Colour >"$dir/gone" 2>&1
code=$?
output=$(cat "$dir/gone")
printf '   %sguest$%s hvctl kvp get external Colour\n' "$bold" "$plain"
show
[ "$code" = 2 ] || fail "expected exit code 2 (no such key), got $code"
good "gone: exit code 2"

step "The daemon is asked to stop" "SIGTERM: what was acknowledged is on disk, the lock is released, exit code 0."
kill -TERM "$daemon_pid"
wait "$daemon_pid"
code=$?
daemon_pid="" output=""
[ "$code" = 0 ] || fail "hv-kvpd ended with exit code $code"
good "ended with exit code 0"

printf '\n%s✓ All %d steps went as they should.%s\n' "$green$bold" "$steps" "$plain"
printf 'Next: README.md; a console of your own: %s --help\n' "hv-testhost"
