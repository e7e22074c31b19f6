//! Lines, superblocks, and which of several mounts is the one to open a filesystem by.

use super::super::mountinfo::parse;
use super::super::tree::Tree;
use super::{Machine, all, strict};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const ROOT: &str = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n";

fn with_root(more: &str) -> Machine {
    Machine::new(&format!("{ROOT}{more}"))
}

fn also(machine: &Machine, mount: &str) -> Vec<PathBuf> {
    machine.entry(&all(), mount).also
}

#[test]
fn a_line_is_taken_apart_whatever_its_optional_fields() {
    for optional in ["", "shared:1 ", "master:2 propagate_from:1 unbindable "] {
        let line =
            format!("36 35 98:0 /sub /mnt/x rw,noatime {optional}- ext3 /dev/root rw,errors=continue\n");
        let [mount] = &parse(line.as_bytes())[..] else { panic!("one mount: {line}") };
        assert_eq!((mount.id, mount.parent, mount.device), (36, 35, super::device("98:0")));
        assert_eq!((mount.root.as_path(), mount.point.as_path()), (Path::new("/sub"), Path::new("/mnt/x")));
        assert_eq!((mount.kind.as_str(), mount.source.as_path()), ("ext3", Path::new("/dev/root")));
        assert_eq!(mount.option("errors"), Some(PathBuf::from("continue")));
    }
}

#[test]
fn escapes_are_decoded_and_what_is_none_stays() {
    let line = br"30 20 8:2 / /a\040b\011c\012d\134e\043\9\1 rw - ext4 /dev/x rw";
    assert_eq!(parse(line)[0].point, Path::new("/a b\tc\nd\\e#\\9\\1"));
    // 0o777 is no byte.
    assert_eq!(parse(br"30 20 8:2 / /a\777 rw - ext4 x rw")[0].point, Path::new(r"/a\777"));
}

#[test]
fn bytes_that_are_not_utf8_stay_in_paths() {
    let mounts = parse(b"30 20 8:2 / /a\xff\\303\\050 rw - ext4 /dev/\xfe rw");
    assert_eq!(mounts[0].point.as_os_str(), OsStr::from_bytes(b"/a\xff\xc3("));
    assert_eq!(mounts[0].source.as_os_str(), OsStr::from_bytes(b"/dev/\xfe"));
}

#[test]
fn a_source_without_a_name_does_not_shift_what_follows() {
    let mounts = parse(b"30 20 8:2 / /a rw -  rw\n31 20 8:3 / /b rw - ext4  ro,x=1\n");
    assert_eq!(mounts.len(), 1);
    assert!(mounts[0].is_read_only() && mounts[0].source == Path::new(""));
}

#[test]
fn lines_that_are_none_are_passed_over() {
    for line in [
        "",
        " ",
        "x",
        "30",
        "30 20 8:2 / /a rw",
        "30 20 8:2 / /a rw -",
        "30 20 8:2 / /a rw - ext4",
        "30 20 8:2 / /a rw - ext4 x",
        "-1 20 8:2 / /a rw - ext4 x rw",
        "+30 20 8:2 / /a rw - ext4 x rw",
        "30 20 8 / /a rw - ext4 x rw",
        "30 20 8:x / /a rw - ext4 x rw",
        "30 20 8:2 / a rw - ext4 x rw",
        "99999999999999999999 20 8:2 / /a rw - ext4 x rw",
        "30 20 99999999999:2 / /a rw - ext4 x rw",
    ] {
        assert_eq!(with_root(&format!("{line}\n")).targets(&all()), ["0 /"], "{line}");
    }
}

#[test]
fn a_line_that_was_read_twice_is_one_mount() {
    assert_eq!(parse(ROOT.repeat(2).as_bytes()).len(), 1);
}

#[test]
fn the_same_filesystem_mounted_twice_and_bound_is_one_entry_by_its_shortest_whole_mount() {
    let machine = with_root(
        "30 20 8:2 / /mnt/data rw - ext4 /dev/sdb1 rw\n\
         31 20 8:2 / /data rw - ext4 /dev/sdb1 rw\n\
         32 20 8:2 /sub /d rw - ext4 /dev/sdb1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /data", "0 /"]);
    assert_eq!(machine.entry(&all(), "/data").mount_id, 31);
    assert_eq!(also(&machine, "/data"), [Path::new("/mnt/data"), Path::new("/d")]);
}

