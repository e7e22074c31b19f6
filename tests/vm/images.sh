#!/usr/bin/env bash
# Makes the images of the virtual machines: the outer machine's and, for each kernel, the guest's.
#
# usage: images.sh PACKAGES PROGRAMS LIBRARY OUT [PROGRAM…]
#
# PACKAGES is what packages.sh printed, PROGRAMS the directory of our programs (release builds, with hv-vm-agent),
# LIBRARY the device library for QEMU, each PROGRAM one more for the guest, OUT where images go:
#   OUT/outer.kernel, OUT/outer.initrd       the machine that has a KVM
#   OUT/guest-NAME.kernel, .initrd           the guest, for each kernel NAME
#   OUT/outer-NAME.initrd                    outer.initrd with that guest in it
#   OUT/….-systemd.initrd                    the same with systemd in the guest, for kernel 6.12
#
# An image is a cpio archive; archives are joined by writing one after the other, so that what seldom changes is kept.

set -euo pipefail

packages=$1 programs=$2 library=$3 out=$4
further=("${@:5}")
here=$(cd "$(dirname "$0")" && pwd)
tools=$packages/tools
mkdir -p "$out"
out=$(realpath "$out") packages=$(realpath "$packages") tools=$(realpath "$tools")
programs=$(realpath "$programs") library=$(realpath "$library")
export PATH="$tools/usr/bin:$tools/usr/sbin:$tools/bin:$tools/sbin:$PATH:/usr/sbin:/sbin"
libraries=$tools/usr/lib/x86_64-linux-gnu:$tools/lib/x86_64-linux-gnu:$tools/usr/lib/x86_64-linux-gnu/systemd

work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# stamp NAME FILE…: true if NAME.stamp says that image NAME was made from the same.
stamp() {
    local name=$1
    shift
    local now
    now=$( (cat "$here/images.sh" "$packages/complete"; for file in "$@"; do sha256sum <"$file"; done) | sha256sum)
    [ "$(cat "$out/$name.stamp" 2>/dev/null)" != "$now" ] || return 0
    rm -f "$out/$name.stamp"
    printf '%s\n' "$now" >"$work/$name.stamp"
    return 1
}
stamped() { mv "$work/$1.stamp" "$out/$1.stamp"; }

# with_tools COMMAND…: with the libraries that came with the tools.
with_tools() { LD_LIBRARY_PATH=$libraries "$@"; }

# add_program ROOT FILE [DESTINATION]: a program or library, and the libraries it needs.
add_program() {
    local root=$1 file=$2 destination=${3:-/usr/bin/$(basename "$2")}
    mkdir -p "$root$(dirname "$destination")"
    cp -L "$file" "$root$destination"
    add_libraries "$root" "$file"
}

# add_libraries ROOT FILE: the libraries that a program needs, all in one directory.
add_libraries() {
    local root=$1 file=$2 needed destination
    with_tools ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r needed; do
        case $needed in
            */ld-linux-x86-64.so.2) destination=/lib64/ld-linux-x86-64.so.2 ;;
            *) destination=/usr/lib/x86_64-linux-gnu/$(basename "$needed") ;;
        esac
        [ -e "$root$destination" ] || { mkdir -p "$root$(dirname "$destination")"; cp -L "$needed" "$root$destination"; }
    done
}

add_busybox() {
    local root=$1 applet
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,root,etc,usr/bin,usr/sbin,var}
    ln -s ../run "$root/var/run"
    cp "$tools/bin/busybox" "$root/bin/busybox"
    "$root/bin/busybox" --list | grep -vx busybox | while read -r applet; do ln -sf busybox "$root/bin/$applet"; done
}

# add_debian ROOT: what hv_kvp_daemon and its helper scripts call is what Debian has, and not busybox.
add_debian() {
    local root=$1 program
    for program in bash dash mawk ip cat grep sed find xargs; do
        rm -f "$root/bin/$program"
        add_program "$root" "$(command -v "$program")" "/bin/$program"
    done
    ln -sf dash "$root/bin/sh"
    ln -sf mawk "$root/bin/awk"
}

