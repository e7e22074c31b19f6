#!/bin/sh
# Checks what surrounds the programs: units, bus and polkit files, manual pages, configuration, installation, the demo.
#
# usage: tests/house.sh [DIRECTORY OF THE PROGRAMS]
#
# A check whose tool (or program, or privilege) is missing is skipped by name. Ends with 1 if any check failed.

set -u

cd "$(dirname "$0")/.." || exit 1
programs=$(cd "${1:-target/debug}" 2>/dev/null && pwd) || programs=/nonexistent
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

passed=0 failed=0 skipped=0
readonly SKIP=77

# check NAME FUNCTION: the function prints why it fails, or why it cannot run (and returns $SKIP).
check() {
    "$2" >"$tmp/output" 2>&1
    case $? in
        0) passed=$((passed + 1)) && printf 'ok    %s\n' "$1" ;;
        "$SKIP") skipped=$((skipped + 1)) && printf 'skip  %s: %s\n' "$1" "$(tail -n 1 "$tmp/output")" ;;
        *)
            failed=$((failed + 1))
            printf 'FAIL  %s\n' "$1"
            sed 's/^/      /' "$tmp/output"
            ;;
    esac
}

# need PROGRAM: skips the check without it.
need() {
    command -v "$1" >/dev/null 2>&1 || { echo "no $1 on this machine" && exit "$SKIP"; }
}

need_built() {
    [ -x "$programs/$1" ] || { echo "$1 is not built" && exit "$SKIP"; }
}

need_root() {
    [ "$(id -u)" = 0 ] || { echo "needs root" && exit "$SKIP"; }
}

# ---- scripts -------------------------------------------------------------------------------------------------------