#[test]
fn what_has_something_mounted_in_it_is_a_directory_and_goes_before_what_may_be_a_file() {
    // A container: three files and one volume are bound from the host's filesystem.
    let machine = Machine::new(
        "100 90 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n\
         101 100 8:1 /c/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n\
         102 100 8:1 /c/name /h rw - ext4 /dev/sda1 rw\n\
         103 100 8:1 /volumes/x /var/lib/data rw - ext4 /dev/sda1 rw\n\
         104 103 0:60 / /var/lib/data/tmp rw - tmpfs tmpfs rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /var/lib/data"]);
    assert_eq!(also(&machine, "/var/lib/data"), [Path::new("/h"), Path::new("/etc/hosts")]);
}

#[test]
fn of_two_mounts_on_the_same_path_the_later_is_reached() {
    let machine = with_root(
        "30 20 8:2 / /mnt rw - ext4 /dev/sdb1 rw\n\
         31 30 8:3 / /mnt rw - xfs /dev/sdc1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /mnt", "0 /"]);
    let plan = machine.plan(&all());
    let hidden = plan.entries.iter().find(|entry| entry.device == super::device("8:2")).unwrap();
    assert!(hidden.verdict.reason().starts_with("it is hidden under another mount"), "{hidden:?}");
    let refusal = machine.plan(&strict()).refusal().unwrap();
    assert_eq!(
        refusal,
        "/mnt (ext4) cannot be frozen: it is hidden under another mount, so it cannot be opened"
    );
}

#[test]
fn what_lies_under_a_directory_that_was_mounted_over_later_is_hidden() {
    let machine = with_root(
        "30 20 8:2 / /srv/a/b rw - ext4 /dev/sdb1 rw\n\
         31 20 8:3 / /srv rw - ext4 /dev/sdc1 rw\n\
         32 31 8:4 / /srv/a/c rw - ext4 /dev/sdd1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /srv/a/c", "0 /srv", "0 /"]);
}

#[test]
fn a_hidden_mount_does_not_matter_if_there_is_another_of_the_filesystem() {
    let machine = with_root(
        "30 20 8:2 / /a rw - ext4 /dev/sdb1 rw\n\
         31 30 0:40 / /a rw - tmpfs tmpfs rw\n\
         32 20 8:2 /deep /long/way rw - ext4 /dev/sdb1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /long/way", "0 /"]);
    // By /a the tmpfs would be opened.
    assert!(also(&machine, "/long/way").is_empty());
}

#[test]
fn a_mount_over_the_root_does_not_hide_it_from_a_process_that_has_it_as_root() {
    let machine = with_root("30 20 0:40 / / rw - tmpfs tmpfs rw\n");
    assert_eq!(machine.targets(&all()), ["0 /"]);
}

#[test]
fn the_kernels_first_root_is_covered_by_the_real_one() {
    let machine = Machine::new(&format!("1 1 0:2 / / rw - rootfs rootfs rw\n{ROOT}"));
    assert_eq!(machine.targets(&all()), ["0 /"]);
}

#[test]
fn in_a_chroot_that_is_no_mount_point_what_is_mounted_in_it_is_reached() {
    let machine = Machine::new(
        "30 20 8:2 / /data rw - ext4 /dev/sdb1 rw\n31 30 8:3 / /data/in rw - ext4 /dev/sdc1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /data/in", "0 /data"]);
}

#[test]
fn a_mount_whose_parents_line_was_missed_is_still_reached() {
    let machine = with_root("31 30 8:3 / /data/in rw - ext4 /dev/sdc1 rw\n");
    assert_eq!(machine.targets(&all()), ["0 /data/in", "0 /"]);
}

#[test]
fn a_place_that_is_only_reached_through_another_machine_is_the_last_choice() {
    let machine = with_root(
        "30 20 0:40 / /n rw - nfs4 server:/ rw\n\
         31 30 8:2 / /n/x rw - ext4 /dev/sdb1 rw\n\
         32 20 8:2 /part /mnt/a/longer/way rw - ext4 /dev/sdb1 rw\n",
    );
    assert_eq!(machine.targets(&all()), ["0 /mnt/a/longer/way", "0 /"]);
    // Nor is it tried if the first has gone.
    assert!(also(&machine, "/mnt/a/longer/way").is_empty());
}

