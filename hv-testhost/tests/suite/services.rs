//! Services over time: host items, heartbeat, renegotiation, rescind and re-offer, as a library user sees them.

use std::time::Duration;

use hv_testhost::host::{Phase, Place, TransactionIds};
use hv_testhost::outcome::{Failure, Outcome};
use hv_testhost::{Host, HostOptions, Verb};
use hv_utils_core::wire::Ic;

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::support::dir;

/// After the first beat no other comes while a test goes on, however slowly.
const NEVER: Duration = Duration::from_secs(86_400);

fn verb(line: &str) -> Verb {
    Verb::from_words(hv_testhost::words::split(line).unwrap()).unwrap()
}

fn options(dir: &tempfile::TempDir) -> HostOptions {
    HostOptions { timeout: Duration::from_secs(60), ..HostOptions::new(dir.path()) }
}

#[tokio::test]
async fn a_guest_is_told_the_sixteen_host_items_in_alphabetical_order() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let host = Host::start(options(&dir)).unwrap();
    host.execute(&verb("wait-guest"), None).await.result.unwrap();
    host.shut_down().await;
    let pool = guest.stop().pools[3].clone();
    let keys: Vec<&str> = pool.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "HostName",
            "HostingSystemEditionId",
            "HostingSystemNestedLevel",
            "HostingSystemOsMajor",
            "HostingSystemOsMinor",
            "HostingSystemProcessorArchitecture",
            "HostingSystemProcessorIdleStateMax",
            "HostingSystemProcessorThrottleMax",
            "HostingSystemProcessorThrottleMin",
            "HostingSystemSpMajor",
            "HostingSystemSpMinor",
            "PhysicalHostName",
            "PhysicalHostNameFullyQualified",
            "VirtualMachineDynamicMemoryBalancingEnabled",
            "VirtualMachineId",
            "VirtualMachineName",
        ]
    );
    assert_eq!(pool[15].1, "testguest");
}

#[tokio::test]
async fn host_items_that_the_guest_refuses_are_noted_and_stop_nothing() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::RefusesHostItems);
    let host = Host::start(options(&dir)).unwrap();
    let report = host.execute(&verb("get-guest-items"), None).await;
    assert!(report.result.is_ok());
    assert_eq!(report.notes.len(), 16);
    assert!(report.notes[0].contains("HostName: 0x80004005"), "{:?}", report.notes);
}

#[tokio::test]
async fn renegotiation_agrees_again_and_tells_the_host_items_again() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let host = Host::start(options(&dir)).unwrap();
    host.execute(&verb("add-kvp a b"), None).await.result.unwrap();
    let report = host.execute(&verb("renegotiate"), None).await;
    assert!(matches!(report.result, Ok(Outcome::Agreed { ic: Ic::Kvp, .. })), "{report:?}");
    assert_eq!(report.violations, []);
    let Ok(Outcome::Items(items)) = host.execute(&verb("get-kvp 3"), None).await.result else { panic!() };
    assert_eq!(items.len(), 16);
}

#[tokio::test]
async fn a_disabled_service_refuses_and_an_enabled_one_meets_the_guest_again() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let host = Host::start(options(&dir)).unwrap();
    host.execute(&verb("add-kvp a b"), None).await.result.unwrap();
    host.execute(&verb("disable-service kvp"), None).await.result.unwrap();
    assert!(!dir.path().join("kvp.sock").exists());
    let refused = host.execute(&verb("get-host-items"), None).await.result.unwrap_err();
    assert!(matches!(&refused, Failure::Rule(why) if why.hint.contains("enable-service kvp")), "{refused:?}");
    let disabled = host.states().remove(0);
    assert_eq!((disabled.enabled, disabled.operational().text), (false, "Disabled"));
    host.execute(&verb("enable-service kvp"), None).await.result.unwrap();
    host.execute(&verb("wait-guest"), None).await.result.unwrap();
    assert_eq!(host.states()[0].openings, 2);
    host.shut_down().await;
    assert_eq!(guest.stop().openings, 2);
}

#[tokio::test]
async fn the_service_that_is_named_is_disabled_and_enabled_and_no_other() {
    let dir = dir();
    let host = Host::start(HostOptions { ics: vec![Ic::Kvp, Ic::Heartbeat], ..options(&dir) }).unwrap();
    let enabled = |host: &Host| host.states().iter().map(|state| state.enabled).collect::<Vec<_>>();
    host.execute(&verb("disable-service heartbeat"), None).await.result.unwrap();
    assert_eq!(enabled(&host), [true, false]);
    host.execute(&verb("enable-service heartbeat"), None).await.result.unwrap();
    assert_eq!(enabled(&host), [true, true]);
    let other = host.execute(&verb("disable-service vss"), None).await.result.unwrap_err();
    assert_eq!(other.to_string(), "this host does not offer vss");
}

