//! Block devices in sysfs that need more than one look.

use super::super::blocks::{Blocks, Feet};
use super::{Device, Machine, device};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn with_blocks<T>(machine: &Machine, of: impl FnOnce(Blocks<'_>) -> T) -> T {
    of(Blocks::new(&machine.roots(), &machine.paths))
}

fn files(machine: &Machine, number: &str) -> Vec<PathBuf> {
    let Feet { files, nameless } = with_blocks(machine, |blocks| blocks.feet(vec![device(number)]));
    assert!(!nameless);
    files.into_iter().collect()
}

fn btrfs(machine: &Machine, source: &str) -> Option<Vec<Device>> {
    let mut devices = with_blocks(machine, |blocks| blocks.btrfs(Path::new(source)))?;
    devices.sort();
    Some(devices)
}

#[test]
fn disks_and_devices_that_sysfs_does_not_know_end_the_way() {
    let machine = Machine::new("").disk("8:0", "sda").disk("8:1", "sda/sda1").disk("254:0", "zram0");
    for number in ["8:0", "8:1", "254:0", "8:99"] {
        assert!(files(&machine, number).is_empty(), "{number}");
    }
}

#[test]
fn a_bcache_stands_on_what_it_caches_and_on_the_cache() {
    let machine = Machine::new("").loop_device("7:0", "loop0", "/back").loop_device("7:1", "loop1", "/cache");
    let machine = machine.stacked("252:0", "bcache0", &["loop0"]);
    let home = machine.directory.path().join("devices");
    fs::create_dir_all(home.join("set")).unwrap();
    fs::create_dir_all(home.join("loop0/bcache")).unwrap();
    fs::create_dir_all(home.join("loop1/bcache")).unwrap();
    symlink(home.join("loop0/bcache"), home.join("bcache0/bcache")).unwrap();
    symlink(home.join("set"), home.join("loop0/bcache/cache")).unwrap();
    symlink(home.join("loop1/bcache"), home.join("set/cache0")).unwrap();
    assert_eq!(files(&machine, "252:0"), [Path::new("/back"), Path::new("/cache")]);
}

#[test]
fn a_partition_of_an_array_stands_on_the_arrays_members() {
    let machine = Machine::new("").loop_device("7:0", "loop0", "/m").stacked("9:0", "md0", &["loop0"]);
    assert_eq!(files(&machine.disk("259:0", "md0/md0p1"), "259:0"), [Path::new("/m")]);
}

#[test]
fn a_btrfs_is_found_by_any_of_its_devices() {
    let machine = Machine::new("").disk("8:1", "sda1").disk("8:2", "sda2").disk("253:0", "dm-0");
    let machine =
        machine.btrfs("a", &["sda1", "sda2"]).btrfs("b", &["dm-0"]).node("/dev/mapper/luks-1", "253:0");
    assert_eq!(btrfs(&machine, "/dev/sda2"), Some(vec![device("8:1"), device("8:2")]));
    assert_eq!(btrfs(&machine, "/dev/mapper/luks-1"), Some(vec![device("253:0")]));
    assert_eq!(btrfs(&machine, "/dev/mapper/other"), None);
    assert_eq!(btrfs(&machine, "none"), None);
}

#[test]
fn a_btrfs_of_a_kernel_that_lists_no_members_has_the_one_that_was_mounted() {
    let machine = Machine::new("").disk("8:1", "sda1");
    assert_eq!(btrfs(&machine, "/dev/sda1"), Some(vec![device("8:1")]));
}

#[test]
fn a_device_with_a_directory_in_its_name_is_found() {
    let machine = Machine::new("").disk("104:1", "cciss!c0d0p1");
    let of = |path: &str| with_blocks(&machine, |blocks| blocks.device_of(Path::new(path)));
    assert_eq!(of("/dev/cciss/c0d0p1"), Some(device("104:1")));
    assert_eq!(of("/srv/c0d0p1"), None);
}

#[test]
fn a_root_that_the_kernel_mounted_itself_is_what_it_was_told_to_mount() {
    let machine = || {
        let machine = Machine::new("").disk("8:1", "sda1").disk("8:2", "sda2").disk("8:3", "sda3");
        machine.btrfs("a", &["sda1", "sda2"]).btrfs("b", &["sda3"])
    };
    let both = Some(vec![device("8:1"), device("8:2")]);
    for line in ["ro root=/dev/sda2 quiet", "root=8:1", "root=/dev/sda3 root=/dev/sda1"] {
        assert_eq!(btrfs(&machine().cmdline(line), "/dev/root"), both, "{line}");
    }
    for line in ["quiet", "root=", "root=/dev/root", "root=PARTUUID=1-02", "xroot=/dev/sda1", "root=/x"] {
        assert_eq!(btrfs(&machine().cmdline(line), "/dev/root"), None, "{line}");
    }
    assert_eq!(btrfs(&machine().cmdline("root=/dev/sda2"), "/dev/other"), None);
}

#[test]
fn a_btrfs_is_found_by_its_uuid_or_by_being_the_only_one() {
    let machine = Machine::new("").disk("8:1", "sda1").disk("8:2", "sda2").btrfs("ab-1", &["sda1"]);
    assert_eq!(btrfs(&machine, "/dev/root"), Some(vec![device("8:1")]));
    let machine = machine.btrfs("ab-2", &["sda2"]).btrfs("features", &[]);
    assert_eq!(btrfs(&machine, "/dev/root"), None);
    assert_eq!(btrfs(&machine, "UUID=AB-2"), Some(vec![device("8:2")]));
    assert_eq!(btrfs(&machine, "UUID=ab-3"), None);
}

#[test]
fn devices_without_end_are_not_all_looked_at() {
    let machine = Machine::new("");
    for n in 0..1010 {
        let home = machine.directory.path().join("dev/block").join(format!("253:{n}/slaves/below"));
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("dev"), format!("253:{}\n", n + 1)).unwrap();
    }
    assert!(with_blocks(&machine, |blocks| blocks.feet(vec![device("253:0")])).nameless);
    assert!(!with_blocks(&machine, |blocks| blocks.feet(vec![device("253:20")])).nameless);
}
