#!/usr/bin/env bash
# Makes a world with real NTP daemons in it, in which nobody can set a clock, and runs a command there.
#
# usage: world.sh [--programs DIR] TREE[:TREE] COMMAND [ARGUMENT…]    TREE: what packages.sh has unpacked
#
# The world has a root in memory, with this machine's /usr and /etc and the trees over them, and processes, network, shared
# memory and host name of its own. Clocks have no namespace: CLOCK_REALTIME is this machine's. So CAP_SYS_TIME is taken out of
# the bounding set, from where it does not come back, before anything else runs there; whether it is gone is looked at, not
# believed.
#
# Ends as the command does; with 77 where no world can be made here, the last line of output says why; 70 if it broke.

set -euo pipefail

cannot() { printf 'no world for NTP daemons here: %s\n' "$*"; exit 77; }

# ---- outside -------------------------------------------------------------------------------------------------------

outside() {
    local programs="" trees name
    if [ "${1:-}" = --programs ]; then programs=$(cd "$2" && pwd) || exit 70; shift 2; fi
    [ $# -ge 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 64; }
    trees=$1
    shift
    [ "$(id -u)" = 0 ] || cannot "needs root"
    for name in unshare setpriv mount pivot_root ip; do
        command -v "$name" >/dev/null || cannot "no $name on this machine"
    done
    [ -x "${trees%%:*}/usr/sbin/chronyd" ] || cannot "no packages in $trees"
    local namespaces=(--mount --propagation private --net --uts --ipc --pid --fork --kill-child) why
    why=$(unshare "${namespaces[@]}" true 2>&1) || cannot "namespaces cannot be made: $why"
    local keep=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/run/lab TZ=UTC)
    for name in ${!HV_@} ${!RUST_@}; do keep+=("$name=${!name}"); done
    # The world ends with this process's parent.
    exec env -i "${keep[@]}" setpriv --pdeathsig KILL --bounding-set=-sys_time --inh-caps=-sys_time --ambient-caps=-sys_time \
        unshare "${namespaces[@]}" \
        bash "$0" --inside "$(dirname "$(dirname "$(dirname "$(realpath "$0")")")")" "$programs" "$trees" "$@"
}

# ---- the first process of the world ------------------------------------------------------------------------------------

# Nobody here has CAP_SYS_TIME (25) or can get it: not in one of the five sets. They are taken from the file in one piece: this
# shell would seek back after each line of it, in a text whose numbers, and so its places, change meanwhile.
clock_is_safe() {
    local name set count=0
    while read -r name set; do
        case $name in Cap*)
            [ $((0x$set >> 25 & 1)) = 0 ] || { echo "CAP_SYS_TIME is still in $name"; return 1; }
            count=$((count + 1))
            ;;
        esac
    done <<<"$(</proc/self/status)"
    [ $count = 5 ] || { echo "the kernel shows $count sets of capabilities"; return 1; }
}

inside() {
    local project=$1 programs=$2 trees=$3
    shift 3
    clock_is_safe || exit 70
    trap 'echo "the world broke in line $LINENO: $BASH_COMMAND"; exit 70' ERR
    local new=/mnt
    mount -t tmpfs -o mode=0755 tmpfs $new
    mkdir -p $new/{usr,etc,dev,proc,sys,run,var/{lib,log,tmp},tmp,root,old} $new/run/{lock,lab/{log,over}}
    chmod 1777 $new/tmp $new/var/tmp
    ln -s /run $new/var/run
    local name id=900
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$new/$name"; done
    over "${trees//:/\/usr:}/usr:/usr" usr
    over "${trees//:/\/etc:}/etc:/etc" etc
    for name in tests systemd examples; do over "$project/$name" "run/lab/$name"; done
    [ -z "$programs" ] || over "$programs" run/lab/programs
    mount --rbind /dev $new/dev
    mount -t sysfs -o ro sysfs $new/sys
    mount -t proc proc $new/proc
    cd $new
    pivot_root . old
    umount -l /old
    cd /
    hostname guest
    ip link set lo up
    for name in _chrony ntpsec hv-timesyncd other; do
        id=$((id + 1))
        grep -q "^$name:" /etc/group || echo "$name:x:$id:" >>/etc/group
        grep -q "^$name:" /etc/passwd || echo "$name:x:$id:$id::/:/usr/sbin/nologin" >>/etc/passwd
    done
    install -d -o _chrony -g _chrony -m 0750 /var/lib/chrony /var/log/chrony
    install -d -o _chrony -g _chrony -m 0700 /run/chrony
    install -d -o ntpsec -g ntpsec /var/lib/ntpsec /var/log/ntpsec
    ldconfig -X
    export LAB=/run/lab/tests/net PATH=$PATH:/run/lab/programs/examples
    trap - ERR
    set +e
    cd /run/lab || exit 70
    # This process stays, and reaps what loses its parent.
    "$@"
    exit
}

# over LOWER DIRECTORY: a directory of the new root that shows others, and takes changes into memory
over() {
    local changes=/mnt/run/lab/over/$2
    mkdir -p "$changes"/{upper,work} "/mnt/$2"
    mount -t overlay -o "lowerdir=$1,upperdir=$changes/upper,workdir=$changes/work" overlay "/mnt/$2" \
        || cannot "no overlay of $1"
}

case ${1:-} in
    --inside) shift; inside "$@" ;;
    *) outside "$@" ;;
esac
