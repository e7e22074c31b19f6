//! Asks a component's daemon whether it reached its host on raw VMBus: `org.hvutils.Service1` of a daemon that runs.
//!
//! A daemon is never started for the question. The few messages need a runtime; it lives for the question only, so that
//! those who ask stay plain code.

use std::time::Duration;

use hv_utils_core::bus::{BusChoice, SERVICE1};
use tokio::time::{Instant, sleep, timeout};
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName};
use zbus::{Address, Connection, connection};

use crate::components::Component;
use crate::service::Readiness;

/// How long a daemon may take to see the device, open it and negotiate.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(250);
/// How long the bus may take: then there is nobody to be asked.
const BUS: Duration = Duration::from_secs(5);

/// Asks on a bus.
#[derive(Debug)]
pub struct OnBus {
    address: Address,
}

impl OnBus {
    /// On that bus, if it is one.
    #[must_use]
    pub fn new(bus: &BusChoice) -> Option<Self> {
        bus.address().ok().flatten().map(|address| Self { address })
    }
}

impl Readiness for OnBus {
    fn reached(&self, component: Component) -> Option<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let reached = runtime.block_on(Box::pin(ask(&self.address, component)));
        reached.unwrap_or_else(|error| {
            tracing::debug!(%error, daemon = component.daemon, "nobody says whether the host is reached");
            None
        })
    }
}

async fn ask(address: &Address, component: Component) -> zbus::Result<Option<bool>> {
    let connecting = connection::Builder::address(address.clone()).method_timeout(BUS).build();
    let Ok(connected) = timeout(BUS, connecting).await else { return Ok(None) };
    let bus = connected?;
    let name = BusName::try_from(component.bus_name)?;
    if !DBusProxy::new(&bus).await?.name_has_owner(name).await? {
        return Ok(None);
    }
    let end = Instant::now() + PATIENCE;
    loop {
        // A daemon that restarts meanwhile has no answer for a moment.
        if is_ready(&bus, component).await.unwrap_or(false) {
            return Ok(Some(true));
        }
        if Instant::now() >= end {
            return Ok(Some(false));
        }
        sleep(LOOK).await;
    }
}

/// Ready, and on the new way: for a moment a daemon still shows the old one.
async fn is_ready(bus: &Connection, component: Component) -> zbus::Result<bool> {
    let proxy = PropertiesProxy::new(bus, component.bus_name, component.object).await?;
    let interface = InterfaceName::from_static_str_unchecked(SERVICE1);
    let properties = proxy.get_all(interface).await?;
    let is = |name: &str, value: &str| {
        properties
            .get(name)
            .is_some_and(|found| found.downcast_ref::<&str>().is_ok_and(|found| found == value))
    };
    Ok(is("Transport", "uio") && is("ChannelState", "ready"))
}
