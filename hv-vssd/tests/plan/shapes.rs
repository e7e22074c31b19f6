//! One filesystem, mounted in many ways.

use crate::world::inside;
use hv_vssd::plan::Verdict;

#[test]
fn a_filesystem_mounted_twice_and_bound_is_one_entry() {
    inside("mounted twice and bound", |world| {
        if !world.image("ext4", "@a.img", "16M", "@second") {
            return;
        }
        let device = world.must(&["findmnt", "-n", "-o", "SOURCE", "@second"]);
        for directory in ["@one", "@second/sub", "@bound"] {
            world.must(&["mkdir", directory]);
        }
        world.must(&["touch", "@second/file", "@f"]);
        world.must(&["mount", &device, "@one"]);
        world.must(&["mount", "--bind", "@second/file", "@f"]);
        world.must(&["mount", "--bind", "@second/sub", "@bound"]);
        assert_eq!(world.targets(), ["0 one"]);
        let also: Vec<_> = world.entry("one").also.iter().map(|path| world.name(path)).collect();
        assert_eq!(also, ["second", "f", "bound"]);
    });
}

#[test]
fn a_filesystem_of_which_only_files_are_mounted_cannot_be_opened_and_with_a_directory_can() {
    inside("mounted only as files", |world| {
        if !world.image("ext4", "@a.img", "16M", "@whole") {
            return;
        }
        world.must(&["mkdir", "@whole/sub", "@directory"]);
        world.must(&["touch", "@whole/file", "@f"]);
        world.must(&["mount", "--bind", "@whole/file", "@f"]);
        world.must(&["mount", "--bind", "@whole/sub", "@directory"]);
        world.must(&["umount", "@whole"]);
        assert_eq!(world.targets(), ["0 directory"]);
        world.must(&["umount", "@directory"]);
        let entry = world.entry("f");
        assert!(entry.verdict.reason().starts_with("it is mounted only as a file"), "{entry:?}");
        assert!(entry.at_risk);
    });
}

#[test]
fn a_mount_that_is_read_only_itself_is_no_reason_and_a_read_only_superblock_is() {
    inside("read-only", |world| {
        if !world.image("ext4", "@a.img", "16M", "@a") {
            return;
        }
        world.must(&["mount", "-o", "remount,bind,ro", "@a"]);
        assert_eq!(world.entry("a").verdict, Verdict::Freeze);
        world.must(&["mount", "-o", "remount,ro", "@a"]);
        assert_eq!(world.entry("a").verdict.reason(), "it is read-only: nothing on its disk changes");
    });
}

#[test]
fn what_is_mounted_over_is_not_opened_by_that_path() {
    inside("mounted over", |world| {
        if !world.image("ext4", "@a.img", "16M", "@d/a") {
            return;
        }
        world.must(&["mount", "-t", "tmpfs", "none", "@d"]);
        let plan = world.plan();
        let hidden = plan.entries.iter().find(|entry| entry.mount == world.path("d/a")).unwrap();
        assert!(hidden.verdict.reason().starts_with("it is hidden under another mount"), "{hidden:?}");
        world.must(&["umount", "@d"]);
        assert_eq!(world.targets(), ["0 d/a"]);
    });
}

#[test]
fn subvolumes_of_a_btrfs_are_one_entry() {
    inside("btrfs subvolumes", |world| {
        if !world.image("btrfs", "@a.img", "128M", "@top") {
            return;
        }
        let device = world.must(&["findmnt", "-n", "-o", "SOURCE", "@top"]);
        for name in ["x", "y"] {
            world.must(&["btrfs", "subvolume", "create", &format!("@top/{name}")]);
            world.must(&["mkdir", &format!("@{name}")]);
            world.must(&["mount", "-o", &format!("subvol=/{name}"), &device, &format!("@{name}")]);
        }
        assert_eq!(world.targets(), ["0 top"]);
        assert_eq!(world.entry("top").also, [world.path("x"), world.path("y")]);
        world.must(&["umount", "@top"]);
        assert_eq!(world.targets(), ["0 x"]);
    });
}

#[test]
fn names_with_spaces_and_line_ends_are_found_again() {
    inside("names", |world| {
        if world.image("ext4", "@i m\\g\n.img", "16M", "@a b\\c\nd") {
            world.must(&["truncate", "-s", "16M", "@a b\\c\nd/in #.img"]);
            assert!(world.image("ext4", "@a b\\c\nd/in #.img", "8M", "@in"));
            assert_eq!(world.targets(), ["1 in", "0 a b\\c\nd"]);
        }
    });
}
