//! A message bus in a world, with a policy that allows everything: who may freeze is then the daemon's to decide.

use std::time::{Duration, Instant};

use hv_utils_core::testing::MessageBus;
use zbus::Connection;
use zbus::fdo::DBusProxy;

use super::{PATIENCE, World};

/// A running `dbus-daemon`; ends with the value, or with the world.
#[derive(Debug)]
pub(crate) struct PrivateBus(MessageBus);

impl PrivateBus {
    /// Starts it; `None` where there is none.
    pub(crate) fn start(world: &World) -> Option<PrivateBus> {
        match MessageBus::start(world.directory()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            bus => Some(PrivateBus(bus.unwrap())),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.0.address
    }

    /// Waits until somebody has this name.
    pub(crate) async fn wait_for(&self, connection: &Connection, name: &'static str) {
        let proxy = DBusProxy::new(connection).await.unwrap();
        let begin = Instant::now();
        while !proxy.name_has_owner(name.try_into().unwrap()).await.unwrap() {
            assert!(begin.elapsed() < PATIENCE, "nobody becomes {name}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
