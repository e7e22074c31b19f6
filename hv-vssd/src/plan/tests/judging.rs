//! What is frozen and what not, each with its reason.

use super::super::{Rules, Verdict};
use super::{Machine, all, excluding, strict};

fn of(kind: &str, device: &str, options: &str, rules: &Rules) -> Verdict {
    let text = format!(
        "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 {device} / /mnt/x ro - {kind} /dev/x {options}\n"
    );
    Machine::new(&text).entry(rules, "/mnt/x").verdict
}

fn reason(kind: &str, device: &str) -> String {
    let verdict = of(kind, device, "rw", &strict());
    assert!(matches!(verdict, Verdict::Skip(_)), "{kind}: {verdict:?}");
    verdict.reason().to_owned()
}

#[test]
fn types_that_linux_can_freeze_are_frozen_also_by_a_mount_that_is_read_only_itself() {
    for (kind, device) in [
        ("ext2", "8:2"),
        ("ext3", "8:2"),
        ("ext4", "254:0"),
        ("xfs", "259:4"),
        ("f2fs", "179:2"),
        ("jfs", "8:2"),
        ("nilfs2", "8:2"),
        ("reiserfs", "8:2"),
        ("btrfs", "0:35"),
        ("bcachefs", "0:36"),
        ("bcachefs", "8:2"),
    ] {
        assert_eq!(of(kind, device, "rw", &strict()), Verdict::Freeze, "{kind}");
    }
}

#[test]
fn a_type_on_a_disk_that_nobody_knows_is_tried() {
    assert_eq!(of("newfs", "8:2", "rw", &strict()), Verdict::Freeze);
    assert_eq!(reason("newfs", "0:40"), "it is not on a disk");
}

#[test]
fn what_is_not_on_this_machines_disks_is_left_alone_and_never_a_failure() {
    for kind in ["tmpfs", "proc", "sysfs", "devtmpfs", "cgroup2", "nsfs", "autofs", "efivarfs", "ramfs"] {
        assert_eq!(reason(kind, "0:40"), "it is not on a disk", "{kind}");
    }
    for kind in ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "afs", "lustre"] {
        assert_eq!(reason(kind, "0:40"), "its data are on another machine", "{kind}");
    }
    for kind in ["fuse", "fuse.sshfs", "fuse.mergerfs"] {
        assert_eq!(reason(kind, "0:40"), "a program serves it (FUSE), and could not while it is frozen");
    }
    for kind in ["overlay", "ecryptfs"] {
        assert_eq!(reason(kind, "0:40"), "it shows others' directories, which are frozen where they lie");
    }
}

#[test]
fn what_is_on_a_disk_and_cannot_be_frozen_is_a_warning_or_a_failure() {
    for (kind, device) in [
        ("vfat", "8:2"),
        ("msdos", "8:2"),
        ("exfat", "8:2"),
        ("udf", "8:2"),
        ("minix", "8:2"),
        ("hfsplus", "8:2"),
        ("ntfs3", "8:2"),
        ("fuseblk", "8:2"),
        ("fuseblk.ntfs", "8:2"),
        ("zfs", "0:41"),
        ("ocfs2", "8:2"),
        ("gfs2", "8:2"),
    ] {
        let verdict = of(kind, device, "rw", &all());
        assert!(
            matches!(&verdict, Verdict::Skip(why) if why.ends_with("may be inconsistent")),
            "{kind}: {verdict:?}"
        );
        assert!(matches!(of(kind, device, "rw", &strict()), Verdict::Fail(_)), "{kind}");
        assert!(matches!(of(kind, device, "ro", &strict()), Verdict::Skip(_)), "{kind} read-only");
    }
}

#[test]
fn read_only_is_what_the_superblock_is() {
    assert_eq!(of("ext4", "8:2", "rw,x=ro", &all()), Verdict::Freeze);
    assert_eq!(of("ext4", "8:2", "rw,ro", &all()), Verdict::Freeze);
    for (kind, options) in
        [("ext4", "ro"), ("ext4", "ro,relatime"), ("squashfs", "ro"), ("iso9660", "rw"), ("erofs", "ro")]
    {
        let verdict = of(kind, "7:1", options, &strict());
        assert_eq!(verdict.reason(), "it is read-only: nothing on its disk changes", "{kind} {options}");
    }
}

#[test]
fn excluded_by_path_or_type_is_no_failure_and_says_by_what() {
    let path =
        of("vfat", "8:2", "rw", &Rules { fail_on_unfreezable: true, ..excluding(&["/boot*", "/mnt/*"]) });
    assert_eq!(path, Verdict::Skip("it is excluded by '/mnt/*' in exclude".to_owned()));
    let rules = Rules { exclude_types: vec!["?fat".to_owned()], ..strict() };
    let kind = of("vfat", "8:2", "rw", &rules);
    assert_eq!(kind, Verdict::Skip("its type is excluded by '?fat' in exclude-types".to_owned()));
}

#[test]
fn with_patterns_to_include_nothing_else_is_frozen() {
    let rules = Rules { include: vec!["/mnt/*".to_owned()], ..strict() };
    assert_eq!(of("ext4", "8:2", "rw", &rules), Verdict::Freeze);
    let machine = Machine::new("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 8:2 / /boot rw - vfat b rw\n");
    assert!(machine.targets(&rules).is_empty());
    assert_eq!(machine.entry(&rules, "/").verdict.reason(), "no pattern in include fits its mount point");
}

