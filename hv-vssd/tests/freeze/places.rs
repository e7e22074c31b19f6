//! Run directories on what is to be frozen: a record there could not be written when it counts, so nothing is frozen.

use std::ffi::CString;
use std::fs::create_dir_all;
use std::path::Path;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::mount::{MountFlags, mount};

use crate::none_frozen;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, skipped, world};

/// Every freeze with this run directory is refused, for this reason, and nothing hangs.
async fn is_refused(world: World, run: &Path, disks: &[Disk]) {
    create_dir_all(run).unwrap();
    world.show_mounts(&[]);
    let guest = Guest::prepare(world, "").running_in(run);
    let mut host = guest.run().await;
    let writers = Writers::start(&guest, disks);
    for count in 1..=2 {
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        let told = guest.told_of(count)["result"].to_string();
        assert!(told.contains("it has to be on a tmpfs"), "{told}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(disks);
        assert!(!guest.record().exists());
    }
    assert_eq!(guest.end(), Some(0));
    none_frozen(disks);
}

#[test]
fn a_run_directory_on_what_is_to_be_frozen_is_refused() {
    const TEST: &str = "a_run_directory_on_what_is_to_be_frozen_is_refused";
    for kind in [Kind::Ext4, Kind::Btrfs] {
        if let Some(why) = kind.missing() {
            skipped(&format!("{TEST}: {}", kind.name()), &why);
            continue;
        }
        world(TEST, async move |world: World| {
            let disks = [world.disk("d", kind), world.disk("e", Kind::Ext4)];
            let run = disks[0].mount.join("run");
            is_refused(world, &run, &disks).await;
        });
    }
}

#[test]
fn a_run_directory_on_an_overlay_that_writes_to_what_is_to_be_frozen_is_refused() {
    const TEST: &str = "a_run_directory_on_an_overlay_that_writes_to_what_is_to_be_frozen_is_refused";
    if !std::fs::read_to_string("/proc/filesystems").unwrap().contains("overlay") {
        return skipped(TEST, "this kernel has no overlay");
    }
    world(TEST, async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let [lower, over] = ["lower", "over"].map(|name| world.path(name));
        let [upper, work] = ["upper", "work"].map(|name| disks[0].mount.join(name));
        [&lower, &over, &upper, &work].into_iter().for_each(|directory| create_dir_all(directory).unwrap());
        let [low, up, own] = [&lower, &upper, &work].map(|path| path.display());
        let options = CString::new(format!("lowerdir={low},upperdir={up},workdir={own}")).unwrap();
        mount("over", &over, "overlay", MountFlags::empty(), Some(options.as_c_str())).unwrap();
        is_refused(world, &over.join("run"), &disks).await;
    });
}