scripts_parse() (
    status=0
    for script in scripts/*.sh tests/*.sh tests/vm/outer/* tests/vm/guest/init tests/vm/guest/poweroff examples/vss.d/*; do
        sh -n "$script" || status=1
        [ -x "$script" ] || { echo "$script is not executable" && status=1; }
    done
    for script in .ci/run tests/vm/run tests/vm/*.sh tests/net/run tests/net/systemctl tests/net/*.sh tests/net/cases/*.sh \
        tests/db/run tests/db/*.sh tests/db/cases/*.sh tests/ntp/run tests/ntp/*.sh tests/ntp/cases/*.sh; do
        bash -n "$script" || status=1
    done
    exit $status
)

scripts_are_clean() (
    need shellcheck
    shellcheck scripts/*.sh tests/*.sh tests/vm/*.sh tests/vm/outer/* tests/vm/guest/init tests/vm/guest/poweroff \
        tests/vm/run .ci/run tests/net/*.sh tests/net/cases/*.sh tests/net/run tests/net/systemctl tests/net/shellrc \
        tests/db/run tests/db/*.sh tests/db/cases/*.sh tests/ntp/run tests/ntp/*.sh tests/ntp/cases/*.sh examples/vss.d/*
)

# ---- systemd -------------------------------------------------------------------------------------------------------

# A copy of the units whose programs exist, for systemd-analyze.
prepare_units() {
    mkdir -p "$tmp/units"
    for unit in systemd/*.service systemd/*.socket systemd/*.path; do
        sed -e 's,^\(ExecStart\|ExecStopPost\)=.*,\1=/bin/true,' "$unit" >"$tmp/units/$(basename "$unit")"
    done
}

units_verify() (
    need systemd-analyze
    prepare_units
    systemd-analyze verify --man=no "$tmp"/units/hv-* >"$tmp/verify" 2>&1
    status=$?
    # Words about units of this machine are not ours to judge.
    grep -F "hv-" "$tmp/verify"
    ! grep -qF "hv-" "$tmp/verify" && [ $status = 0 ]
)

# exposure UNIT LIMIT: as systemd-analyze counts it, in tenths.
exposure() {
    systemd-analyze security --offline=yes --no-pager --threshold="$2" "$tmp/units/$1" >"$tmp/security" 2>&1
    status=$?
    tail -n 1 "$tmp/security"
    return $status
}

units_are_confined() (
    need systemd-analyze
    systemd-analyze security --help 2>/dev/null | grep -q -e --offline || {
        echo "this systemd-analyze cannot judge a unit file (before version 250)"
        exit "$SKIP"
    }
    prepare_units
    exposure hv-kvpd.service 25 && exposure hv-driver.service 25 && exposure hv-driver-release@.service 25 && exposure hv-netapply.service 45 &&
        exposure hv-vssd.service 40 && exposure hv-timesyncd.service 20 && exposure hv-timesync-counter.service 15 &&
        exposure hv-timesync-chrony@.service 25 && exposure hv-shutdownd.service 25 && exposure hv-heartbeatd.service 15 &&
        exposure hv-fcopyd.service 40
)

# It freezes what it sees: none of these, each of which gives a service mounts of its own.
vssd_sees_all_mounts() (
    ! grep -nE '^(Protect(Home|System|Kernel(Tunables|Modules|Logs)|ControlGroups|Proc)|ProcSubset|Private(Tmp|Devices|Network|Mounts|Users|IPC)|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec|Bind|BindReadOnly)Paths|TemporaryFileSystem|Root(Directory|Image)|MountFlags|MountAPIVFS|DynamicUser)=' \
        systemd/hv-vssd.service
)

# All its power over the clock is one system call, and it has no other power.
timesyncd_may_only_set_the_clock() (
    status=0
    for line in AmbientCapabilities=CAP_SYS_TIME CapabilityBoundingSet=CAP_SYS_TIME User=hv-timesyncd \
        'SystemCallFilter=~@privileged @resources' 'SystemCallFilter=clock_adjtime clock_adjtime64'; do
        grep -qx "$line" systemd/hv-timesyncd.service || { echo "hv-timesyncd.service lacks $line" && status=1; }
    done
    # What would take that power away, the two devices, or the clients' shared memory.
    grep -nE '^(ProtectClock|PrivateUsers|PrivateDevices|PrivateIPC|RemoveIPC)=' systemd/hv-timesyncd.service && status=1
    # It lives beside them.
    grep -nE '^Conflicts=.*(chrony|ntp|timesyncd)' systemd/hv-timesyncd.service && status=1
    exit $status
)

# holds UNIT LINE…: the unit has each of these lines, as they are.
holds() (
    unit=systemd/$1 status=0
    shift
    for line in "$@"; do
        grep -qxF "$line" "$unit" || { echo "$unit lacks $line" && status=1; }
    done
    exit $status
)

# Who may power the machine off, who may write where, and who may do nothing at all.
others_have_the_powers_they_need() (
    status=0
    holds hv-shutdownd.service CapabilityBoundingSet=CAP_SYS_BOOT 'SystemCallFilter=~@privileged @resources' \
        SystemCallFilter=reboot ProtectSystem=strict || status=1
    holds hv-heartbeatd.service CapabilityBoundingSet= User=hv-heartbeatd 'SystemCallFilter=~@privileged @resources' \
        ProtectSystem=strict || status=1
    # Where a host's files go is said in a drop-in, and by nobody else.
    holds hv-fcopyd.service 'CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER' ProtectSystem=strict \
        ReadWritePaths=-/run/hv-utils 'StateDirectory=hv-utils/hv-fcopyd hv-utils/incoming' || status=1
    [ "$(grep -c '^ReadWritePaths=' systemd/hv-fcopyd.service)" = 1 ] || { echo "hv-fcopyd.service may write elsewhere" && status=1; }
    # Stopped after all ordinary services, and before what it has is unmounted.
    for unit in hv-shutdownd hv-heartbeatd; do
        holds $unit.service DefaultDependencies=no 'Before=sysinit.target shutdown.target' Conflicts=shutdown.target || status=1
        grep -q '^After=.*local-fs.target' systemd/$unit.service || { echo "$unit.service: not after local-fs.target" && status=1; }
    done
    exit $status
)

# A unit that a target wants waits for its device on machines that have none. Those without a device of their own are
# started by a call on the bus, or at a socket or by a path that a daemon wants, or when a daemon has failed.
units_are_started_by_udev() (
    status=0
    for unit in systemd/*.service; do
        name=$(basename "$unit")
        # Hibernation wants this one, wherever it is.
        [ "$name" != hv-utils-sleep.service ] || continue
        grep -q '^\(WantedBy\|RequiredBy\)=' "$unit" && echo "$unit: wanted by a target" && status=1
        grep -q '^ConditionVirtualization=microsoft$' "$unit" || { echo "$unit: no ConditionVirtualization" && status=1; }
        grep -qx "SystemdService=$name" dbus/*.service && continue
        grep -qx "Wants=${name%.service}.socket" systemd/*.service && [ -e "${unit%.service}.socket" ] && continue
        grep -qx "Wants=${name%.service}.path" systemd/*.service && [ -e "${unit%.service}.path" ] && continue
        case $name in *@.service) grep -q "^OnFailure=${name%.service}[a-z-]*\.service$" systemd/*.service && continue ;; esac
        case $name in
            # One of a kind for each device
            *@.service) grep -q "ENV{SYSTEMD_WANTS}+=\"${name%.service}[^\"]*\.service\"" systemd/*.rules ;;
            *) grep -qF "ENV{SYSTEMD_WANTS}=\"$name\"" systemd/90-hv-utils.rules ;;
        esac || { echo "no udev rule starts $name" && status=1; }
    done
    exit $status
)

# The names of Debian, of the kernel tree and SUSE, of RHEL and Fedora, and of the snap.
c_daemons_are_excluded() (
    status=0
    for pair in hv-kvpd:hv-kvp-daemon hv-kvpd:hv_kvp_daemon hv-kvpd:hypervkvpd hv-kvpd:hyperv-daemons.hv-kvp-daemon \
        hv-vssd:hv-vss-daemon hv-vssd:hv_vss_daemon hv-vssd:hypervvssd hv-vssd:hyperv-daemons.hv-vss-daemon \
        hv-fcopyd:hv-fcopy-daemon hv-fcopyd:hv_fcopy_daemon hv-fcopyd:hypervfcopyd hv-fcopyd:hyperv-daemons.hv-fcopy-daemon \
        hv-fcopyd:hv_fcopy_uio_daemon; do
        unit=systemd/${pair%:*}.service other=${pair#*:}
        grep -q "^Conflicts=.*\b$other\.service" "$unit" || { echo "$unit: no Conflicts= with $other" && status=1; }
    done
    exit $status
)

users_and_files_are_created() (
    need systemd-sysusers
    need systemd-tmpfiles
    need_root
    root=$tmp/root
    mkdir -p "$root/etc" "$root/run" "$root/var/lib"
    : >"$root/etc/passwd" && : >"$root/etc/group"
    systemd-sysusers --root="$root" "$PWD/systemd/sysusers.d/hv-utils.conf" || exit 1
    # Twice: the second run finds everything as the first left it.
    systemd-tmpfiles --root="$root" --create "$PWD/systemd/tmpfiles.d/hv-utils.conf" || exit 1
    systemd-tmpfiles --root="$root" --create "$PWD/systemd/tmpfiles.d/hv-utils.conf" || exit 1
    uid=$(grep '^hv-kvpd:' "$root/etc/passwd" | cut -d: -f3)
    [ -n "$uid" ] || { echo "no user hv-kvpd" && exit 1; }
    status=0
    for number in 0 1 2 3 4; do
        found=$(stat -c '%a %u' "$root/var/lib/hyperv/.kvp_pool_$number")
        [ "$found" = "644 $uid" ] || { echo "pool $number: mode and owner $found, not 644 $uid" && status=1; }
    done
    for daemon in hv-kvpd hv-timesyncd hv-heartbeatd; do
        uid=$(grep "^$daemon:" "$root/etc/passwd" | cut -d: -f3)
        found=$(stat -c '%a %u' "$root/run/hv-utils/$daemon.lock")
        [ "$found" = "600 ${uid:-nobody}" ] || { echo "lock of $daemon: mode and owner $found, not 600 $uid" && status=1; }
    done
    [ "$(stat -c '%a %u' "$root/var/lib/hv-utils/incoming")" = "750 0" ] || { echo "files from the host are not root's alone" && status=1; }
    [ "$(stat -c '%a %u' "$root/var/lib/hyperv")" = "755 0" ] || { echo "/var/lib/hyperv is not root's" && status=1; }
    systemd-tmpfiles --root="$root" --create "$PWD/systemd/tmpfiles.d/hv-utils-chrony.conf" || exit 1
    [ "$(stat -c '%a %u' "$root/run/chrony-dhcp")" = "755 0" ] || { echo "/run/chrony-dhcp is not root's" && status=1; }
    exit $status
)

udev_rules_verify() (
    need udevadm
    udevadm verify --help >/dev/null 2>&1 || { echo "this udevadm has no verify (before version 254)" && exit "$SKIP"; }
    udevadm verify --no-style systemd/*.rules
)

# ---- bus and polkit ------------------------------------------------------------------------------------------------

xml_is_well_formed() (
    need xmllint
    xmllint --nonet --noout dbus/*.xml dbus/*.conf dbus/*.policy
)

bus_accepts_policy() (
    need dbus-daemon
    cat >"$tmp/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=$tmp/policy.sock</listen>
  $(for policy in dbus/*.conf; do echo "<include>$PWD/$policy</include>"; done)
</busconfig>
EOF
    dbus-daemon --config-file="$tmp/bus.conf" --nofork --nopidfile --print-address=3 3>"$tmp/address" 2>"$tmp/bus.log" &
    bus=$!
    tries=0
    until [ -s "$tmp/address" ] || [ $tries = 1200 ] || ! kill -0 $bus 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill $bus 2>/dev/null
    wait $bus 2>/dev/null
    cat "$tmp/bus.log"
    [ -s "$tmp/address" ]
)

activation_matches_unit() (
    status=0
    for file in dbus/*.service; do
        name=$(sed -n 's/^Name=//p' "$file")
        alias=$(sed -n 's/^SystemdService=//p' "$file")
        [ "$(basename "$file")" = "$name.service" ] || { echo "$file names $name" && status=1; }
        unit=systemd/$alias
        [ -f "$unit" ] || unit=$(grep -lx "Alias=$alias" systemd/*.service) || { echo "no unit has Alias=$alias" && status=1; }
        grep -qx "BusName=$name" "${unit:-/dev/null}" || { echo "no BusName=$name in the unit $unit" && status=1; }
        [ -f "dbus/$name.conf" ] || { echo "no bus policy for $name" && status=1; }
    done
    exit $status
)

polkit_actions_exist() (
    status=0
    actions=$(find hv* -path '*/src/*' -name '*.rs' ! -path '*tests*' -exec grep -ohE '"org\.hvutils\.[a-z]+\.[a-z-]+"' {} + | tr -d '"' | sort -u)
    for action in $actions; do
        grep -q "<action id=\"$action\">" dbus/org.hvutils.policy || { echo "$action is asked for, but not defined" && status=1; }
    done
    exit $status
)

# Prints an interface as one line per member, whatever the order of attributes. Results have no names on the bus.
members() {
    xmllint --nonet --format "$2" | awk -v wanted="$1" '
        function attribute(name,    from) {
            if (!match($0, " " name "=\"[^\"]*\"")) return ""
            from = RSTART + length(name) + 3
            return substr($0, from, RSTART + RLENGTH - 1 - from)
        }
        function flush() { if (member != "") print member signature; member = ""; signature = "" }
        /<interface / { inside = attribute("name") == wanted }
        /<\/interface>/ { flush(); inside = 0 }
        !inside { next }
        /<(method|signal) / { flush(); member = ($0 ~ /<method/ ? "method " : "signal ") attribute("name") }
        /<property / { flush(); member = "property " attribute("name") " " attribute("type") " " attribute("access") }
        /<arg / {
            result = member ~ /^method/ && attribute("direction") == "out"
            signature = signature " " (result ? "->" : attribute("name") ":") attribute("type")
        }
    ' | sort
}

# introspect NAME PROCESS LOG: the root object of a name, as XML on standard output; waits for it, for as long as the
# process lives.
introspect() {
    object=/$(printf '%s' "$1" | tr . /)
    tries=0
    until dbus-send --bus="unix:path=$run/bus" --print-reply=literal --dest="$1" "$object" \
        org.freedesktop.DBus.Introspectable.Introspect >"$run/introspected" 2>"$run/error"; do
        tries=$((tries + 1))
        if [ $tries = 1200 ] || ! kill -0 "$2" 2>/dev/null; then
            cat "$run/error" "$3" >&2
            return 1
        fi
        sleep 0.05
    done
    # dbus-send indents what it prints.
    sed '1s/^[[:space:]]*//' "$run/introspected"
}