#[test]
fn exclude_goes_before_include() {
    let rules = Rules { include: vec!["/mnt/*".to_owned()], ..excluding(&["/mnt/x"]) };
    assert!(matches!(of("ext4", "8:2", "rw", &rules), Verdict::Skip(_)));
}

#[test]
fn any_of_several_whole_mounts_can_be_excluded_but_no_directory_takes_the_rest_along() {
    let machine = Machine::new(
        "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
         30 20 8:2 / /data rw - ext4 /dev/sdb1 rw\n\
         31 20 8:2 / /mnt/data rw - ext4 /dev/sdb1 rw\n\
         32 20 8:2 /pub /export/pub rw - ext4 /dev/sdb1 rw\n\
         33 20 8:1 / /mnt/root rw - ext4 /dev/sda1 rw\n",
    );
    assert_eq!(machine.targets(&excluding(&["/export/*"])), ["0 /data", "0 /"]);
    assert_eq!(machine.targets(&excluding(&["/mnt/*"])), ["0 /"]);
    assert_eq!(machine.targets(&excluding(&["/"])), ["0 /data"]);
    let included = Rules { include: vec!["/export/pub".to_owned()], ..all() };
    assert_eq!(machine.targets(&included), ["0 /data"]);
}

#[test]
fn what_is_refused_names_the_filesystem_and_why() {
    let text = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 8:2 / /boot/efi rw - vfat /dev/sda2 rw\n";
    let machine = Machine::new(text);
    let refusal = machine.plan(&strict()).refusal().unwrap();
    assert_eq!(refusal, "/boot/efi (vfat) cannot be frozen: Linux cannot freeze this type of filesystem");
    assert_eq!(machine.plan(&all()).refusal(), None);
}

#[test]
fn flash_of_this_machine_is_a_disk_that_cannot_be_frozen() {
    for (kind, device) in [("ubifs", "0:40"), ("jffs2", "31:2"), ("jffs2", "0:40"), ("yaffs2", "31:3")] {
        let verdict = of(kind, device, "rw", &all());
        assert!(verdict.reason().starts_with("Linux cannot freeze this type"), "{kind}: {verdict:?}");
        assert!(matches!(of(kind, device, "rw", &strict()), Verdict::Fail(_)), "{kind}");
    }
}

#[test]
fn a_type_that_the_kernel_has_refused_is_not_tried_again() {
    let text = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 8:2 / /n rw - newfs b rw\n\
                31 20 8:3 / /m rw - newfs2 c rw\n32 20 0:9 / /t rw - tmpfs t rw\n33 20 8:4 / /r ro - newfs d ro\n";
    let refused = ["newfs".to_owned(), "tmpfs".to_owned()];
    let machine = Machine::new("");
    let plan = machine.plan_without(text.as_bytes(), &all(), &refused);
    let frozen: Vec<_> = plan.targets().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(frozen, ["newfs2", "ext4"]);
    assert_eq!(plan.refusal(), None);
    let at_risk: Vec<_> = plan.entries.iter().filter(|entry| entry.at_risk).collect();
    assert_eq!(at_risk.len(), 1);
    assert!(at_risk[0].verdict.reason().starts_with("Linux refused to freeze this type of filesystem; what"));
    let plan = machine.plan_without(text.as_bytes(), &strict(), &refused);
    assert!(plan.refusal().unwrap().ends_with("Linux refused to freeze this type of filesystem"));
}

#[test]
fn a_plan_that_freezes_nothing_is_refused_with_what_tells_most() {
    let of = |text: &str, rules: &Rules| {
        let said = Machine::new(text).plan(rules).refusal().unwrap();
        let said = said.strip_prefix("nothing would be frozen: ").unwrap();
        said.strip_suffix("; see hvctl vss plan").unwrap().to_owned()
    };
    let root = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    let efi = format!("{root}21 20 8:2 / /boot rw - vfat b rw\n");
    let vfat = "/boot (vfat): Linux cannot freeze this type of filesystem";
    assert!(of(&efi, &excluding(&["/"])).starts_with(vfat));
    let include = Rules { include: vec!["/".to_owned(), "/srv".to_owned()], ..excluding(&["/"]) };
    assert_eq!(of(root, &include), "'/srv' in include fits no mount point");
}

#[test]
fn a_plan_that_freezes_nothing_is_good_where_nothing_can_be_inconsistent() {
    let memory = "20 1 0:9 / / rw - tmpfs t rw\n";
    assert_eq!(Machine::new(memory).plan(&all()).refusal(), None);
    let root = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    assert_eq!(Machine::new(root).plan(&excluding(&["/"])).refusal(), None, "as the administrator wants it");
}

#[test]
fn a_pattern_to_include_that_fits_no_mount_point_is_told() {
    let include = ["/", "/srv", "/d*", "/proc"].map(str::to_owned).to_vec();
    let machine = Machine::new(
        "20 1 8:1 / / rw - ext4 a rw\n21 20 8:2 / /data rw - ext4 b rw\n22 20 0:9 / /proc rw - proc p rw\n",
    );
    let plan = machine.plan(&Rules { include, ..all() });
    assert_eq!((plan.unmatched.clone(), plan.refusal()), (vec!["/srv".to_owned()], None));
    assert!(machine.plan(&all()).unmatched.is_empty());
}
