//! Filesystems whose disks are files of others.

use crate::world::{World, inside};
use std::os::unix::fs::FileExt;

/// An ext4 at `@a`, on which `of` then has its files.
fn on_ext4(test: &'static str, of: impl FnOnce(&World)) {
    inside(test, |world| {
        if world.image("ext4", "@a.img", "300M", "@a") {
            of(world);
        }
    });
}

fn order(world: &World, name: &str) -> String {
    world.short(&world.entry(name).order)
}

#[test]
fn loop_upon_loop() {
    on_ext4("loop upon loop", |world| {
        assert_eq!(order(world, "a"), "");
        assert!(world.image("ext4", "@a/b.img", "64M", "@b") && world.image("ext4", "@b/c.img", "16M", "@c"));
        assert_eq!(world.targets(), ["2 c", "1 b", "0 a"]);
        assert_eq!(order(world, "c"), "before @b: its disk is the file @b/c.img");
        assert_eq!(order(world, "b"), "before @a: its disk is the file @a/b.img");
    });
}

#[test]
fn xfs_and_f2fs_in_files() {
    on_ext4("xfs and f2fs in files", |world| {
        for (kind, size) in [("xfs", "300M"), ("f2fs", "100M")] {
            if world.image(kind, &format!("@a/{kind}.img"), size, &format!("@{kind}")) {
                assert!(world.targets().contains(&format!("1 {kind}")));
            }
        }
    });
}

#[test]
fn a_removed_file() {
    on_ext4("removed file", |world| {
        assert!(world.image("ext4", "@a/b.img", "16M", "@b"));
        world.must(&["rm", "@a/b.img"]);
        assert_eq!(world.targets(), ["1 b", "0 a"]);
        assert_eq!(order(world, "b"), "before @a: its disk is the file @a/b.img (deleted)");
    });
}

#[test]
fn a_file_that_was_moved_since() {
    on_ext4("moved file", |world| {
        assert!(world.image("ext4", "@a/b.img", "16M", "@b"));
        world.must(&["mkdir", "@a/new"]);
        world.must(&["mv", "@a/b.img", "@a/new/c.img"]);
        assert_eq!(order(world, "b"), "before @a: its disk is the file @a/new/c.img");
    });
}

#[test]
fn a_file_whose_filesystem_was_detached_is_above_all_others() {
    on_ext4("detached", |world| {
        assert!(world.image("ext4", "@a/b.img", "16M", "@b"));
        world.must(&["umount", "--lazy", "@a"]);
        assert_eq!(world.targets(), ["0 b"]);
        let plan = hv_vssd::plan::make(
            &hv_vssd::plan::Roots { proc: "/proc".into(), sys: "/sys".into() },
            &hv_vssd::plan::Rules::default(),
        );
        let plan = plan.unwrap();
        let entry = plan.targets().find(|entry| entry.mount == world.path("b")).unwrap();
        let any_disk = plan.targets().any(|entry| entry.level == 0);
        assert_eq!(entry.level > 0, any_disk, "{entry:?}");
    });
}

#[test]
fn a_file_in_an_overlay() {
    on_ext4("overlay", |world| {
        world.must(&["mkdir", "-p", "@a/lower", "@a/up,per", "@a/work", "@merged"]);
        let options = world.path("a").display().to_string();
        let options = format!("lowerdir={options}/lower,upperdir={options}/up\\,per,workdir={options}/work");
        if world.can(&["mount", "-t", "overlay", "-o", &options, "overlay", "@merged"]).is_none() {
            return;
        }
        assert!(world.image("ext4", "@merged/b.img", "16M", "@b"));
        assert_eq!(world.targets(), ["1 b", "0 a"]);
        assert_eq!(
            order(world, "b"),
            "before @a: its disk is the file @merged/b.img, and @merged stands on that"
        );
    });
}

#[test]
fn a_btrfs_with_a_second_device_in_a_file() {
    on_ext4("btrfs of two devices", |world| {
        world.must(&["mkdir", "@pool"]);
        let Some(first) = world.attach("@first.img", "128M") else { return };
        let Some(second) = world.attach("@a/second.img", "128M") else { return };
        if world.can(&["mkfs.btrfs", "-q", "-f", &first, &second]).is_some()
            && world
                .can(&["mount", "-t", "btrfs", "-o", &format!("device={second}"), &first, "@pool"])
                .is_some()
        {
            assert_eq!(world.targets(), ["1 pool", "0 a"]);
            assert_eq!(order(world, "pool"), "before @a: its disk is the file @a/second.img");
        }
    });
}