# The bus and the programs without a host, as small as it goes; their objects are asked what they have.
interfaces_match_live() (
    need xmllint
    need dbus-daemon
    need dbus-send
    need_built hv-kvpd
    need_built hv-vssd
    need_built hv-timesyncd
    need_built hv-shutdownd
    need_built hv-heartbeatd
    need_built hv-fcopyd
    need_built hv-driver
    run=$tmp/live
    mkdir -p "$run"
    : >"$run/empty.toml"
    cat >"$run/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=$run/bus</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>
EOF
    dbus-daemon --config-file="$run/bus.conf" --nofork --nopidfile 2>"$run/bus.log" &
    bus=$!
    daemon="" vssd="" timesyncd="" others="" driver=""
    trap 'kill $bus $daemon $vssd $timesyncd $others $driver 2>/dev/null' EXIT
    tries=0
    until [ -S "$run/bus" ] || [ $tries = 1200 ]; do tries=$((tries + 1)) && sleep 0.05; done
    "$programs/hv-kvpd" --config "$run/empty.toml" --channel "sim:$run/none.sock" --bus "unix:path=$run/bus" \
        --pool-dir "$run/pools" --state-dir "$run/state" --run-dir "$run/run" 2>"$run/daemon.log" &
    daemon=$!
    # With no mounts to see, so that it could freeze nothing.
    mkdir -p "$run/proc/self" "$run/proc/sys/kernel/random"
    : >"$run/proc/self/mountinfo"
    cp /proc/sys/kernel/random/boot_id "$run/proc/sys/kernel/random/"
    "$programs/hv-vssd" --config "$run/empty.toml" --channel "sim:$run/none.sock" --bus "unix:path=$run/bus" \
        --proc-root "$run/proc" --sysfs-root "$run" --state-dir "$run/state" --run-dir "$run/run" 2>"$run/vssd.log" &
    vssd=$!
    # With a clock of its own.
    "$programs/hv-timesyncd" --config "$run/empty.toml" --channel "sim:$run/none.sock" --bus "unix:path=$run/bus" \
        --clock imitated --state-dir "$run/state" --run-dir "$run/run" 2>"$run/timesyncd.log" &
    timesyncd=$!
    # None of these does anything to this machine: the host is a simulated one, and never comes.
    for name in shutdown heartbeat fcopy; do
        "$programs/hv-${name}d" --config "$run/empty.toml" --channel "sim:$run/none.sock" --bus "unix:path=$run/bus" \
            --sysfs-root "$run" --etc-root "$run" --state-dir "$run/state" --run-dir "$run/run" 2>"$run/$name.log" &
        others="$others $!"
        eval "$name=$!"
    done
    "$programs/hv-driver" serve --config "$run/empty.toml" --bus "unix:path=$run/bus" --sysfs-root "$run" \
        --run-dir "$run/run" 2>"$run/driver.log" &
    driver=$!
    introspect org.hvutils.Kvp1 $daemon "$run/daemon.log" >"$run/kvp.xml" || exit 1
    introspect org.hvutils.Vss1 $vssd "$run/vssd.log" >"$run/vss.xml" || exit 1
    introspect org.hvutils.TimeSync1 $timesyncd "$run/timesyncd.log" >"$run/timesync.xml" || exit 1
    # shellcheck disable=SC2154 # set by name
    introspect org.hvutils.Shutdown1 "$shutdown" "$run/shutdown.log" >"$run/shutdown.xml" || exit 1
    # shellcheck disable=SC2154
    introspect org.hvutils.Heartbeat1 "$heartbeat" "$run/heartbeat.log" >"$run/heartbeat.xml" || exit 1
    # shellcheck disable=SC2154
    introspect org.hvutils.FileCopy1 "$fcopy" "$run/fcopy.log" >"$run/fcopy.xml" || exit 1
    introspect org.hvutils.Driver1 $driver "$run/driver.log" >"$run/driver.xml" || exit 1
    status=0
    for pair in org.hvutils.Kvp1:kvp org.hvutils.Network1:kvp org.hvutils.Service1:kvp org.hvutils.Driver1:driver \
        org.hvutils.Vss1:vss org.hvutils.Service1:vss org.hvutils.TimeSync1:timesync org.hvutils.Service1:timesync \
        org.hvutils.Shutdown1:shutdown org.hvutils.Service1:shutdown org.hvutils.Heartbeat1:heartbeat \
        org.hvutils.Service1:heartbeat org.hvutils.FileCopy1:fcopy org.hvutils.Service1:fcopy; do
        interface=${pair%:*}
        members "$interface" "dbus/$interface.xml" >"$run/written"
        members "$interface" "$run/${pair#*:}.xml" >"$run/live"
        [ -s "$run/written" ] || { echo "dbus/$interface.xml holds nothing" && status=1; }
        diff -u --label "dbus/$interface.xml" --label "the running daemon" "$run/written" "$run/live" || status=1
    done
    exit $status
)

