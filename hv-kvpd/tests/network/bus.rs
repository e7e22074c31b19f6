//! A private bus, and the services on it that know DNS servers, as small as they can be.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use zbus::object_server::InterfaceRef;
use zbus::wire::{OwnedObjectPath, OwnedVariant};
use zbus::{Connection, Variant, connection, fdo, interface};

/// A `dbus-daemon` that allows everything; ends with the value.
pub(crate) struct PrivateBus {
    daemon: Child,
    pub(crate) address: String,
    _directory: tempfile::TempDir,
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl PrivateBus {
    /// `None`, with a line that says so, where there is no `dbus-daemon`.
    pub(crate) fn start(test: &str) -> Option<PrivateBus> {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix:path={}", directory.path().join("bus").display());
        let config = directory.path().join("bus.conf");
        let text = format!(
            "<busconfig><listen>{address}</listen><policy context='default'><allow user='*'/><allow own='*'/>\
             <allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"]).arg(config);
        let Ok(mut daemon) = command.stdout(Stdio::piped()).spawn() else {
            let _ = writeln!(std::io::stderr(), "skipped: {test}: no dbus-daemon");
            return None;
        };
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        Some(PrivateBus { daemon, address, _directory: directory })
    }

    pub(crate) async fn connect(&self) -> Connection {
        connection::Builder::address(self.address.as_str()).build().await.unwrap()
    }
}

/// An interface's number, a family, an address.
type Server = (i32, i32, Vec<u8>);

/// systemd-resolved.
pub(crate) struct Resolved {
    pub(crate) bus: Connection,
    servers: Arc<Mutex<Vec<Server>>>,
    manager: InterfaceRef<ResolvedManager>,
}

struct ResolvedManager(Arc<Mutex<Vec<Server>>>);

#[interface(name = "org.freedesktop.resolve1.Manager")]
impl ResolvedManager {
    #[zbus(property, name = "DNS")]
    fn dns(&self) -> Vec<Server> {
        self.0.lock().unwrap().clone()
    }

    fn get_link(&self, index: i32) -> fdo::Result<OwnedObjectPath> {
        match index {
            7 => Ok("/org/freedesktop/resolve1/link/_37".try_into().unwrap()),
            _ => Err(fdo::Error::Failed("no such link".into())),
        }
    }
}

struct ResolvedLink;

#[interface(name = "org.freedesktop.resolve1.Link")]
impl ResolvedLink {
    #[zbus(property, name = "DNS")]
    fn dns(&self) -> Vec<(i32, Vec<u8>)> {
        vec![(2, vec![10, 7, 7, 7])]
    }
}

impl Resolved {
    pub(crate) async fn start(bus: &PrivateBus, servers: &[Server]) -> Resolved {
        let bus = bus.connect().await;
        let servers = Arc::new(Mutex::new(servers.to_vec()));
        let path = "/org/freedesktop/resolve1";
        bus.object_server().at(path, ResolvedManager(Arc::clone(&servers))).await.unwrap();
        bus.object_server().at("/org/freedesktop/resolve1/link/_37", ResolvedLink).await.unwrap();
        let manager = bus.object_server().interface(path).await.unwrap();
        bus.request_name("org.freedesktop.resolve1").await.unwrap();
        Resolved { bus, servers, manager }
    }

    pub(crate) async fn set(&self, servers: &[Server]) {
        *self.servers.lock().unwrap() = servers.to_vec();
        self.manager.get().await.d_n_s_changed(self.manager.signal_emitter()).await.unwrap();
    }
}

/// NetworkManager with one device, eth0.
pub(crate) struct Manager {
    pub(crate) _bus: Connection,
    device: InterfaceRef<Device>,
    config: InterfaceRef<Config4>,
}

struct Root;

#[interface(name = "org.freedesktop.NetworkManager")]
impl Root {
    fn get_device_by_ip_iface(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        match name {
            "eth0" => Ok("/org/freedesktop/NetworkManager/Devices/2".try_into().unwrap()),
            _ => Err(fdo::Error::Failed("no such device".into())),
        }
    }
}

struct Device {
    config6: &'static str,
}

#[interface(name = "org.freedesktop.NetworkManager.Device")]
impl Device {
    #[zbus(property)]
    fn ip4_config(&self) -> OwnedObjectPath {
        "/org/freedesktop/NetworkManager/IP4Config/1".try_into().unwrap()
    }

    #[zbus(property)]
    fn ip6_config(&self) -> OwnedObjectPath {
        self.config6.try_into().unwrap()
    }
}

struct Config4(Vec<String>);

#[interface(name = "org.freedesktop.NetworkManager.IP4Config")]
impl Config4 {
    #[zbus(property)]
    fn nameserver_data(&self) -> Vec<HashMap<String, OwnedVariant>> {
        let entry = |server: &String| {
            let address = Variant::from(server.clone()).try_into_owned().unwrap();
            HashMap::from([("address".to_owned(), address)])
        };
        self.0.iter().map(entry).collect()
    }

    /// What older ones have; the newer form counts.
    #[zbus(property)]
    fn nameservers(&self) -> Vec<u32> {
        vec![u32::from_ne_bytes([10, 0, 0, 1])]
    }
}

struct Config6;

#[interface(name = "org.freedesktop.NetworkManager.IP6Config")]
impl Config6 {
    #[zbus(property)]
    fn nameservers(&self) -> Vec<Vec<u8>> {
        vec![[&[0xfd][..], &[0; 14], &[0x53]].concat()]
    }
}

impl Manager {
    pub(crate) async fn start(bus: &PrivateBus) -> Manager {
        let bus = bus.connect().await;
        let objects = bus.object_server();
        let (device, config) =
            ("/org/freedesktop/NetworkManager/Devices/2", "/org/freedesktop/NetworkManager/IP4Config/1");
        objects.at("/org/freedesktop/NetworkManager", Root).await.unwrap();
        objects.at(device, Device { config6: "/" }).await.unwrap();
        objects.at(config, Config4(vec!["10.4.0.53".into()])).await.unwrap();
        objects.at("/org/freedesktop/NetworkManager/IP6Config/1", Config6).await.unwrap();
        let device = objects.interface(device).await.unwrap();
        let config = objects.interface(config).await.unwrap();
        bus.request_name("org.freedesktop.NetworkManager").await.unwrap();
        Manager { _bus: bus, device, config }
    }

    pub(crate) async fn set(&self, server: &str) {
        self.config.get_mut().await.0 = vec![server.to_owned()];
        self.config.get().await.nameserver_data_changed(self.config.signal_emitter()).await.unwrap();
    }

    pub(crate) async fn add_ipv6(&self) {
        self.device.get_mut().await.config6 = "/org/freedesktop/NetworkManager/IP6Config/1";
        self.device.get().await.ip6_config_changed(self.device.signal_emitter()).await.unwrap();
    }
}

/// A service that owns a name and never answers.
pub(crate) async fn dead(bus: &PrivateBus, name: &str) -> Connection {
    let bus = bus.connect().await;
    // Without an object server's task nobody reads what arrives; a filter would answer.
    bus.object_server().at("/org/freedesktop/resolve1", Never).await.unwrap();
    bus.request_name(name).await.unwrap();
    bus
}

struct Never;

#[interface(name = "org.freedesktop.resolve1.Manager")]
impl Never {
    #[zbus(property, name = "DNS")]
    async fn dns(&self) -> Vec<Server> {
        std::future::pending().await
    }
}
