//! What stands on what, in which order that is frozen, and how it is said.

use super::{Machine, all, excluding};

const ROOT: &str = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

/// The root and `/srv`, each on a disk, and on the latter's file the filesystem `/mnt/a`.
fn one_loop(more: &str) -> Machine {
    let text = format!(
        "{ROOT}21 20 8:2 / /srv rw - xfs /dev/sdb1 rw\n22 20 7:0 / /mnt/a rw - ext4 /dev/loop0 rw\n{more}"
    );
    let disks = Machine::new(&text).disk("8:1", "sda1").disk("8:2", "sdb1");
    disks.loop_device("7:0", "loop0", "/srv/images/a.img")
}

fn order(machine: &Machine, mount: &str) -> String {
    machine.entry(&all(), mount).order
}

#[test]
fn without_loops_mount_points_below_others_go_first_and_the_root_last() {
    let machine = Machine::new(&format!(
        "{ROOT}21 20 8:2 / /var rw - ext4 b rw\n22 21 8:3 / /var/log rw - ext4 c rw\n\
         23 20 8:4 / /a rw - ext4 d rw\n24 22 8:5 / /var/log/audit rw - ext4 e rw\n"
    ));
    assert_eq!(machine.targets(&all()), ["0 /var/log/audit", "0 /var/log", "0 /a", "0 /var", "0 /"]);
    assert_eq!(order(&machine, "/var/log"), "");
}

#[test]
fn a_filesystem_in_a_file_goes_before_the_one_that_has_the_file() {
    let machine = one_loop("");
    assert_eq!(machine.targets(&all()), ["1 /mnt/a", "0 /srv", "0 /"]);
    assert_eq!(order(&machine, "/mnt/a"), "before /srv: its disk is the file /srv/images/a.img");
}

#[test]
fn a_file_on_a_filesystem_in_a_file_is_one_more() {
    let machine = one_loop("23 20 7:1 / /mnt/b rw - ext4 /dev/loop1 rw\n");
    let machine = machine.loop_device("7:1", "loop1", "/mnt/a/b.img");
    assert_eq!(machine.targets(&all()), ["2 /mnt/b", "1 /mnt/a", "0 /srv", "0 /"]);
    assert_eq!(order(&machine, "/mnt/b"), "before /mnt/a: its disk is the file /mnt/a/b.img");
}

#[test]
fn partitions_of_loop_devices_stand_on_their_file_too() {
    let machine = Machine::new(&format!("{ROOT}21 20 259:3 / /mnt/p rw - ext4 /dev/loop0p1 rw\n"));
    let machine =
        machine.disk("8:1", "sda1").loop_device("7:0", "loop0", "/disk.img").disk("259:3", "loop0/loop0p1");
    assert_eq!(machine.targets(&all()), ["1 /mnt/p", "0 /"]);
    assert_eq!(order(&machine, "/mnt/p"), "before /: its disk is the file /disk.img");
}

#[test]
fn device_mapper_and_md_are_seen_through_however_deep() {
    let machine = one_loop("23 20 253:1 / /mnt/lv rw - xfs /dev/mapper/vg-lv rw\n");
    let machine = machine.loop_device("7:1", "loop1", "/mnt/a/pv.img").disk("8:16", "sdb").stacked(
        "9:0",
        "md0",
        &["loop1", "sdb"],
    );
    let machine = machine.stacked("253:0", "dm-0", &["md0"]).stacked("253:1", "dm-1", &["dm-0"]);
    assert_eq!(machine.targets(&all()), ["2 /mnt/lv", "1 /mnt/a", "0 /srv", "0 /"]);
    assert_eq!(order(&machine, "/mnt/lv"), "before /mnt/a: its disk is the file /mnt/a/pv.img");
}