# ---- manual pages and configuration --------------------------------------------------------------------------------

man_pages_are_clean() (
    if command -v mandoc >/dev/null 2>&1; then
        mandoc -Tlint -Wwarning docs/man/*.[1-8]
    elif command -v groff >/dev/null 2>&1; then
        groff -mandoc -ww -z docs/man/*.[1-8] 2>&1 | tee "$tmp/groff"
        [ ! -s "$tmp/groff" ]
    else
        echo "neither mandoc nor groff on this machine"
        exit "$SKIP"
    fi
)

# table.key of every key in the default configuration, commented out or not.
configuration_keys() {
    awk '
        /^#?\[[a-z-]+\]$/ { gsub(/[]#[]/, ""); table = $0; next }
        /^#?[a-z-]+ = / { sub(/^#/, ""); print table "." $1 }
    ' etc/hv-utils.toml | sort
}

# The same from the manual page: a table is a subsection, a key an item of its list.
documented_keys() {
    awk '
        /^\.Ss Table/ { table = $NF; gsub(/[][]/, "", table); next }
        /^\.S[sh] / { table = "" }
        /^\.It Ic / && table != "" { print table "." $3 }
    ' docs/man/hv-utils.toml.5 | sort
}

keys_are_documented() (
    configuration_keys >"$tmp/keys"
    documented_keys >"$tmp/documented"
    [ -s "$tmp/keys" ] || { echo "no key found in etc/hv-utils.toml" && exit 1; }
    diff -u --label etc/hv-utils.toml --label docs/man/hv-utils.toml.5 "$tmp/keys" "$tmp/documented"
)

default_configuration_is_valid() (
    need_built hv-kvpd
    need_built hv-vssd
    need_built hv-timesyncd
    need_built hv-shutdownd
    need_built hv-heartbeatd
    need_built hv-fcopyd
    need_built hv-driver
    need_built hv-netapply
    # What the comments call the defaults must be accepted as well.
    sed 's/^#\([a-z-]* = \)/\1/' etc/hv-utils.toml >"$tmp/all.toml"
    for program in hv-kvpd hv-vssd hv-timesyncd hv-shutdownd hv-heartbeatd hv-fcopyd hv-driver hv-netapply; do
        "$programs/$program" --config etc/hv-utils.toml --check-config || exit 1
        "$programs/$program" --config "$tmp/all.toml" --check-config || exit 1
    done
    printf '[driver]\nkvp = "raw"\n' >"$tmp/typo.toml"
    "$programs/hv-driver" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a choice that is none was not refused with 78" && exit 1; }
    printf '[kvp]\nmax-itmes = 3\n' >"$tmp/typo.toml"
    "$programs/hv-kvpd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a key with a typing error was not refused with 78" && exit 1; }
    printf '[vss]\nmax-frozen-secs = 841\n' >"$tmp/typo.toml"
    "$programs/hv-vssd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a time out of its range was not refused with 78" && exit 1; }
    printf '[timesync]\nnot-before = "2026-02-29"\n' >"$tmp/typo.toml"
    "$programs/hv-timesyncd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a day that is none was not refused with 78" && exit 1; }
    printf '[shutdown]\ndelay-secs = 3601\n' >"$tmp/typo.toml"
    "$programs/hv-shutdownd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a delay out of its range was not refused with 78" && exit 1; }
    printf '[heartbeat]\nunits = ["no unit"]\n' >"$tmp/typo.toml"
    "$programs/hv-heartbeatd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a unit that is none was not refused with 78" && exit 1; }
    printf '[file-copy]\nroots = ["incoming"]\n' >"$tmp/typo.toml"
    "$programs/hv-fcopyd" --config "$tmp/typo.toml" --check-config
    [ $? = 78 ] || { echo "a root that is not absolute was not refused with 78" && exit 1; }
)

# Long options, "Fl" being the first dash.
page_options() { grep -oE 'Fl -[a-z][a-z-]*' "$1" | sed 's/^Fl -/--/' | sort -u; }

# documented PAGE PROGRAM [VERB…]: prints each option and verb in the program's help that the page does not know,
# and goes on with the verbs' own help.
documented() {
    page=$1 program=$2
    shift 2
    "$programs/$program" "$@" --help >"$tmp/help-of" 2>&1 </dev/null || echo "$program $* --help fails"
    sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p' "$tmp/help-of" | while read -r option; do
        page_options "$page" | grep -qx -e "$option" || echo "$page does not know $program $* $option"
    done
    # shellcheck disable=SC2013 # a verb is one word
    for verb in $(sed -n '/^\(Verbs\|Commands\):/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' "$tmp/help-of"); do
        [ "$verb" != help ] || continue
        grep -qE "Ic (.* )?$verb( |\$)" "$page" || echo "$page does not know $program $* $verb"
        documented "$page" "$program" "$@" "$verb"
    done
}

options_are_documented() (
    need_built hv-kvpd
    need_built hv-vssd
    need_built hv-timesyncd
    need_built hv-timesync-counter
    need_built hv-shutdownd
    need_built hv-heartbeatd
    need_built hv-fcopyd
    need_built hv-driver
    need_built hv-netapply
    need_built hvctl
    need_built hv-testhost
    for program in hv-kvpd:8 hv-vssd:8 hv-timesyncd:8 hv-timesync-counter:8 hv-shutdownd:8 hv-heartbeatd:8 hv-fcopyd:8 hv-driver:8 hv-netapply:8 hvctl:1 hv-testhost:1; do
        documented "docs/man/${program%:*}.${program#*:}" "${program%:*}"
    done | sort -u >"$tmp/undocumented"
    cat "$tmp/undocumented"
    [ ! -s "$tmp/undocumented" ]
)

# ---- installation --------------------------------------------------------------------------------------------------

# Installs what is built, or stand-ins, so that the lists of files are checked in any case.
installs_and_uninstalls() (
    from=$programs
    all="hv-kvpd hv-vssd hv-timesyncd hv-timesync-counter hv-shutdownd hv-heartbeatd hv-fcopyd hv-driver hv-netapply hvctl hv-testhost"
    for program in $all; do
        [ -x "$programs/$program" ] || from=$tmp/stand-ins
    done
    if [ "$from" != "$programs" ]; then
        mkdir -p "$from"
        for program in $all; do
            printf '#!/bin/sh\n' >"$from/$program" && chmod +x "$from/$program"
        done
    fi
    status=0
    for prefix in /usr /usr/local; do
        tree=$tmp/tree$prefix
        make -s install FROM="$from" DESTDIR="$tree" PREFIX="$prefix" || exit 1
        for unit in systemd/*.service; do
            installed=$tree$prefix/lib/systemd/system/$(basename "$unit")
            # shellcheck disable=SC2013 # a path holds no blanks
            for program in $(sed -n 's,^\(ExecStart\|ExecStopPost\)=\(/[^ ]*\).*,\2,p' "$installed"); do
                [ -x "$tree$program" ] || { echo "$prefix: $unit starts $program, which is not there" && status=1; }
            done
        done
        for file in "$tree$prefix/bin/hvctl" "$tree/etc/hv-utils/hv-utils.toml" "$tree$prefix/share/man/man8/hv-kvpd.8" \
            "$tree$prefix/share/man/man8/hv-vssd.8" "$tree$prefix/share/dbus-1/interfaces/org.hvutils.Vss1.xml" \
            "$tree$prefix/share/man/man8/hv-timesyncd.8" "$tree$prefix/share/dbus-1/interfaces/org.hvutils.TimeSync1.xml" \
            "$tree$prefix/lib/systemd/system/hv-timesync-counter.path" "$tree$prefix/share/man/man8/hv-shutdownd.8" \
            "$tree$prefix/share/man/man8/hv-heartbeatd.8" "$tree$prefix/share/man/man8/hv-fcopyd.8" \
            "$tree$prefix/share/dbus-1/interfaces/org.hvutils.FileCopy1.xml" "$tree$prefix/lib/systemd/system/hv-utils-sleep.service"; do
            [ -f "$file" ] || { echo "$prefix: $file is missing" && status=1; }
        done
        echo '# mine' >>"$tree/etc/hv-utils/hv-utils.toml"
        make -s install FROM="$from" DESTDIR="$tree" PREFIX="$prefix" >/dev/null || exit 1
        grep -q '^# mine' "$tree/etc/hv-utils/hv-utils.toml" || { echo "$prefix: the configuration was overwritten" && status=1; }
        make -s uninstall FROM="$from" DESTDIR="$tree" PREFIX="$prefix" || exit 1
        left=$(find "$tree" -type f | grep -v '/etc/hv-utils/hv-utils.toml$')
        [ -z "$left" ] || { echo "$prefix: left behind: $left" && status=1; }
    done
    exit $status
)

# ---- documents and sources -----------------------------------------------------------------------------------------

links_lead_somewhere() (
    status=0
    for page in *.md docs/*.md docs/*/*.md; do
        # shellcheck disable=SC2013 # a link holds no blanks
        for link in $(grep -oE '\]\([^)#: ]+' "$page" | cut -c3- | grep -v '^https\{0,1\}$'); do
            [ -e "$(dirname "$page")/$link" ] || { echo "$page: $link is not there" && status=1; }
        done
    done
    exit $status
)