#[test]
fn an_xfs_with_its_log_in_a_file() {
    on_ext4("xfs with a log device", |world| {
        world.must(&["mkdir", "@x"]);
        let Some(disk) = world.attach("@x.img", "300M") else { return };
        let Some(log) = world.attach("@a/log.img", "80M") else { return };
        if world.can(&["mkfs.xfs", "-q", "-l", &format!("logdev={log},size=64m"), &disk]).is_some()
            && world.can(&["mount", "-t", "xfs", "-o", &format!("logdev={log}"), &disk, "@x"]).is_some()
        {
            assert_eq!(order(world, "x"), "before @a: its disk is the file @a/log.img");
        }
    });
}

/// The first sector of a disk with one Linux partition, in sectors (the table that PCs have had since 1983).
fn one_partition(start: u32, sectors: u32) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[450] = 0x83;
    sector[454..458].copy_from_slice(&start.to_le_bytes());
    sector[458..462].copy_from_slice(&sectors.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

#[test]
fn a_partition_of_a_loop_device() {
    on_ext4("partition of a loop device", |world| {
        world.must(&["truncate", "-s", "64M", "@a/disk.img"]);
        world.must(&["mkdir", "@p"]);
        let image = std::fs::OpenOptions::new().write(true).open(world.path("a/disk.img")).unwrap();
        image.write_all_at(&one_partition(2048, 100_000), 0).unwrap();
        let Some(disk) = world.can(&["losetup", "--find", "--show", "--partscan", "@a/disk.img"]) else {
            return;
        };
        world.finally(&["losetup", "--detach", &disk]);
        let partition = format!("{disk}p1");
        if !std::path::Path::new(&partition).exists() {
            return world.skip("the kernel makes no partitions of loop devices");
        }
        if world.can(&["mkfs.ext4", "-q", &partition]).is_some() {
            world.must(&["mount", &partition, "@p"]);
            assert_eq!(order(world, "p"), "before @a: its disk is the file @a/disk.img");
        }
    });
}

#[test]
fn device_mapper_on_a_loop_device() {
    on_ext4("device mapper", |world| {
        world.must(&["mkdir", "@lv"]);
        let Some(disk) = world.attach("@a/pv.img", "32M") else { return };
        let name = format!("hv-utils-test-{}", std::process::id());
        let table = format!("0 65536 linear {disk} 0");
        if world.can(&["dmsetup", "create", &name, "--table", &table]).is_none() {
            return;
        }
        world.finally(&["dmsetup", "remove", "--retry", &name]);
        let device = format!("/dev/mapper/{name}");
        world.must(&["mkfs.ext4", "-q", &device]);
        world.must(&["mount", &device, "@lv"]);
        assert_eq!(world.targets(), ["1 lv", "0 a"]);
        assert_eq!(order(world, "lv"), "before @a: its disk is the file @a/pv.img");
    });
}

#[test]
fn an_array_of_loop_devices() {
    on_ext4("md", |world| {
        // Without it mdadm would leave device nodes behind.
        if !std::path::Path::new("/proc/mdstat").exists() {
            return world.skip("the kernel has no md");
        }
        world.must(&["mkdir", "@raid"]);
        let Some(first) = world.attach("@a/1.img", "32M") else { return };
        let Some(second) = world.attach("@2.img", "32M") else { return };
        let array = format!("/dev/md/hv-utils-test-{}", std::process::id());
        let create = [
            "mdadm",
            "--create",
            &array,
            "--run",
            "--level=1",
            "--raid-devices=2",
            "--metadata=1.2",
            &first,
            &second,
        ];
        if world.can(&create).is_none() {
            return;
        }
        world.finally(&["mdadm", "--stop", &array]);
        world.must(&["mkfs.ext4", "-q", &array]);
        world.must(&["mount", &array, "@raid"]);
        assert_eq!(order(world, "raid"), "before @a: its disk is the file @a/1.img");
    });
}
