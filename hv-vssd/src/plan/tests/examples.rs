//! Mounts as distributions and their tools make them, cut to what matters.

use super::super::Rules;
use super::{Machine, all, strict};
use std::path::Path;

pub(super) const ALL: &[&str] = &[DEBIAN, FEDORA, DOCKER, SNAP, STACKED];

const DEBIAN: &str = "\
22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
24 28 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=1991844k,nr_inodes=497961,mode=755,inode64
25 24 0:23 / /dev/pts rw,nosuid,noexec,relatime shared:3 - devpts devpts rw,gid=5,mode=620,ptmxmode=000
26 28 0:24 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=402980k,mode=755,inode64
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
29 22 0:6 / /sys/kernel/security rw,nosuid,nodev,noexec,relatime shared:8 - securityfs securityfs rw
31 26 0:26 / /run/lock rw,nosuid,nodev,noexec,relatime shared:6 - tmpfs tmpfs rw,size=5120k,inode64
32 22 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
35 23 0:30 / /proc/sys/fs/binfmt_misc rw,relatime shared:13 - autofs systemd-1 rw,fd=30,pgrp=1,timeout=0,direct
90 28 8:15 / /boot/efi rw,relatime shared:45 - vfat /dev/sda15 rw,fmask=0077,dmask=0077,codepage=437
95 28 8:17 / /srv/my\\040data rw,noatime shared:47 - xfs /dev/sdb1 rw,attr2,inode64,logbufs=8,noquota
310 28 0:44 / /mnt/nas rw,relatime shared:160 - nfs4 nas:/export rw,vers=4.2,addr=10.0.0.9
";

const FEDORA: &str = "\
60 1 0:33 /root / rw,relatime shared:1 - btrfs /dev/sda3 rw,seclabel,compress=zstd:1,ssd,subvolid=256,subvol=/root
37 60 0:6 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw,seclabel,size=4096k,mode=755,inode64
41 60 0:31 / /tmp rw,nosuid,nodev shared:18 - tmpfs tmpfs rw,seclabel,inode64
68 60 0:33 /home /home rw,relatime shared:35 - btrfs /dev/sda3 rw,seclabel,compress=zstd:1,ssd,subvolid=257,subvol=/home
71 60 8:2 / /boot rw,relatime shared:37 - ext4 /dev/sda2 rw,seclabel
74 71 8:1 / /boot/efi rw,relatime shared:39 - vfat /dev/sda1 rw,fmask=0077,dmask=0077
80 60 0:33 /var/lib/portables /var/lib/portables rw,relatime shared:1 - btrfs /dev/sda3 rw,seclabel,subvolid=256,subvol=/root
";

const DOCKER: &str = "\
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
120 28 8:33 / /var/lib/docker rw,relatime shared:60 - xfs /dev/sdc1 rw,attr2,inode64
500 120 0:51 / /var/lib/docker/overlay2/e1/merged rw,relatime shared:300 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B,upperdir=/var/lib/docker/overlay2/e1/diff,workdir=/var/lib/docker/overlay2/e1/work
501 120 0:52 / /var/lib/docker/containers/c1/mounts/shm rw,nosuid shared:301 - tmpfs shm rw,size=65536k
510 26 0:4 net:[4026532281] /run/docker/netns/abc rw shared:302 - nsfs nsfs rw
";

const SNAP: &str = "\
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
85 28 7:0 / /snap/core20/1974 ro,nodev,relatime shared:33 - squashfs /dev/loop0 ro,errors=continue
86 28 7:1 / /snap/lxd/24322 ro,nodev,relatime shared:35 - squashfs /dev/loop1 ro,errors=continue
95 28 8:15 / /boot/efi rw,relatime shared:40 - vfat /dev/sda15 rw
";

/// LVM on LUKS on md, multipath, and a volume in the same group that is on a file.
const STACKED: &str = "\
28 1 253:1 / / rw,relatime shared:1 - xfs /dev/mapper/vg-root rw,attr2,inode64
90 28 9:0 / /boot rw,relatime shared:45 - ext4 /dev/md0 rw
91 28 253:2 / /var rw,relatime shared:46 - xfs /dev/mapper/vg-var rw
92 28 253:4 / /data rw,relatime shared:47 - ext4 /dev/mapper/mpatha1 rw
93 91 253:5 / /var/scratch rw,relatime shared:48 - ext4 /dev/mapper/scratch rw
";

#[test]
fn debian() {
    let machine = Machine::new(DEBIAN);
    assert_eq!(machine.targets(&all()), ["0 /srv/my data", "0 /"]);
    let rest: Vec<String> =
        machine.plan(&all()).entries.iter().skip(2).map(|entry| entry.mount.display().to_string()).collect();
    assert!(rest.len() == 11 && rest.is_sorted(), "{rest:?}");
    let plan = machine.plan(&strict());
    assert!(plan.refusal().unwrap().starts_with("/boot/efi (vfat) cannot be frozen"));
    assert_eq!(machine.entry(&all(), "/mnt/nas").verdict.reason(), "its data are on another machine");
}

#[test]
fn fedora() {
    let machine = Machine::new(FEDORA).disk("8:3", "sda3").btrfs("uuid", &["sda3"]);
    assert_eq!(machine.targets(&all()), ["0 /boot", "0 /"]);
    let root = machine.entry(&all(), "/");
    assert_eq!(root.also, [Path::new("/home"), Path::new("/var/lib/portables")]);
    // A subvolume cannot be left out; one of them that is wanted is enough.
    let rules = Rules { exclude: vec!["/home".to_owned()], ..all() };
    assert_eq!(machine.targets(&rules), ["0 /boot", "0 /"]);
    let rules = Rules { include: vec!["/home".to_owned()], ..all() };
    assert_eq!(machine.targets(&rules), ["0 /"]);
}

#[test]
fn docker() {
    let machine = Machine::new(DOCKER);
    assert_eq!(machine.targets(&strict()), ["0 /var/lib/docker", "0 /"]);
    assert_eq!(machine.plan(&strict()).refusal(), None);
}

#[test]
fn snap() {
    let machine = Machine::new(SNAP).loop_device("7:0", "loop0", "/var/lib/snapd/snaps/core20_1974.snap");
    assert_eq!(machine.targets(&all()), ["0 /"]);
}

#[test]
fn lvm_luks_md_and_multipath() {
    let machine = Machine::new(STACKED).disk("8:0", "sda").disk("8:1", "sda/sda1").disk("8:2", "sda/sda2");
    let machine = machine.disk("8:16", "sdb").disk("8:32", "sdc").stacked("9:0", "md0", &["sda1"]);
    let machine = machine.stacked("9:1", "md1", &["sda2"]).stacked("253:0", "dm-0", &["md1"]);
    let machine = machine.stacked("253:1", "dm-1", &["dm-0"]).stacked("253:2", "dm-2", &["dm-0"]);
    let machine = machine.stacked("253:3", "dm-3", &["sdb", "sdc"]).stacked("253:4", "dm-4", &["dm-3"]);
    let machine =
        machine.loop_device("7:3", "loop3", "/var/images/scratch.img").stacked("253:5", "dm-5", &["loop3"]);
    assert_eq!(machine.targets(&all()), ["1 /var/scratch", "0 /boot", "0 /data", "0 /var", "0 /"]);
    let said = machine.entry(&all(), "/var/scratch").order;
    assert_eq!(said, "before /var: its disk is the file /var/images/scratch.img");
}