# CONTRIBUTING.md: a file that grows past 500 lines is two files. Tests may be longer.
sources_are_short() (
    find hv* -path '*/src/*' -name '*.rs' ! -name '*tests.rs' ! -path '*/tests/*' -exec wc -l {} + |
        awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines"; long = 1 } END { exit long }'
)

# ---- under systemd ------------------------------------------------------------------------------------------------

unit_runs_under_systemd() (
    need_built hv-kvpd
    need_built hvctl
    need_built hv-testhost
    tests/booted.sh "$programs" && tests/booted-sleep.sh
)

# ---- the demo ------------------------------------------------------------------------------------------------------

need_demo() {
    need dbus-daemon
    need_built hv-kvpd
    need_built hv-vssd
    need_built hv-timesyncd
    need_built hv-shutdownd
    need_built hv-heartbeatd
    need_built hv-fcopyd
    need_built hvctl
    need_built hv-testhost
}

demo_runs() (
    need_demo
    scripts/demo.sh "$programs"
)

demo_runs_as_ordinary_user() (
    need_demo
    need_root
    need setpriv
    mkdir -p "$tmp/for-anyone"
    chmod 0755 "$tmp" "$tmp/for-anyone"
    mkdir -p "$tmp/for-anyone/scripts"
    for program in hv-kvpd hv-vssd hv-timesyncd hv-shutdownd hv-heartbeatd hv-fcopyd hv-netapply hvctl hv-testhost; do
        cp "$programs/$program" "$tmp/for-anyone/"
    done
    cp scripts/demo.sh scripts/demo-ip.sh scripts/demo-vss.sh scripts/demo-time.sh scripts/demo-rest.sh "$tmp/for-anyone/scripts/"
    cd / || exit 1
    # Another user may not be able to enter this folder, and has no home.
    setpriv --reuid=65534 --regid=65534 --clear-groups env -u HOME -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS TMPDIR=/tmp \
        "$tmp/for-anyone/scripts/demo.sh" "$tmp/for-anyone"
)

