//! What an explicit choice is told at start.

use super::{LinkError, is_older};
use crate::channel::ChannelChoice;
use crate::testing::FakeBus;
use crate::wire::Ic;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn bus() -> (TempDir, FakeBus) {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    (directory, bus)
}

#[test]
fn an_explicit_choice_without_a_device_is_unavailable() {
    let (_directory, bus) = bus();
    for choice in [ChannelChoice::Uio, ChannelChoice::HvUtils] {
        for ic in [Ic::Kvp, Ic::Shutdown] {
            let error = bus.link(ic, choice.clone()).unwrap_err();
            assert!(matches!(error, LinkError::NoDevice { .. }), "{error}");
            assert_eq!(error.exit_code(), 69);
        }
    }
}

#[test]
fn auto_and_sim_wait_for_what_is_not_there() {
    let (_directory, bus) = bus();
    assert!(bus.link(Ic::Kvp, ChannelChoice::Auto).is_ok());
    assert!(bus.link(Ic::Kvp, ChannelChoice::Sim("/nonexistent/kvp.sock".into())).is_ok());
}

#[test]
fn a_kvp_device_that_is_away_for_a_moment_is_waited_for() {
    let (_directory, bus) = bus();
    bus.offer(Ic::Heartbeat).unwrap();
    std::thread::scope(|scope| {
        // Whichever comes first, the look or the device: the link is made.
        scope.spawn(|| bus.offer(Ic::Kvp).unwrap());
        assert!(bus.link(Ic::Kvp, ChannelChoice::Uio).is_ok());
    });
}

#[test]
fn file_copy_by_a_kernel_that_has_none_is_unavailable() {
    let (_directory, bus) = bus();
    bus.offer(Ic::FileCopy).unwrap(); // nobody takes it, as since Linux 6.10
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let result = bus.link(Ic::FileCopy, ChannelChoice::HvUtils);
    if is_older(&release, (6, 10)) {
        assert!(result.is_ok(), "{result:?}");
    } else {
        let error = result.unwrap_err();
        assert!(matches!(error, LinkError::NotInKernel { .. }), "{error}");
        assert_eq!(error.exit_code(), 69);
    }
}

#[test]
fn a_device_that_is_bound_proves_that_the_kernel_can() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    assert!(bus.link(Ic::Kvp, ChannelChoice::Uio).is_ok());
}

#[test]
fn a_node_that_may_not_be_opened_is_not_permitted() {
    if rustix::process::geteuid().is_root() {
        use std::io::Write as _;
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(std::io::stderr(), "skipped: {name}: nothing is forbidden to root");
        return;
    }
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    std::fs::set_permissions(bus.dev_root().join("uio0"), PermissionsExt::from_mode(0o000)).unwrap();
    let error = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap_err();
    assert!(matches!(error, LinkError::NotPermitted { .. }), "{error}");
    assert_eq!(error.exit_code(), 77);
}

#[test]
fn releases_are_compared_by_number() {
    for (release, older) in [
        ("6.1.0-40-amd64", true),
        ("6.9.12", true),
        ("5.15.0-1084-azure", true),
        ("6.10.0", false),
        ("6.10-rc1", false),
        ("6.12.95+deb13-amd64", false),
        ("7.0.0-30-generic", false),
        ("10.2", false),
        ("strange", false),
        ("", false),
    ] {
        assert_eq!(is_older(release, (6, 10)), older, "{release}");
    }
}
