//! What is asked of a component's daemon that runs, by its `org.hvutils.Service1`: whether it reached its host on raw VMBus,
//! and to let go of its device.
//!
//! A daemon is never started for the question. The few messages need a runtime; it lives for the question only, so that
//! those who ask stay plain code.

use std::time::Duration;

use hv_utils_core::bus::{BusChoice, SERVICE1};
use hv_utils_core::wire::Ic;
use tokio::time::{Instant, sleep, timeout};
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName, OwnedUniqueName};
use zbus::{Address, Connection, OwnedVariant, Structure, connection};

use crate::components::Component;
use crate::service::Daemons;

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

    /// A daemon and the bus that it is on.
    async fn find(&self, component: Component) -> Result<Found, String> {
        let connecting = connection::Builder::address(self.address.clone()).method_timeout(BUS).build();
        let Ok(connected) = timeout(BUS, connecting).await else {
            return Err("the bus does not answer".to_owned());
        };
        let bus = connected.map_err(|error| format!("the bus cannot be reached: {error}"))?;
        let name = component.bus_name;
        let failed = |error: zbus::fdo::Error| format!("{name} is not on the bus: {error}");
        let dbus = DBusProxy::new(&bus).await.map_err(|error| failed(error.into()))?;
        let well_known = BusName::from_static_str(name).map_err(|error| failed(error.into()))?;
        // By its own name from now on: that one cannot be started, and is nobody else after a restart.
        let daemon = dbus.get_name_owner(well_known).await.map_err(failed)?;
        Ok(Found { bus, daemon })
    }
}

/// A daemon that runs.
struct Found {
    bus: Connection,
    daemon: OwnedUniqueName,
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start an event loop: {error}"))?.block_on(Box::pin(work))
}

impl Daemons for OnBus {
    fn reached(&self, component: Component) -> Option<bool> {
        let reached = block_on(async {
            let found = self.find(component).await?;
            Ok(is_ready_in_time(&found.bus, component).await)
        });
        reached
            .inspect_err(|why| {
                tracing::debug!(why, daemon = component.daemon, "nobody says whether the host is reached");
            })
            .ok()
    }

    fn busy(&self, component: Component) -> Option<String> {
        let (interface, property) = match component.ic {
            Ic::Vss => ("org.hvutils.Vss1", "State"),
            Ic::FileCopy => ("org.hvutils.FileCopy1", "Active"),
            _ => return None,
        };
        let asked = block_on(async {
            let Found { bus, daemon } = self.find(component).await?;
            let failed = |error: zbus::Error| error.to_string();
            let proxy = PropertiesProxy::new(&bus, daemon, component.object).await.map_err(failed)?;
            let interface = InterfaceName::from_static_str_unchecked(interface);
            proxy.get(interface, property).await.map_err(|error| error.to_string())
        });
        match asked {
            Ok(value) => under_way(component, &value),
            Err(why) => {
                tracing::debug!(why, daemon = component.daemon, "nobody says whether anything is under way");
                None
            }
        }
    }

    fn process(&self, component: Component) -> Result<u32, String> {
        block_on(async {
            let Found { bus, daemon } = self.find(component).await?;
            let failed = |error: zbus::fdo::Error| format!("the bus does not tell whose name it is: {error}");
            let dbus = DBusProxy::new(&bus).await.map_err(|error| failed(error.into()))?;
            dbus.get_connection_unix_process_id(daemon.into()).await.map_err(failed)
        })
    }

    fn release(&self, component: Component, time: Duration) -> Result<(), String> {
        block_on(async {
            let Found { bus, daemon } = self.find(component).await?;
            let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
            let call = bus.call_method(Some(daemon), component.object, Some(SERVICE1), "Release", &seconds);
            call.await.map(drop).map_err(|error| error.to_string())
        })
    }
}

/// What a daemon's answer means: `State`, or the target and figures of `Active`.
fn under_way(component: Component, value: &OwnedVariant) -> Option<String> {
    if component.ic == Ic::Vss {
        let state = value.downcast_ref::<&str>().unwrap_or("in an unknown state");
        return (state != "thawed").then(|| format!("hv-vssd is {state}"));
    }
    let target = value.downcast_ref::<Structure<'_>>().ok()?;
    let target = target.fields().first()?.downcast_ref::<&str>().ok()?.to_owned();
    (!target.is_empty()).then(|| format!("a file is being copied to {target}"))
}

async fn is_ready_in_time(bus: &Connection, component: Component) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        // A daemon that restarts meanwhile has no answer for a moment.
        if is_ready(bus, component).await.unwrap_or(false) {
            return true;
        }
        if Instant::now() >= end {
            return false;
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
