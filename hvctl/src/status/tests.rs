use std::time::Duration;

use hv_utils_core::channel::sysfs::VmbusDevice;

use super::{Service, advice, age, ago};
use crate::daemons::DAEMONS;
use crate::error::{Code, Error};
use crate::proxies::ServiceInfo;

fn info(state: &str, transport: &str) -> Result<ServiceInfo, Error> {
    Ok(ServiceInfo {
        channel_state: state.to_owned(),
        transport: transport.to_owned(),
        ..ServiceInfo::default()
    })
}

fn absent() -> Result<ServiceInfo, Error> {
    Err(Error {
        code: Code::Unavailable,
        name: "org.freedesktop.DBus.Error.NameHasNoOwner".to_owned(),
        message: String::new(),
        hint: String::new(),
    })
}

/// The beginning of the advice about the service with this short name.
fn told(
    name: &str,
    info: Result<ServiceInfo, Error>,
    driver: Option<&str>,
    installed: bool,
    vmbus: bool,
) -> String {
    let daemon = DAEMONS.iter().find(|daemon| daemon.ic.name() == name).unwrap();
    let device = driver.map(|driver| VmbusDevice {
        instance: "00000000-0000-0000-0000-000000000000".to_owned(),
        class: daemon.ic.class(),
        device_id: None,
        driver: Some(driver.to_owned()),
        state: None,
        relid: None,
        monitor_id: None,
        uio: None,
    });
    let service = Service { daemon, info, device: device.as_ref(), installed };
    advice::of(&service, vmbus).unwrap_or_default()
}

#[test]
fn a_service_that_is_well_needs_no_advice() {
    assert_eq!(told("kvp", info("ready", "uio"), Some("uio_hv_generic"), true, true), "");
    assert_eq!(told("heartbeat", info("kernel", "hv_utils"), Some("hv_utils"), true, true), "");
    assert_eq!(told("kvp", info("ready", "sim"), None, true, false), "");
}

#[test]
fn the_first_thing_in_the_way_is_told() {
    let offered = Some("hv_utils");
    for (advice, begins) in [
        (told("kvp", info("failed", "uio"), offered, true, true), "hv-kvpd cannot use its channel"),
        (told("kvp", info("negotiating", "uio"), offered, true, true), "hv-kvpd waits for the host to agree"),
        (told("kvp", info("closed", "sim"), None, true, false), "hv-kvpd waits for the test host"),
        (told("kvp", info("closed", ""), None, true, false), "hv-kvpd has no host to talk to"),
        (told("kvp", info("closed", ""), None, true, true), "the host does not offer this service"),
        (told("kvp", info("closed", ""), offered, true, true), "hv-kvpd has no channel to the host"),
        (told("kvp", absent(), offered, false, true), "hv-kvpd is not installed"),
        (
            told("kvp", absent(), offered, true, true),
            "hv-kvpd is not running: systemctl enable --now hv-kvpd",
        ),
        (told("kvp", absent(), None, true, true), "hv-kvpd is not running, and the host does not offer"),
        (
            told("kvp", absent(), None, true, false),
            "hv-kvpd is not running (systemctl start hv-kvpd); it needs",
        ),
        (told("shutdown", absent(), offered, false, true), "hv-shutdownd is not installed; the kernel's"),
        (told("shutdown", absent(), offered, true, true), "hv-shutdownd is not running; the kernel's"),
        (told("vss", Err(Error::silent("hv-vssd")), offered, true, true), "hv-vssd does not answer: look at"),
    ] {
        assert!(advice.starts_with(begins), "{advice:?} should begin with {begins:?}");
    }
}

#[test]
fn simulated_host_that_has_gone_is_not_a_machine_that_never_had_one() {
    let heard = ServiceInfo { messages_received: 3, ..info("closed", "").unwrap() };
    let advice = told("heartbeat", Ok(heard), None, true, false);
    assert_eq!(
        advice,
        "hv-heartbeatd has no channel any more: the simulated host does not offer this service, or cannot be reached"
    );
}

#[test]
fn no_bus_is_told_once_and_not_for_each_service() {
    assert_eq!(told("kvp", Err(Error::no_bus("system bus", "gone")), None, true, true), "");
}

#[test]
fn an_age_is_told_in_the_largest_unit_that_fits() {
    for (seconds, text) in
        [(0, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (172_800, "2 days ago")]
    {
        assert_eq!(ago(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn a_message_never_has_no_age_and_one_from_the_future_none_to_speak_of() {
    assert_eq!(age(0), None);
    assert_eq!(age(u64::MAX / 2), Some(Duration::ZERO));
}
