//! The table, and the end of a connection on a bus of the test's own.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::wire::heartbeat::ApplicationState::{Critical, Healthy};
use tokio::sync::oneshot;
use tokio::time::timeout;
use zbus::Connection;

use super::*;
use crate::bus::support::PrivateBus;

fn holder(name: &(impl ToString + ?Sized)) -> Holder {
    Holder { line: 1, name: name.to_string() }
}

fn report(state: ApplicationState, serial: u32) -> Report {
    Report { state, why: format!("call {serial}"), serial: NonZeroU32::new(serial).unwrap() }
}

fn call(serial: u32) -> NonZeroU32 {
    NonZeroU32::new(serial).unwrap()
}

fn said(leases: &Leases<()>) -> Vec<(String, String)> {
    leases.sources().into_iter().map(|source| (source.name, source.why)).collect()
}

#[test]
fn one_lease_each_and_the_next_report_replaces_the_last() {
    let mut leases = Leases::default();
    leases.report(holder(":1.5"), report(Healthy, 7), || ()).unwrap();
    leases.report(holder(":1.6"), report(Critical, 3), || ()).unwrap();
    leases.report(holder(":1.5"), report(Critical, 9), || unreachable!("it has one")).unwrap();
    let expected = [("application :1.5", "call 9"), ("application :1.6", "call 3")];
    assert_eq!(said(&leases), expected.map(|(name, why)| (name.to_owned(), why.to_owned())));
    assert!(leases.withdraw(&holder(":1.5"), call(20)));
    assert!(!leases.withdraw(&holder(":1.5"), call(20)));
    assert_eq!(said(&leases).len(), 1);
}

#[test]
fn call_that_was_made_earlier_and_arrives_later_is_not_the_last_word() {
    let mut leases = Leases::default();
    for (serial, expected) in [(8, 8), (7, 8), (9, 9), (u32::MAX, 9), (10, 10)] {
        leases.report(holder(":1.5"), report(Healthy, serial), || ()).unwrap();
        assert_eq!(leases.sources()[0].why, format!("call {expected}"));
    }
    // Numbers begin anew.
    leases.clear();
    for serial in [u32::MAX, 2] {
        leases.report(holder(":1.5"), report(Healthy, serial), || ()).unwrap();
    }
    assert_eq!(leases.sources()[0].why, "call 2");
}

#[test]
fn report_that_was_taken_back_before_it_arrives_is_none() {
    let mut leases = Leases::default();
    assert!(!leases.withdraw(&holder(":1.5"), call(8)));
    leases.report(holder(":1.5"), report(Critical, 7), || unreachable!("it was taken back")).unwrap();
    assert_eq!(said(&leases), []);
    leases.report(holder(":1.6"), report(Critical, 7), || ()).unwrap();
    leases.report(holder(":1.5"), report(Healthy, 9), || ()).unwrap();
    assert_eq!(said(&leases).len(), 2);
    // And so it is with one that has a lease.
    assert!(leases.withdraw(&holder(":1.6"), call(12)));
    leases.report(holder(":1.6"), report(Critical, 11), || unreachable!("it was taken back")).unwrap();
    assert_eq!(said(&leases).len(), 1);
    // What is remembered of that has an end, and ends with the connection.
    for number in 0..1000 {
        leases.withdraw(&holder(&number), call(1));
    }
    assert_eq!(leases.withdrawn.len(), MOST_LEASES);
    leases.gone(&holder(&999));
    assert_eq!(leases.withdrawn.len(), MOST_LEASES - 1);
}

#[test]
fn there_is_an_end_to_them_and_who_has_one_keeps_it() {
    let mut leases = Leases::default();
    for number in 0..MOST_LEASES {
        leases.report(holder(&number), report(Healthy, 1), || ()).unwrap();
    }
    assert_eq!(leases.report(holder("more"), report(Healthy, 1), || ()), Err(Full));
    leases.report(holder(&7), report(Critical, 2), || ()).unwrap();
    assert_eq!(leases.sources()[7].state, Critical);
    leases.gone(&holder(&7));
    leases.report(holder("more"), report(Healthy, 1), || ()).unwrap();
    assert_eq!(leases.sources().len(), MOST_LEASES);
}

#[test]
fn same_name_on_another_bus_is_somebody_else() {
    let mut leases = Leases::default();
    leases.report(holder(":1.5"), report(Healthy, 1), || ()).unwrap();
    let later = Holder { line: 2, ..holder(":1.5") };
    assert!(!leases.gone(&later));
    leases.report(later, report(Critical, 1), || ()).unwrap();
    assert_eq!(leases.sources().len(), 2);
}

#[test]
fn what_is_kept_with_a_lease_ends_with_it() {
    let guard = Rc::new(());
    let mut leases = Leases::default();
    for name in [":1.1", ":1.2", ":1.3"] {
        leases.report(holder(name), report(Healthy, 1), || guard.clone()).unwrap();
    }
    leases.gone(&holder(":1.2"));
    assert_eq!(Rc::strong_count(&guard), 3);
    assert!(leases.clear());
    assert_eq!(Rc::strong_count(&guard), 1);
    assert!(!leases.clear());
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

async fn connect(bus: &PrivateBus) -> Connection {
    zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

/// Listens from `own` for the end of `other`: whether that has come, in time.
async fn leaving(own: &Connection, other: &Connection) -> (Guard, oneshot::Receiver<()>) {
    let name = other.unique_name().unwrap().as_str();
    let leaving = Leaving::of(own, name).await.unwrap().expect("it is there");
    let (tell, told) = oneshot::channel();
    let guard = leaving.then(async move { tell.send(()).unwrap_or_default() });
    (guard, told)
}

#[test]
fn only_the_end_of_the_right_connection_is_told() {
    run(async {
        let Some(bus) = PrivateBus::start("only_the_end_of_the_right") else { return };
        let own = connect(&bus).await;
        let (first, second) = (connect(&bus).await, connect(&bus).await);
        let (_guard, mut told) = leaving(&own, &first).await;
        let (_other, told_other) = leaving(&own, &second).await;
        second.request_name("org.example.Second").await.unwrap();
        first.request_name("org.example.First").await.unwrap();
        first.release_name("org.example.First").await.unwrap();
        second.close().await.unwrap();
        told_other.await.unwrap();
        assert!(told.try_recv().is_err(), "it is still there");
        first.close().await.unwrap();
        told.await.unwrap();
    });
}

#[test]
fn who_has_left_before_anybody_listened_is_known_to_be_gone() {
    run(async {
        let Some(bus) = PrivateBus::start("who_has_left_before") else { return };
        let (own, other) = (connect(&bus).await, connect(&bus).await);
        let name = other.unique_name().unwrap().to_string();
        other.close().await.unwrap();
        // The bus learns of it in its own time.
        while Leaving::of(&own, &name).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn end_of_the_bus_is_everybodys() {
    run(async {
        let Some(mut bus) = PrivateBus::start("end_of_the_bus") else { return };
        let (own, other) = (connect(&bus).await, connect(&bus).await);
        let (_guard, told) = leaving(&own, &other).await;
        bus.stop();
        told.await.unwrap();
        assert!(Leaving::of(&own, ":1.1").await.is_err());
    });
}