#[test]
fn what_is_not_frozen_is_passed_through() {
    let machine = one_loop("23 20 7:1 / /mnt/b rw - ext4 /dev/loop1 rw\n");
    let machine = machine.loop_device("7:1", "loop1", "/mnt/a/b.img");
    let rules = excluding(&["/mnt/a"]);
    assert_eq!(machine.targets(&rules), ["1 /mnt/b", "0 /srv", "0 /"]);
    let said = machine.entry(&rules, "/mnt/b").order;
    assert_eq!(said, "before /srv: its disk is the file /mnt/a/b.img, and /mnt/a stands on that");
    assert_eq!(machine.targets(&excluding(&["/srv", "/mnt/a"])), ["0 /mnt/b", "0 /"]);
    assert_eq!(machine.entry(&excluding(&["/srv", "/mnt/a"]), "/mnt/b").order, "");
}

#[test]
fn a_filesystem_that_cannot_be_frozen_is_passed_through_too() {
    let machine = Machine::new(&format!(
        "{ROOT}21 20 7:0 / /fat rw - vfat /dev/loop0 rw\n22 20 7:1 / /x rw - ext4 /dev/loop1 rw\n"
    ));
    let machine = machine.disk("8:1", "sda1").loop_device("7:0", "loop0", "/fat.img");
    let machine = machine.loop_device("7:1", "loop1", "/fat/x.img");
    assert_eq!(machine.targets(&all()), ["1 /x", "0 /"]);
}

#[test]
fn a_file_in_an_overlay_is_where_the_overlay_writes() {
    let machine = one_loop(
        "23 20 0:50 / /merged rw - overlay overlay rw,lowerdir=/mnt/a/l:/x,upperdir=/srv/up\\054per\\040dir,workdir=/srv/w\n\
         24 20 7:1 / /x rw - ext4 /dev/loop1 rw\n",
    );
    let machine = machine.loop_device("7:1", "loop1", "/merged/x.img");
    assert_eq!(machine.targets(&all()), ["1 /mnt/a", "1 /x", "0 /srv", "0 /"]);
    assert_eq!(
        order(&machine, "/x"),
        "before /srv: its disk is the file /merged/x.img, and /merged stands on that"
    );
}

#[test]
fn an_upper_directory_may_be_named_as_it_is_or_as_it_was_given() {
    // As Linux 6.18 shows what was mounted with "upperdir=/srv/a\\,b".
    let text = format!(
        "{ROOT}21 20 8:2 / /srv rw - xfs /dev/sdb1 rw\n\
         23 20 0:50 / /merged rw - overlay overlay rw,upperdir=/srv/a\\134\\054b\n24 20 7:1 / /x rw - ext4 c rw\n"
    );
    for (there, absent) in [(r"/srv/a\,b", "/srv/a,b"), ("/srv/a,b", r"/srv/a\,b")] {
        let machine = Machine::new(&text).disk("8:1", "sda1").disk("8:2", "sdb1");
        let machine = machine.loop_device("7:1", "loop1", "/merged/x.img").there(there, 21).absent(absent);
        assert!(order(&machine, "/x").starts_with("before /srv: "), "{there}: {}", order(&machine, "/x"));
    }
}

#[test]
fn an_overlay_without_an_upper_directory_is_stood_on_by_nothing_that_writes() {
    let machine = Machine::new(&format!(
        "{ROOT}23 20 0:50 / /merged ro - overlay overlay ro,lowerdir=/l1:/l2\n24 20 7:1 / /x rw - ext4 c rw\n"
    ));
    assert_eq!(machine.loop_device("7:1", "loop1", "/merged/x.img").targets(&all()), ["0 /x", "0 /"]);
}

#[test]
fn a_btrfs_stands_on_all_of_its_devices() {
    let machine = one_loop(
        "23 20 0:40 /@home /home rw - btrfs /dev/sdc rw,subvol=/@home\n\
         24 20 0:40 /@ /pool rw - btrfs /dev/sdc rw,subvol=/@\n",
    );
    let machine = machine.disk("8:32", "sdc").loop_device("7:1", "loop1", "/mnt/a/second.img");
    let machine = machine.disk("8:48", "sdd").btrfs("other", &["sdd"]).btrfs("uuid", &["sdc", "loop1"]);
    assert_eq!(machine.targets(&all()), ["2 /home", "1 /mnt/a", "0 /srv", "0 /"]);
    assert_eq!(machine.entry(&all(), "/home").also, [std::path::Path::new("/pool")]);
}

