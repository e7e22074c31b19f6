#!/usr/bin/env bash
# Makes a world with real databases in it, and two disks of its own that may be frozen, and runs a command there.
#
# usage: world.sh [--programs DIR] TREE COMMAND [ARGUMENT…]    TREE: what packages.sh has unpacked
#
# The world has a root in memory, with this machine's /usr and /etc and the tree over them; nothing that is mounted in it is
# on a disk of this machine, so nothing in it can freeze one. Its disks are files in memory, ext4, at /var/lib/db and
# /var/lib/db2. A guard outside of its processes has both open, and thaws them when the world ends, whatever it died of: a
# process that waits for a frozen filesystem cannot be killed, nor can the world then end.
#
# Ends as the command does; with 77 where no world can be made here, the last line of output says why; 70 if it broke.

set -euo pipefail

cannot() { printf 'no world for databases here: %s\n' "$*"; exit 77; }

# ---- outside -------------------------------------------------------------------------------------------------------

outside() {
    local programs="" tree name
    if [ "${1:-}" = --programs ]; then programs=$(cd "$2" && pwd) || exit 70; shift 2; fi
    [ $# -ge 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 64; }
    tree=$1
    shift
    [ "$(id -u)" = 0 ] || cannot "needs root"
    for name in unshare setpriv mount pivot_root mkfs.ext4 fsfreeze; do
        command -v "$name" >/dev/null || cannot "no $name on this machine"
    done
    [ -x "$tree/usr/sbin/mariadbd" ] || cannot "no packages in $tree"
    local namespaces=(--mount --propagation private --net --uts --ipc) why
    why=$(unshare "${namespaces[@]}" --pid --fork true 2>&1) || cannot "namespaces cannot be made: $why"
    local keep=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/run/lab)
    for name in ${!HV_@} ${!RUST_@}; do keep+=("$name=${!name}"); done
    # The world ends with this process's parent.
    exec env -i "${keep[@]}" setpriv --pdeathsig KILL unshare "${namespaces[@]}" \
        bash "$0" --mounts "$(dirname "$(dirname "$(dirname "$(realpath "$0")")")")" "$programs" "$tree" "$@"
}

# ---- inside the mounts, not yet a world of processes ------------------------------------------------------------------

mounts() {
    local project=$1 programs=$2 tree=$3
    shift 3
    trap 'echo "the world broke in line $LINENO: $BASH_COMMAND"; exit 70' ERR
    local new=/mnt
    mount -t tmpfs -o mode=0755,size=75% tmpfs $new
    mkdir -p $new/{usr,etc,dev,proc,sys,run,var/{lib,log,tmp},tmp,root,old}
    mkdir -p $new/run/{lock,postgresql,mysqld} $new/run/lab/{log,disks,over}
    chmod 1777 $new/tmp $new/var/tmp
    ln -s /run $new/var/run
    local name
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$new/$name"; done
    over "$tree/usr:/usr" usr
    over "$tree/etc:/etc" etc
    over "$project/tests" run/lab/tests
    over "$project/examples" run/lab/examples
    [ -z "$programs" ] || over "$programs" run/lab/programs
    mount --rbind /dev $new/dev
    mount -t sysfs -o ro sysfs $new/sys
    # The guard's; the world gets another.
    mount -t proc proc $new/proc
    cd $new
    pivot_root . old
    umount -l /old
    cd /
    local disk
    for disk in db db2; do
        truncate -s 512M "/run/lab/disks/$disk.img"
        mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 -J size=16 "/run/lab/disks/$disk.img"
        mkdir "/var/lib/$disk"
        mount -o loop "/run/lab/disks/$disk.img" "/var/lib/$disk" || cannot "a file cannot be mounted"
    done
    # Its pipe ends with the first process of the world, which alone has the other end.
    mkfifo /run/lab/guard
    guard </run/lab/guard &
    local code=0
    trap - ERR
    # Ends with the killing of this process, too; but not before the guard has done its work.
    setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
        bash /run/lab/tests/db/world.sh --inside "$@" || code=$?
    # If there never was such a process, the guard still waits for it.
    : <>/run/lab/guard
    wait
    exit $code
}

# over LOWER DIRECTORY: a directory of the new root that shows others, and takes changes into memory
over() {
    local changes=/mnt/run/lab/over/$2
    mkdir -p "$changes"/{upper,work} "/mnt/$2"
    mount -t overlay -o "lowerdir=$1,upperdir=$changes/upper,workdir=$changes/work" overlay "/mnt/$2" \
        || cannot "no overlay of $1"
}

guard() {
    trap '' TERM INT HUP
    trap - ERR
    exec 3</var/lib/db 4</var/lib/db2
    while read -r _; do :; done
    # What is not frozen gives an error, and that is the rule.
    fsfreeze --unfreeze /proc/self/fd/3 2>/dev/null || true
    fsfreeze --unfreeze /proc/self/fd/4 2>/dev/null || true
}

# ---- the first process of the world ------------------------------------------------------------------------------------

inside() {
    exec 7>/run/lab/guard
    mount -t proc proc /proc
    hostname guest
    echo guest >/etc/hostname
    local id=900 user
    for user in postgres mysql; do
        id=$((id + 1))
        grep -q "^$user:" /etc/group || echo "$user:x:$id:" >>/etc/group
        grep -q "^$user:" /etc/passwd || echo "$user:x:$id:$id::/:/usr/sbin/nologin" >>/etc/passwd
    done
    chown postgres: /run/postgresql
    chown mysql: /run/mysqld
    ldconfig -X
    export LAB=/run/lab/tests/net PATH=$PATH:/run/lab/programs
    set +e
    cd /run/lab || exit 70
    # This process stays, and reaps what loses its parent. It alone has the guard's pipe.
    "$@" 7>&-
    exit
}

case ${1:-} in
    --mounts) shift; mounts "$@" ;;
    --inside) shift; inside "$@" ;;
    *) outside "$@" ;;
esac
