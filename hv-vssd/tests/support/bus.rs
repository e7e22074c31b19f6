//! A message bus in a world, with a policy that allows everything: who may freeze is then the daemon's to decide.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zbus::Connection;
use zbus::fdo::DBusProxy;

use super::{PATIENCE, World};

/// A running `dbus-daemon`; ends with the value, or with the world.
#[derive(Debug)]
pub(crate) struct PrivateBus {
    daemon: Child,
    pub(crate) address: String,
}

impl PrivateBus {
    /// Starts it; `None` where there is none.
    pub(crate) fn start(world: &World) -> Option<PrivateBus> {
        let address = format!("unix:path={}", world.path("bus").display());
        let configuration = format!(
            "<busconfig><type>custom</type><listen>{address}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>\
             <allow receive_sender='*'/></policy></busconfig>"
        );
        std::fs::write(world.path("bus.conf"), configuration).unwrap();
        let daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(world.path("bus.conf"))
            .stdout(Stdio::piped())
            .spawn();
        let mut daemon = daemon.ok()?;
        let mut told = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut told).unwrap();
        assert!(told.starts_with(&address), "dbus-daemon says {told:?}");
        Some(PrivateBus { daemon, address })
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

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