# add_modules ROOT KERNEL-TREE MODULE…: modules with what they depend on, uncompressed.
add_modules() {
    local root=$1 tree=$2 version module file target
    shift 2
    version=$(basename "$tree"/lib/modules/*)
    [ -e "$tree/lib/modules/$version/modules.dep" ] || with_tools depmod -b "$tree" "$version"
    for module in "$@"; do
        { with_tools modprobe -d "$tree" -S "$version" --show-depends "$module" 2>/dev/null || true; } \
            | awk '$1 == "insmod" {print $2}' | while read -r file; do
            target=$root/lib/modules/$version/${file#*"/lib/modules/$version/"}
            target=${target%.xz}
            [ ! -e "$target" ] || continue
            mkdir -p "$(dirname "$target")"
            case $file in
                *.xz) with_tools xz -dc "$file" >"$target" ;;
                *) cp "$file" "$target" ;;
            esac
        done
    done
    cp "$tree/lib/modules/$version/"modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
    with_tools depmod -b "$root" "$version"
}

pack() { (cd "$1" && find . | with_tools cpio -o -H newc -R 0:0 --quiet) >"$2"; }

kernel_file() { ls "$packages/kernel/$1"/boot/vmlinuz-*; }

# --- the outer machine
if ! stamp outer "$library" "$here/outer/init" "$here/outer/start-guest"; then
    root=$work/outer
    add_busybox "$root"
    add_modules "$root" "$packages/kernel/6.12" kvm-amd virtio_pci virtio_console virtio_blk
    add_program "$root" "$tools/usr/bin/qemu-system-x86_64"
    add_program "$root" "$library" /libqemu_ic.so
    mkdir -p "$root/usr/share/"{seabios,qemu}
    cp -L "$tools/usr/share/seabios/bios-256k.bin" "$root/usr/share/seabios/"
    for rom in kvmvapic.bin linuxboot_dma.bin efi-virtio.rom; do
        # Which package has it, and where, differs between releases.
        file=$(find "$tools/usr/share" "$tools/usr/lib" -name "$rom" -print -quit)
        [ -n "$file" ] || { echo "vm: no $rom among the packages" >&2; exit 1; }
        cp -L "$file" "$root/usr/share/qemu/"
    done
    install -m 755 "$here/outer/init" "$root/init"
    install -m 755 "$here/outer/start-guest" "$root/bin/start-guest"
    pack "$root" "$out/outer.initrd"
    cp "$(kernel_file 6.12)" "$out/outer.kernel"
    rm -rf "$root"
    stamped outer
fi

# --- what of a guest does not change with our programs
for tree in "$packages"/kernel/*; do
    name=$(basename "$tree")
    if ! stamp "base-$name" "$here/guest/init" "$here/guest/poweroff" "$here/guest/dbus.conf"; then
        root=$work/base
        add_busybox "$root"
        add_modules "$root" "$tree" hv_vmbus hv_utils hv_balloon uio_hv_generic virtio_pci virtio_console virtio_blk \
            loop brd ext4 crc32c_generic crc32_generic xfs btrfs f2fs dummy msr
        add_program "$root" "$(command -v dbus-daemon)"
        for filesystem in ext4 xfs btrfs f2fs; do
            add_program "$root" "$tools/sbin/mkfs.$filesystem" "/sbin/mkfs.$filesystem"
        done
        add_program "$root" "$tools/usr/bin/strace"
        add_program "$root" "$tools/usr/sbin/qemu-ga"
        add_program "$root" "$tools/usr/sbin/chronyd" /usr/sbin/chronyd
        add_program "$root" "$tools/usr/bin/chronyc"
        add_debian "$root"
        for daemon in hv_kvp_daemon hv_vss_daemon; do
            add_program "$root" "$packages/hyperv-daemons/usr/sbin/$daemon" "/usr/sbin/$daemon"
        done
        mkdir -p "$root/usr/share/dbus-1/system.d" "$root/usr/libexec/hypervkvpd"
        cp "$packages"/hyperv-daemons/usr/libexec/hypervkvpd/* "$root/usr/libexec/hypervkvpd/"
        cp "$here/guest/dbus.conf" "$root/usr/share/dbus-1/system.conf"
        printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\n' >"$root/etc/group"
        for user in messagebus:x:100:100 hv-kvpd:x:101:101 hv-timesyncd:x:102:102 hv-heartbeatd:x:103:103; do
            printf '%s::/run:/bin/false\n' "$user" >>"$root/etc/passwd"
            printf '%s:\n' "${user%:*}" >>"$root/etc/group"
        done
        printf 'NAME="hv-utils test guest"\nID=hv-utils-test\nVERSION_ID=1.0\nPRETTY_NAME="hv-utils test guest"\n' \
            >"$root/etc/os-release"
        printf '12345678123456781234567812345678\n' >"$root/etc/machine-id"
        printf '127.0.0.1 localhost\n127.0.1.1 hv-guest.example.org hv-guest\n' >"$root/etc/hosts"
        install -m 755 "$here/guest/init" "$root/init"
        rm -f "$root"/bin/{poweroff,reboot}
        install -m 755 "$here/guest/poweroff" "$root/sbin/poweroff"
        ln -s poweroff "$root/sbin/reboot"
        pack "$root" "$out/base-$name.cpio"
        rm -rf "$root"
        stamped "base-$name"
    fi
done

# --- what a guest with systemd has beside that: units by name, since each that starts takes its time in an emulated machine
if ! stamp systemd "$here"/guest/systemd/*; then
    root=$work/systemd from=$packages/systemd
    libraries=$libraries:$from/usr/lib/x86_64-linux-gnu:$from/usr/lib/x86_64-linux-gnu/systemd
    for program in systemd systemd-shutdown systemd-logind systemd-journald systemd-executor; do
        [ ! -e "$from/usr/lib/systemd/$program" ] \
            || add_program "$root" "$from/usr/lib/systemd/$program" "/usr/lib/systemd/$program"
    done
    for program in systemctl systemd-tmpfiles journalctl loginctl busctl systemd-inhibit dbus-daemon; do
        add_program "$root" "$from/usr/bin/$program"
    done
    units=$root/usr/lib/systemd/system
    mkdir -p "$root/lib"
    ln -s ../usr/lib/systemd "$root/lib/systemd"
    mkdir -p "$units" "$root/usr/share/dbus-1" "$root/usr/libexec/hv-utils" "$root/var/log" "$root/etc/systemd/system"
    find "$from/usr/lib/systemd/system" -maxdepth 1 \( -type f -o -type l \) -exec cp -P -t "$units" {} +
    cp -r "$from"/usr/share/dbus-1/. "$root/usr/share/dbus-1/"
    cp "$here"/guest/systemd/*.service "$units/"
    install -m 755 "$here/guest/systemd/hv-vm-bind" "$root/usr/libexec/hv-utils/hv-vm-bind"
    # want TARGET UNIT…
    want() {
        local target=$1 unit
        shift
        mkdir -p "$units/$target.wants"
        for unit in "$@"; do ln -sf "../$unit" "$units/$target.wants/$unit"; done
    }
    want sysinit.target systemd-journald.service
    want sockets.target systemd-journald.socket systemd-journald-dev-log.socket dbus.socket
    want multi-user.target dbus.service systemd-logind.service hv-vm-agent.service hv-vm-bind.service \
        hv-vm-witness.service hv-shutdownd.service
    ln -sf multi-user.target "$units/default.target"
    pack "$root" "$out/systemd.cpio"
    rm -rf "$root"
    stamped systemd
fi

# --- our programs, installed as an administrator would, and the images that hold everything
root=$work/ours
mkdir -p "$root"
make -s -C "$here/../.." install FROM="$programs" DESTDIR="$root" PREFIX=/usr SYSCONFDIR=/etc >/dev/null
rm -rf "$root"/usr/share/{man,doc,bash-completion,zsh,fish}
for program in "$root"/usr/bin/* "$root"/usr/libexec/hv-utils/*; do
    add_libraries "$root" "$program"
done
add_program "$root" "$programs/hv-vm-agent" /usr/bin/hv-vm-agent
add_program "$root" "$programs/hv-vm-null" /usr/bin/hv-vm-null
add_program "$root" "$programs/hv-vm-disks" /usr/bin/hv-vm-disks
add_program "$root" "$programs/hv-vm-clock" /usr/bin/hv-vm-clock
for program in ${further[@]+"${further[@]}"}; do
    add_program "$root" "$program" "/usr/sbin/$(basename "$program")"
done
rm -f "$root/usr/bin/hv-testhost"
pack "$root" "$out/ours.cpio"

# join NAME KERNEL ARCHIVE…: the guest's image of that name, and the outer machine's with it.
join() {
    local name=$1 kernel=$2
    shift 2
    cat "$@" >"$out/guest-$name.initrd"
    mkdir -p "$work/in/guest"
    ln -f "$out/guest-$kernel.kernel" "$work/in/guest/vmlinuz"
    ln -f "$out/guest-$name.initrd" "$work/in/guest/initrd"
    pack "$work/in" "$work/in.cpio"
    cat "$out/outer.initrd" "$work/in.cpio" >"$out/outer-$name.initrd"
    rm -rf "$work/in"
}

for tree in "$packages"/kernel/*; do
    name=$(basename "$tree")
    cp "$(kernel_file "$name")" "$out/guest-$name.kernel"
    join "$name" "$name" "$out/base-$name.cpio" "$out/ours.cpio"
done
join 6.12-systemd 6.12 "$out/base-6.12.cpio" "$out/ours.cpio" "$out/systemd.cpio"
