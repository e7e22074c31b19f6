//! A machine of files in a temporary directory, for tests of backends.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::bus::BusChoice;
use hv_utils_core::netapply::{BackendChoice, NetworkSettings};
use hv_utils_core::network::Selection;

use super::{Roots, Target};
use crate::world::World;

/// Roots below a directory that goes when it is dropped.
pub(crate) fn roots() -> (tempfile::TempDir, Roots) {
    let kept = tempfile::tempdir().unwrap();
    let at = |name: &str| kept.path().join(name);
    let roots = Roots {
        etc: at("etc"),
        run: at("run"),
        usr: at("usr"),
        sysfs: at("sys"),
        proc: at("proc"),
        var_lib: at("var/lib"),
    };
    (kept, roots)
}

/// A world without a bus.
pub(crate) fn world(roots: &Roots) -> Rc<World> {
    let settings = NetworkSettings {
        selection: Selection::new(Vec::new(), Vec::new()),
        host_may_configure: true,
        backend: BackendChoice::Auto,
        apply_timeout: Duration::from_secs(15),
        script: "/nowhere".into(),
        hook_timeout: Duration::from_secs(60),
        disable_cloud_init: false,
    };
    Rc::new(World::new(roots.clone(), settings, BusChoice::None))
}

/// `eth0`, the link of number 2.
pub(crate) fn target() -> Target {
    Target {
        interface: "eth0".to_owned(),
        index: 2,
        mac: "00:15:5d:00:04:0a".to_owned(),
        adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(),
    }
}

/// A file with its directories.
pub(crate) fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
