//! What starts at boot, and a bus that keeps silent.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;
use crate::backend::tests_support::{put, roots, world};

const UNIT: &str = "NetworkManager.service";

fn link(to: &str, at: &Path) {
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    symlink(to, at).unwrap();
}

#[test]
fn a_unit_is_enabled_by_any_directory_of_systemds() {
    for directory in [
        "etc/systemd/system/multi-user.target.wants",
        "run/systemd/system/network.target.requires",
        "usr/lib/systemd/system/multi-user.target.wants",
    ] {
        let (kept, roots) = roots();
        assert!(!world(&roots).is_enabled(UNIT));
        link("../unit", &kept.path().join(directory).join(UNIT));
        assert!(world(&roots).is_enabled(UNIT), "{directory}");
        assert!(!world(&roots).is_enabled("other.service"), "{directory}");
    }
}

#[test]
fn a_masked_unit_is_not_enabled() {
    for masked in ["etc", "run"] {
        let (kept, roots) = roots();
        link("../unit", &roots.etc.join("systemd/system/multi-user.target.wants").join(UNIT));
        let mask = kept.path().join(masked).join("systemd/system").join(UNIT);
        link("/dev/null", &mask);
        assert!(!world(&roots).is_enabled(UNIT), "{masked}");
        fs::remove_file(&mask).unwrap();
        put(&mask, "");
        assert!(!world(&roots).is_enabled(UNIT), "{masked}");
        put(&mask, "[Service]\n");
        assert!(world(&roots).is_enabled(UNIT), "{masked}");
    }
}

#[test]
fn without_systemd_other_links_say_what_starts() {
    for at in [
        "rc2.d/S03network-manager",
        "runlevels/default/NetworkManager",
        "runit/runsvdir/default/NetworkManager",
    ] {
        let (_kept, roots) = roots();
        link("../unit", &roots.etc.join(at));
        assert!(world(&roots).is_enabled(UNIT), "{at}");
        // With systemd they are left over.
        fs::create_dir_all(roots.run.join("systemd/system")).unwrap();
        assert!(!world(&roots).is_enabled(UNIT), "{at}");
    }
    let (_kept, roots) = roots();
    link("../unit", &roots.etc.join("rc2.d/K03network-manager"));
    assert!(!world(&roots).is_enabled(UNIT));
}

#[tokio::test(start_paused = true)]
async fn a_silent_bus_is_waited_for_once_in_a_while() {
    let (kept, roots) = roots();
    let path = kept.path().join("bus");
    let _listener = UnixListener::bind(&path).unwrap();
    let settings = world(&roots).settings.clone();
    let bus: BusChoice = format!("unix:path={}", path.display()).parse().unwrap();
    let world = World::new(roots, settings, bus);
    for expected in [BUS_PATIENCE, Duration::ZERO, Duration::ZERO] {
        let started = Instant::now();
        assert!(!world.is_on_bus("org.example").await);
        assert_eq!(started.elapsed().as_secs(), expected.as_secs());
    }
    tokio::time::advance(BUS_SILENCE).await;
    let started = Instant::now();
    assert!(world.bus().await.is_none());
    assert_eq!(started.elapsed().as_secs(), BUS_PATIENCE.as_secs());
}