#[test]
fn the_log_of_an_xfs_and_the_journal_of_an_ext4_are_disks_of_theirs() {
    for (kind, option) in [("xfs", "logdev"), ("xfs", "rtdev"), ("ext4", "journal_path")] {
        let machine =
            Machine::new(&format!("{ROOT}21 20 8:2 / /d rw - {kind} /dev/sdb1 rw,{option}=/dev/loop0\n"));
        let machine = machine.disk("8:1", "sda1").disk("8:2", "sdb1").loop_device("7:0", "loop0", "/log.img");
        assert_eq!(machine.targets(&all()), ["1 /d", "0 /"], "{kind} {option}");
    }
}

#[test]
fn a_loop_device_on_a_block_device_is_seen_through() {
    let machine =
        one_loop("23 20 7:2 / /z rw - ext4 /dev/loop2 rw\n").loop_device("7:2", "loop2", "/dev/loop0");
    assert_eq!(machine.targets(&all()), ["1 /mnt/a", "1 /z", "0 /srv", "0 /"]);
    assert_eq!(order(&machine, "/z"), "before /srv: its disk is the file /srv/images/a.img");
}

#[test]
fn circles_are_cut() {
    let machine = Machine::new(&format!(
        "{ROOT}21 20 7:0 / /a rw - ext4 a rw\n22 20 7:1 / /b rw - ext4 b rw\n23 20 7:2 / /c rw - ext4 c rw\n"
    ));
    let machine = machine.loop_device("7:0", "loop0", "/b/a.img").loop_device("7:1", "loop1", "/a/b.img");
    let machine = machine.loop_device("7:2", "loop2", "/c/own.img");
    assert_eq!(machine.targets(&all()).len(), 4);
    let machine = Machine::new("20 1 253:0 / / rw - ext4 a rw\n").disk("253:0", "dm-0");
    let machine = machine.stacked("253:1", "dm-1", &["dm-0"]);
    let slaves = machine.directory.path().join("devices/dm-0/slaves");
    std::fs::create_dir(&slaves).unwrap();
    std::os::unix::fs::symlink(machine.directory.path().join("devices/dm-1"), slaves.join("dm-1")).unwrap();
    assert_eq!(machine.targets(&all()), ["0 /"]);
}

#[test]
fn two_grounds_count_by_the_higher() {
    let machine = one_loop("23 20 253:0 / /m rw - ext4 d rw\n").loop_device("7:1", "loop1", "/mnt/a/1");
    let machine = machine.loop_device("7:2", "loop2", "/2").stacked("253:0", "dm-0", &["loop1", "loop2"]);
    assert_eq!(machine.targets(&all()), ["2 /m", "1 /mnt/a", "0 /srv", "0 /"]);
}

#[test]
fn there_may_be_as_many_levels_as_loop_devices() {
    let mut machine = Machine::new("").disk("8:1", "sda1");
    machine.text = ROOT.to_owned();
    // Numbered from the top, so that the first to be looked at stands highest.
    for n in 0..150_u16 {
        let line = format!("{} 20 7:{n} / /m{n} rw - ext4 /dev/loop{n} rw\n", 100 + n);
        machine.text.push_str(&line);
        let below = if n == 149 { "/last.img".to_owned() } else { format!("/m{}/img", n + 1) };
        machine = machine.loop_device(&format!("7:{n}"), &format!("loop{n}"), &below);
    }
    let targets = machine.targets(&all());
    assert_eq!((targets.len(), targets[0].as_str(), targets[150].as_str()), (151, "150 /m0", "0 /"));
}