#[test]
fn what_is_only_reached_through_another_machine_or_a_program_is_not_opened() {
    for kind in ["nfs4", "fuse.sshfs", "cifs"] {
        let machine = with_root(&format!(
            "30 20 0:40 / /n rw - {kind} x rw\n31 30 8:2 / /n/x rw - ext4 b rw\n32 31 8:3 / /n/x/y rw - xfs c rw\n"
        ));
        assert_eq!(machine.targets(&all()), ["0 /"], "{kind}");
        for mount in ["/n/x", "/n/x/y"] {
            let entry = machine.entry(&all(), mount);
            let said = format!("it is mounted below /n ({kind}), which may not answer; what");
            assert!(entry.at_risk && entry.verdict.reason().starts_with(&said), "{entry:?}");
        }
        assert!(machine.plan(&strict()).refusal().unwrap().ends_with("which may not answer"), "{kind}");
    }
}

#[test]
fn a_disk_in_an_automount_or_on_a_machine_that_has_its_root_elsewhere_is_frozen() {
    let machine = with_root("30 20 0:40 / /d rw - autofs x rw\n31 30 8:2 / /d rw - ext4 b rw\n");
    assert_eq!(machine.targets(&all()), ["0 /d", "0 /"]);
    let machine =
        Machine::new("20 1 0:40 / / rw - nfs4 server:/ rw\n31 20 8:2 / /d rw - ext4 /dev/sdb1 rw\n");
    assert_eq!(machine.targets(&all()), ["0 /d"]);
}

const BOUND: &str = "30 20 8:2 /a /h rw - ext4 b rw\n31 20 8:2 /b /etc/name rw - ext4 b rw\n";

#[test]
fn a_filesystem_that_is_mounted_only_as_files_cannot_be_opened() {
    let machine = with_root(BOUND).there("/h", 30).there("/etc/name", 31);
    assert_eq!(machine.targets(&all()), ["0 /"]);
    let entry = machine.entry(&all(), "/h");
    assert!(entry.at_risk && entry.verdict.reason().starts_with("it is mounted only as a file"), "{entry:?}");
    assert!(machine.plan(&strict()).refusal().is_some());
}

#[test]
fn of_mounts_of_parts_one_of_a_directory_is_opened() {
    let machine = with_root(BOUND).there("/h", 30).directory("/etc/name", 31);
    assert_eq!(machine.targets(&all()), ["0 /etc/name", "0 /"]);
    // What the kernel does not tell, or tells of another mount, is tried.
    assert_eq!(with_root(BOUND).targets(&all()), ["0 /h", "0 /"]);
    assert_eq!(with_root(BOUND).there("/h", 99).targets(&all()), ["0 /h", "0 /"]);
    // A directory that may not answer is no better.
    let far = format!("{BOUND}32 20 0:40 / /n rw - nfs n rw\n33 32 8:2 /c /n/c rw - ext4 b rw\n");
    let machine = with_root(&far).there("/h", 30).there("/etc/name", 31);
    assert!(machine.entry(&all(), "/n/c").verdict.reason().starts_with("it is mounted below /n (nfs)"));
}

#[test]
fn paths_lead_to_the_mount_that_is_in_force() {
    let mounts = parse(
        b"20 1 8:1 / / rw - ext4 a rw\n30 20 8:2 / /srv rw - ext4 b rw\n31 30 8:3 / /srv/x rw - ext4 c rw\n\
          32 20 0:9 / /net rw - autofs d rw\n33 20 0:8 / /fuse rw - fuse.sshfs e rw\n34 33 8:5 / /fuse/in rw - ext4 f rw\n",
    );
    let tree = Tree::new(&mounts);
    for (path, id, hangs) in [
        ("/", 20, false),
        ("/srvx/x", 20, false),
        ("/srv", 30, false),
        ("/srv/y/x", 30, false),
        ("/srv/x", 31, false),
        ("/srv//x/./file", 31, false),
        ("/net/host", 32, true),
        ("/fuse/a", 33, true),
        ("/fuse/in/a", 34, true),
    ] {
        assert_eq!(tree.find(Path::new(path)), tree.by_id(id), "{path}");
        assert_eq!(tree.may_hang(Path::new(path)), hangs, "{path}");
    }
}

#[test]
fn mounts_in_a_circle_end() {
    let machine = with_root("30 31 8:2 / /a rw - ext4 b rw\n31 30 8:3 / /a rw - ext4 c rw\n");
    assert_eq!(machine.targets(&all()), ["0 /"]);
}