#[tokio::test]
async fn each_close_of_the_guests_makes_a_new_device_where_that_is_asked_for() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::Closes);
    let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
    let options =
        HostOptions { reoffer_on_close: true, host_items: None, events: Some(events), ..options(&dir) };
    let host = Host::start(options).unwrap();
    for _ in 0..2 {
        // The guest closes after the second request, which is the end of this enumeration.
        let _ = host.execute(&verb("get-guest-items"), None).await;
    }
    host.execute(&verb("wait-guest"), None).await.result.unwrap();
    assert!(host.states()[0].openings >= 2);
    while told.recv().await.unwrap() != "kvp: offered again as a new device" {}
}

#[tokio::test]
async fn a_channel_that_closes_before_the_answer_is_no_answer() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::Closes);
    let host = Host::start(HostOptions { host_items: None, ..options(&dir) }).unwrap();
    let report = host.execute(&verb("get-guest-intrinsic-items"), None).await;
    assert_eq!(report.exit_code(), 3, "{report:?}");
    assert!(host.execute(&verb("wait-guest"), None).await.result.is_ok(), "the guest comes again");
}

#[tokio::test]
async fn an_item_that_the_guest_lost_is_noted_once() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let host = Host::start(options(&dir)).unwrap();
    host.execute(&verb("add-kvp kept 1"), None).await.result.unwrap();
    host.execute(&verb("add-kvp lost 2"), None).await.result.unwrap();
    drop(guest); // and with it all that it holds in memory
    while host.states()[0].phase != Phase::Waiting {
        tokio::task::yield_now().await;
    }
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let report = host.execute(&verb("add-kvp new 3"), None).await;
    assert!(report.result.is_ok());
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
    assert!(report.notes[1].contains("has lost \"lost\""), "{:?}", report.notes);
    assert_eq!(host.execute(&verb("get-host-items"), None).await.notes, [] as [&str; 0]);
}

#[tokio::test]
async fn rising_ids_come_back_as_they_were_sent() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let host = Host::start(HostOptions { ids: TransactionIds::Rising, ..options(&dir) }).unwrap();
    let report = host.execute(&verb("get-kvp"), None).await;
    assert!(report.result.is_ok());
    assert_eq!(report.violations, []);
}

#[tokio::test]
async fn the_heart_beats_and_the_services_show_it() {
    let dir = dir();
    let _guest = GuestThread::heartbeat(dir.path(), Fault::None);
    let options = HostOptions {
        ics: vec![Ic::Kvp, Ic::Heartbeat],
        heartbeat_period: Duration::from_millis(1),
        ..options(&dir)
    };
    let host = Host::start(options).unwrap();
    host.execute(&verb("wait-guest heartbeat"), None).await.result.unwrap();
    while host.states()[1].sequence < 5 {
        tokio::task::yield_now().await;
    }
    let Ok(Outcome::Services(services)) = host.execute(&verb("get-integration-services"), None).await.result
    else {
        panic!()
    };
    assert_eq!((services[0].ic, services[0].operational().code), (Ic::Kvp, 12));
    assert_eq!((services[1].ic, services[1].operational().code), (Ic::Heartbeat, 2));
    assert!(matches!(services[1].phase, Phase::Ready(agreed) if agreed.message.major == 3));
    assert_eq!((services[0].application, services[1].application), (None, Some(0)));
    assert_eq!(services[1].detail(), "applications unknown");
}

#[tokio::test]
async fn a_heart_that_does_not_count_is_a_violation() {
    let dir = dir();
    let _guest = GuestThread::heartbeat(dir.path(), Fault::SequenceStays);
    let ics = vec![Ic::Heartbeat];
    let host = Host::start(HostOptions { ics, heartbeat_period: NEVER, ..options(&dir) }).unwrap();
    let report = host.execute(&verb("wait-guest"), None).await;
    assert_eq!(report.violations.len(), 1, "{report:?}");
    assert_eq!(
        report.violations[0].problem.to_string(),
        "heartbeat sequence 1, 1 was sent and one more is due"
    );
}

#[tokio::test]
async fn a_second_host_in_the_same_directory_is_refused_and_the_first_stays() {
    let dir = dir();
    let _host = Host::start(options(&dir)).unwrap();
    assert_eq!(Host::start(options(&dir)).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    assert!(dir.path().join("kvp.sock").exists());
}

#[tokio::test]
async fn a_ring_of_one_data_page_is_enough_for_a_kvp_message() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let place = Place::Sim { dir: dir.path().to_owned(), ring_bytes: 8192 };
    let host = Host::start(HostOptions { place, ..options(&dir) }).unwrap();
    let Ok(Outcome::Items(items)) = host.execute(&verb("get-kvp 3"), None).await.result else { panic!() };
    assert_eq!(items.len(), 16);
}
