//! Where the file of a loop device lies: by the mount that it is on, by its name, or not to be told.

use super::super::look::{Kernel, Look, Seen};
use super::{Machine, all};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Two disks, and `/x` in `file`.
fn with(file: &str, more: &str) -> Machine {
    let text = format!(
        "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n21 20 8:2 / /srv rw - ext4 /dev/sdb1 rw\n\
         22 20 7:0 / /x rw - ext4 /dev/loop0 rw\n{more}"
    );
    Machine::new(&text).disk("8:1", "sda1").disk("8:2", "sdb1").loop_device("7:0", "loop0", file)
}

fn order(machine: &Machine) -> String {
    machine.entry(&all(), "/x").order
}

#[test]
fn the_kernels_word_goes_before_the_name() {
    let machine = with("/srv/a", "").there("/srv/a", 20);
    assert_eq!(order(&machine), "before /: its disk is the file /srv/a");
    // A mount that is newer than the list: by the name.
    assert_eq!(order(&with("/srv/a", "").there("/srv/a", 99)), "before /srv: its disk is the file /srv/a");
}

#[test]
fn a_file_of_another_namespace_puts_it_above_all_of_which_more_is_known() {
    let machine =
        with("/srv/a", "23 20 7:1 / /y rw - ext4 /dev/loop1 rw\n").loop_device("7:1", "loop1", "/x/y.img");
    let machine = machine.absent("/srv/a");
    assert_eq!(machine.targets(&all()), ["2 /y", "1 /x", "0 /srv", "0 /"]);
    assert_eq!(
        order(&machine),
        "before all of which more is known: its disk is the file /srv/a, and it cannot be told where that is"
    );
}

#[test]
fn what_is_unsure_is_above_what_is_in_files_too_and_above_others_with_what_stands_on_them() {
    let more =
        "23 20 7:1 / /y rw - ext4 b rw\n24 20 7:2 / /z rw - ext4 c rw\n25 20 7:3 / /u rw - ext4 d rw\n";
    let machine = with("/elsewhere/a", more).absent("/elsewhere/a").absent("/elsewhere/u");
    let machine = machine.loop_device("7:1", "loop1", "/srv/y.img").loop_device("7:2", "loop2", "/x/z.img");
    let machine = machine.loop_device("7:3", "loop3", "/elsewhere/u");
    assert_eq!(machine.targets(&all()), ["4 /u", "3 /z", "2 /x", "1 /y", "0 /srv", "0 /"]);
}

#[test]
fn a_loop_device_that_names_no_file_is_put_above_too() {
    let machine = Machine::new("20 1 8:1 / / rw - ext4 a rw\n22 20 7:0 / /x rw - ext4 b rw\n");
    let machine = machine.disk("8:1", "sda1").disk("7:0", "loop0");
    assert_eq!(machine.targets(&all()), ["1 /x", "0 /"]);
    assert_eq!(order(&machine), "before all of which more is known: its disk is a file that cannot be told");
    // There is nothing to be above of.
    let alone = Machine::new("22 1 7:0 / / rw - ext4 b rw\n").disk("7:0", "loop0");
    assert_eq!(alone.targets(&all()), ["0 /"]);
    assert_eq!(alone.entry(&all(), "/").order, "");
}

#[test]
fn a_btrfs_whose_disks_cannot_be_told_is_put_above_too() {
    let machine = Machine::new("20 1 8:1 / / rw - ext4 a rw\n22 20 0:40 / /x rw - btrfs /dev/gone rw\n");
    assert_eq!(machine.targets(&all()), ["1 /x", "0 /"]);
    assert_eq!(order(&machine), "before all of which more is known: its disks cannot be told");
}

#[test]
fn a_file_that_cannot_be_located_is_above_those_whose_disks_are_unknown_and_all_that_is_on_them() {
    // The file /elsewhere/a may be on the btrfs, on the bcachefs, or in what is in a file there.
    let more = "23 20 0:40 / /pool rw - btrfs /dev/gone rw\n24 20 7:1 / /y rw - ext4 b rw\n\
                25 20 0:41 / /many rw - bcachefs UUID=1 rw\n";
    let machine = with("/elsewhere/a", more).absent("/elsewhere/a");
    let machine = machine.loop_device("7:1", "loop1", "/pool/y.img");
    assert_eq!(machine.targets(&all()), ["4 /x", "3 /many", "2 /y", "1 /pool", "0 /srv", "0 /"]);
}

#[test]
fn files_that_cannot_be_located_have_a_level_each() {
    let more =
        "23 20 7:1 / /y rw - ext4 b rw\n24 20 7:2 / /z rw - ext4 c rw\n25 20 7:3 / /far rw - nfs4 d rw\n";
    let machine = with("/elsewhere/a", more).absent("/elsewhere/a").absent("/elsewhere/y");
    let machine = machine.loop_device("7:1", "loop1", "/elsewhere/y").disk("7:2", "loop2");
    assert_eq!(machine.targets(&all()), ["3 /z", "2 /y", "1 /x", "0 /srv", "0 /"]);
}

