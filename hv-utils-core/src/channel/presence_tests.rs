//! Devices are noticed when their nodes appear, and nothing is missed between two looks.

use super::{Presence, is_relevant};
use std::fs;
use std::path::Path;
use std::task::{Context, Poll, Waker};

fn is_ready(presence: &mut Presence) -> bool {
    let future = std::pin::pin!(presence.changed());
    matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}

#[tokio::test]
async fn a_node_that_appears_is_noticed() {
    let dev = tempfile::tempdir().unwrap();
    let mut presence = Presence::subscribe(dev.path()).unwrap();
    assert!(!is_ready(&mut presence));
    fs::write(dev.path().join("uio0"), "").unwrap();
    presence.changed().await.unwrap();
    assert!(!is_ready(&mut presence), "one look is enough for what was there");
}

#[tokio::test]
async fn a_node_that_goes_or_gets_its_permissions_is_noticed() {
    let dev = tempfile::tempdir().unwrap();
    let node = dev.path().join("uio0");
    fs::write(&node, "").unwrap();
    let mut presence = Presence::subscribe(dev.path()).unwrap();
    fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o660)).unwrap();
    presence.changed().await.unwrap();
    fs::remove_file(&node).unwrap();
    presence.changed().await.unwrap();
}

#[tokio::test]
async fn nodes_in_a_vmbus_directory_made_later_are_noticed() {
    let dev = tempfile::tempdir().unwrap();
    let mut presence = Presence::subscribe(dev.path()).unwrap();
    fs::create_dir(dev.path().join("vmbus")).unwrap();
    presence.changed().await.unwrap();
    fs::write(dev.path().join("vmbus/hv_kvp"), "").unwrap();
    presence.changed().await.unwrap();
}

#[tokio::test]
async fn an_abandoned_wait_loses_nothing() {
    let dev = tempfile::tempdir().unwrap();
    let mut presence = Presence::subscribe(dev.path()).unwrap();
    assert!(!is_ready(&mut presence));
    fs::write(dev.path().join("uio0"), "").unwrap();
    // What happened while nobody waited is still told.
    presence.changed().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_is_not_there_cannot_be_watched() {
    assert!(Presence::subscribe(Path::new("/nonexistent/dev")).is_err());
}

#[tokio::test]
async fn the_machines_own_devices_can_be_watched() {
    assert!(Presence::subscribe(Path::new("/dev")).is_ok());
}

#[test]
fn uevents_of_other_subsystems_are_not_worth_a_look() {
    let bind = b"bind@/devices/vmbus/242ff919\0ACTION=bind\0SUBSYSTEM=vmbus\0SEQNUM=1\0";
    let block = b"add@/devices/loop0\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=uio0\0";
    let longer = b"add@/devices/x\0SUBSYSTEM=uio_other\0";
    assert!(is_relevant(bind));
    assert!(is_relevant(b"libudev\0...\0ACTION=add\0SUBSYSTEM=uio\0"));
    assert!(!is_relevant(block));
    assert!(!is_relevant(longer));
    assert!(!is_relevant(b""));
}
