//! Who else is on the bus: doubles of logind, of systemd, and of the daemons that are asked before a hibernation. They say
//! what a test tells them to say, and fail it if anything is asked of them that would bring a machine down.

use std::sync::{Arc, Mutex};

use zbus::object_server::Interface;
use zbus::{Connection, connection, interface};

/// What they say.
#[derive(Debug)]
pub(crate) struct Says {
    pub(crate) can_hibernate: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) vss: &'static str,
    pub(crate) copied: &'static str,
    /// logind's inhibitors: what, mode.
    pub(crate) inhibitors: Vec<(&'static str, &'static str)>,
    /// What nobody may ever ask in print mode.
    pub(crate) acted: Vec<&'static str>,
}

type Shared = Arc<Mutex<Says>>;

struct Logind(Shared);

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn can_hibernate(&self) -> &'static str {
        self.0.lock().unwrap().can_hibernate
    }

    fn list_inhibitors(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str, u32, u32)> {
        let says = self.0.lock().unwrap();
        says.inhibitors.iter().map(|(what, mode)| (*what, "app", "a reason", *mode, 1000, 7)).collect()
    }

    fn power_off_with_flags(&self, _flags: u64) {
        self.0.lock().unwrap().acted.push("PowerOff");
    }

    fn reboot_with_flags(&self, _flags: u64) {
        self.0.lock().unwrap().acted.push("Reboot");
    }

    fn hibernate_with_flags(&self, _flags: u64) {
        self.0.lock().unwrap().acted.push("Hibernate");
    }

    fn schedule_shutdown(&self, _kind: &str, _when: u64) {
        self.0.lock().unwrap().acted.push("ScheduleShutdown");
    }
}

struct Manager(Shared);

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn get_unit_file_state(&self, _unit: &str) -> &'static str {
        self.0.lock().unwrap().unit
    }

    fn start_unit(&self, _unit: &str, _mode: &str) {
        self.0.lock().unwrap().acted.push("StartUnit");
    }
}

struct Vss(Shared);

#[interface(name = "org.hvutils.Vss1")]
impl Vss {
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.0.lock().unwrap().vss
    }
}

struct Copy(Shared);

#[interface(name = "org.hvutils.FileCopy1")]
impl Copy {
    #[zbus(property)]
    fn active(&self) -> (&'static str, u64, u64, u32) {
        (self.0.lock().unwrap().copied, 10, 5, 50)
    }
}

/// All of them; they go with the value.
#[derive(Debug)]
pub(crate) struct Others {
    says: Shared,
    connections: Vec<Connection>,
}

impl Others {
    /// On that bus, with nothing in the way of anything.
    pub(crate) async fn on(address: &str) -> Others {
        let says = Says {
            can_hibernate: "yes",
            unit: "enabled",
            vss: "thawed",
            copied: "",
            inhibitors: Vec::new(),
            acted: Vec::new(),
        };
        let says = Arc::new(Mutex::new(says));
        let ours = || Arc::clone(&says);
        let connections = vec![
            one(address, "org.freedesktop.login1", "/org/freedesktop/login1", Logind(ours())).await,
            one(address, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", Manager(ours())).await,
            one(address, "org.hvutils.Vss1", "/org/hvutils/Vss1", Vss(ours())).await,
            one(address, "org.hvutils.FileCopy1", "/org/hvutils/FileCopy1", Copy(ours())).await,
        ];
        Others { says, connections }
    }

    /// Has them say something else.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// They leave the bus.
    pub(crate) async fn leave(self) {
        for connection in self.connections {
            connection.close().await.unwrap();
        }
    }

    /// What was asked of them that would bring a machine down.
    pub(crate) fn acted(&self) -> Vec<&'static str> {
        self.says.lock().unwrap().acted.clone()
    }
}

async fn one(address: &str, name: &'static str, path: &'static str, object: impl Interface) -> Connection {
    let builder = connection::Builder::address(address).serve_at(path, object);
    builder.name(name).build().await.unwrap()
}