#[test]
fn what_is_on_the_same_other_machine_cannot_be_on_each_other() {
    let more =
        "23 20 0:40 / /far rw - nfs4 n rw\n24 20 7:1 / /y rw - ext4 b rw\n25 20 7:2 / /z rw - ext4 c rw\n";
    let machine = with("/far/a.img", more).loop_device("7:1", "loop1", "/far/b.img");
    let machine = machine.loop_device("7:2", "loop2", "/elsewhere/z").absent("/elsewhere/z");
    assert_eq!(machine.targets(&all()), ["2 /z", "1 /x", "1 /y", "0 /srv", "0 /"]);
}

#[test]
fn what_is_on_an_unknown_one_and_a_known_one_is_above_both() {
    let more = "23 20 7:1 / /y rw - ext4 b rw\n24 20 253:0 / /d rw - ext4 c rw\n";
    let machine = with("/elsewhere/a", more).absent("/elsewhere/a").loop_device("7:1", "loop1", "/srv/y");
    let machine = machine.loop_device("7:2", "loop2", "/x/2").loop_device("7:3", "loop3", "/y/3");
    let machine = machine.stacked("253:0", "dm-0", &["loop2", "loop3"]);
    assert_eq!(machine.targets(&all()), ["3 /d", "2 /x", "1 /y", "0 /srv", "0 /"]);
}

#[test]
fn a_removed_file_is_where_its_directory_is() {
    let machine = with("/srv/i/a (deleted)", "").absent("/srv/i/a (deleted)").there("/srv/i", 21);
    assert_eq!(order(&machine), "before /srv: its disk is the file /srv/i/a (deleted)");
    let gone = with("/srv/i/a (deleted)", "").absent("/srv/i/a (deleted)").absent("/srv/i");
    assert!(order(&gone).starts_with("before all of which more is known"), "{}", order(&gone));
}

#[test]
fn a_file_that_is_called_deleted_is_found() {
    let machine = with("/a (deleted)", "").there("/a (deleted)", 21);
    assert_eq!(order(&machine), "before /srv: its disk is the file /a (deleted)");
}

#[test]
fn nothing_is_looked_at_behind_another_machine_or_a_program() {
    for kind in ["nfs4", "cifs", "fuse.sshfs", "fuse", "autofs", "fuseblk"] {
        let more = format!("23 20 0:40 / /far rw - {kind} server:/ rw\n");
        let machine = with("/far/a.img", &more);
        machine.plan(&all());
        assert_eq!(machine.paths.looks.load(Ordering::Relaxed), 0, "{kind}");
    }
}

#[test]
fn what_stands_on_a_program_or_another_machine_may_stand_on_anything() {
    for kind in ["nfs4", "fuse.mergerfs"] {
        let machine = with("/far/a.img", &format!("23 20 0:40 / /far rw - {kind} x rw\n"));
        assert_eq!(machine.targets(&all()), ["1 /x", "0 /srv", "0 /"], "{kind}");
        assert_eq!(
            order(&machine),
            "before all of which more is known: its disk is the file /far/a.img, and it cannot be told what /far stands on"
        );
    }
}

#[test]
fn a_file_in_memory_is_on_nothing() {
    let machine = with("/run/a.img", "23 20 0:40 / /run rw - tmpfs x rw\n");
    assert_eq!(machine.targets(&all()), ["0 /srv", "0 /x", "0 /"]);
}

#[test]
fn a_name_that_ends_a_line_within_is_kept() {
    let machine = with("/srv/a\nb", "").there("/srv/a\nb", 21);
    assert_eq!(order(&machine), "before /srv: its disk is the file /srv/a\nb");
}

#[test]
fn the_kernel_tells_the_mount_of_a_file_and_follows_no_link() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    std::fs::write(directory.join("file"), "").unwrap();
    std::os::unix::fs::symlink(directory.join("file"), directory.join("link")).unwrap();
    let mounts = super::mountinfo::parse(&std::fs::read("/proc/self/mountinfo").unwrap());
    let tree = super::super::tree::Tree::new(&mounts);
    match Kernel.at(&directory.join("file")) {
        Seen::There { mount, block, directory: false } => {
            assert_eq!((tree.by_id(mount), block), (tree.find(&directory), None));
        }
        Seen::Unknown => {} // an old kernel, or one that forbids openat2
        other => panic!("the file is there, and not {other:?}"),
    }
    assert!(matches!(Kernel.at(&directory), Seen::There { directory: true, .. } | Seen::Unknown));
    assert!(matches!(Kernel.at(&directory.join("link")), Seen::Absent | Seen::Unknown));
    assert!(matches!(Kernel.at(&directory.join("none")), Seen::Absent | Seen::Unknown));
    assert!(matches!(Kernel.device(Path::new("/dev/null")), Seen::There { block: None, .. } | Seen::Unknown));
}
