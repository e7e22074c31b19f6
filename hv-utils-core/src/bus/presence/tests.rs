//! Getting on a bus that is there, comes late, restarts, refuses us, or belongs to someone else.

use super::*;
use crate::bus::support::PrivateBus;
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use zbus::address::Transport;
use zbus::address::transport::{Unix, UnixSocket};
use zbus::connection::Builder;

const NAME: &str = "org.hvutils.Presence1";

/// Runs a test; the time limit only ends one that hangs.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

fn address(path: &Path) -> Address {
    Address::new(Transport::Unix(Unix::new(UnixSocket::File(path.to_path_buf()))))
}

fn seek(bus: &PrivateBus) -> Presence {
    Presence::seek(address(&bus.path("bus")), NAME)
}

/// Goes through `Connected` to the event after it.
async fn settle(presence: &mut Presence) -> (Connection, Event) {
    match presence.next().await {
        Event::Connected(connection) => {
            presence.registered();
            let event = presence.next().await;
            (connection, event)
        }
        other => panic!("{other:?}"),
    }
}

async fn owner(bus: &PrivateBus) -> Option<String> {
    let client = Builder::address(bus.address().as_str()).build().await.unwrap();
    let proxy = fdo::DBusProxy::new(&client).await.unwrap();
    proxy.get_name_owner(NAME.try_into().unwrap()).await.ok().map(|owner| owner.to_string())
}

#[test]
fn name_is_asked_for_only_after_the_objects_are_registered() {
    let Some(bus) = PrivateBus::start("name_is_asked_for_only_after_the_objects_are_registered") else {
        return;
    };
    run(async {
        let mut presence = seek(&bus);
        let Event::Connected(connection) = presence.next().await else { panic!("connected") };
        assert_eq!(owner(&bus).await, None);
        presence.registered();
        assert!(matches!(presence.next().await, Event::Named));
        assert_eq!(owner(&bus).await, Some(connection.unique_name().unwrap().to_string()));
    });
}

#[test]
fn bus_that_comes_late_is_told_as_absent_and_then_joined() {
    let Some(mut bus) = PrivateBus::absent("bus_that_comes_late_is_told_as_absent_and_then_joined") else {
        return;
    };
    run(async {
        let mut presence = seek(&bus);
        assert!(matches!(presence.next().await, Event::Absent(_)));
        bus.restart();
        let (_connection, event) = settle(&mut presence).await;
        assert!(matches!(event, Event::Named), "{event:?}");
    });
}

#[test]
fn bus_that_restarts_is_joined_again_under_the_same_name() {
    let Some(mut bus) = PrivateBus::start("bus_that_restarts_is_joined_again_under_the_same_name") else {
        return;
    };
    run(async {
        let mut presence = seek(&bus);
        let (first, event) = settle(&mut presence).await;
        assert!(matches!(event, Event::Named), "{event:?}");
        bus.stop();
        assert!(matches!(presence.next().await, Event::Lost));
        assert!(first.is_closed());
        assert!(matches!(presence.next().await, Event::Absent(_)));
        bus.restart();
        let (_second, event) = settle(&mut presence).await;
        assert!(matches!(event, Event::Named), "{event:?}");
        assert!(owner(&bus).await.is_some());
    });
}

#[test]
fn name_that_is_taken_is_refused_as_busy_and_can_be_asked_for_again() {
    let Some(bus) = PrivateBus::start("name_that_is_taken_is_refused_as_busy_and_can_be_asked_for_again")
    else {
        return;
    };
    run(async {
        let other = Builder::address(bus.address().as_str()).name(NAME).build().await.unwrap();
        let mut presence = seek(&bus);
        let (_connection, event) = settle(&mut presence).await;
        let Event::Refused(failure) = event else { panic!("{event:?}") };
        assert_eq!(failure.exit(), Exit::Busy);
        assert!(failure.to_string().contains(NAME), "{failure}");
        other.release_name(NAME).await.unwrap();
        presence.retry();
        assert!(matches!(presence.next().await, Event::Named));
    });
}

#[test]
fn nobody_can_take_the_name_from_its_owner() {
    let Some(bus) = PrivateBus::start("nobody_can_take_the_name_from_its_owner") else { return };
    run(async {
        let mut presence = seek(&bus);
        let (_connection, event) = settle(&mut presence).await;
        assert!(matches!(event, Event::Named), "{event:?}");
        let taken = Builder::address(bus.address().as_str()).name(NAME).build().await;
        assert!(matches!(taken, Err(zbus::Error::NameTaken)), "{taken:?}");
    });
}

#[test]
fn policy_that_denies_the_name_is_refused_as_not_permitted() {
    let policy = format!("<deny own='{NAME}'/>");
    let Some(bus) =
        PrivateBus::with_policy("policy_that_denies_the_name_is_refused_as_not_permitted", &policy)
    else {
        return;
    };
    run(async {
        let mut presence = seek(&bus);
        let (_connection, event) = settle(&mut presence).await;
        let Event::Refused(failure) = event else { panic!("{event:?}") };
        assert_eq!(failure.exit(), Exit::NotPermitted);
    });
}

#[test]
fn bus_that_hangs_up_on_us_is_absent() {
    let policy = format!("<deny user='{}'/>", rustix::process::geteuid().as_raw());
    let Some(bus) = PrivateBus::with_policy("bus_that_hangs_up_on_us_is_absent", &policy) else { return };
    run(async {
        let mut presence = seek(&bus);
        let event = presence.next().await;
        assert!(matches!(event, Event::Absent(_)), "{event:?}");
    });
}

#[test]
fn what_forbids_is_told_from_what_is_missing() {
    let address = address(Path::new("/bus"));
    let io = |kind| zbus::Error::Connection(Arc::new(std::io::Error::from(kind)), Box::new(address.clone()));
    let forbidden = [
        io(std::io::ErrorKind::PermissionDenied),
        zbus::Error::Handshake("EXTERNAL rejected by the server. Accepted mechanisms: []".to_owned()),
        zbus::Error::FDO(Box::new(fdo::Error::AccessDenied(String::new()))),
    ];
    for error in &forbidden {
        assert_eq!(
            denied(error, &address).map(|failure| failure.exit()),
            Some(Exit::NotPermitted),
            "{error}"
        );
    }
    let absent = [
        io(std::io::ErrorKind::NotFound),
        io(std::io::ErrorKind::ConnectionRefused),
        zbus::Error::InvalidReply,
    ];
    for error in &absent {
        assert_eq!(denied(error, &address), None, "{error}");
    }
    assert!(missing(&absent[0]) && !missing(&absent[1]));
}

#[test]
fn socket_that_nobody_serves_is_absent_until_a_bus_takes_its_place() {
    let Some(mut bus) = PrivateBus::absent("socket_that_nobody_serves_is_absent_until_a_bus_takes_its_place")
    else {
        return;
    };
    run(async {
        drop(std::os::unix::net::UnixListener::bind(bus.path("bus")).unwrap());
        let mut presence = seek(&bus);
        assert!(matches!(presence.next().await, Event::Absent(_)));
        bus.restart();
        let (_connection, event) = settle(&mut presence).await;
        assert!(matches!(event, Event::Named), "{event:?}");
    });
}

#[test]
fn bus_that_hangs_up_again_and_again_is_called_ever_more_rarely() {
    let mut pace = super::Pace::default();
    let pauses: Vec<u128> = (0..10).map(|_| pace.after(Duration::from_millis(3)).as_millis()).collect();
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert_eq!(pace.after(Duration::from_secs(60)), Duration::ZERO);
}