check "scripts parse" scripts_parse
check "scripts are clean (shellcheck)" scripts_are_clean
check "units verify" units_verify
check "units are confined (systemd-analyze security)" units_are_confined
check "units are started by udev alone" units_are_started_by_udev
check "the daemons exclude the C daemons" c_daemons_are_excluded
check "hv-vssd's unit hides no mounts" vssd_sees_all_mounts
check "hv-timesyncd's unit has one power" timesyncd_may_only_set_the_clock
check "the other daemons' units have what they need, and no more" others_have_the_powers_they_need
check "users and files are created" users_and_files_are_created
check "udev rules verify" udev_rules_verify
check "XML is well-formed" xml_is_well_formed
check "the bus accepts the policy" bus_accepts_policy
check "activation files match units" activation_matches_unit
check "polkit actions exist" polkit_actions_exist
check "interface descriptions match the running daemon" interfaces_match_live
check "manual pages are clean" man_pages_are_clean
check "every key of the configuration is documented" keys_are_documented
check "the default configuration is valid" default_configuration_is_valid
check "every option is documented" options_are_documented
check "installs and uninstalls" installs_and_uninstalls
check "links between documents lead somewhere" links_lead_somewhere
check "source files are short" sources_are_short
check "the daemons run under systemd" unit_runs_under_systemd
check "the demo runs" demo_runs
check "the demo runs as an ordinary user" demo_runs_as_ordinary_user

printf '\nhouse: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
