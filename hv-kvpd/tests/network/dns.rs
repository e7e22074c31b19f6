//! DNS servers from the services on a bus, as they come, change and go.

use std::net::IpAddr;
use std::time::Duration;

use crate::bus::{Manager, PrivateBus, Resolved, dead};
use hv_kvpd::network::Network;
use hv_utils_core::network::{HardwareAddress, Kind, Link, Selection, Table};

/// eth0 and eth1, with numbers as the fakes know them.
fn table() -> Table {
    let nic = |index: u32, name: &str| Link {
        index,
        name: name.into(),
        hardware: HardwareAddress::new(&[0, 0x15, 0x5d, 1, 2, u8::try_from(index).unwrap()]),
        permanent: None,
        up: true,
        carrier: true,
        loopback: false,
        kind: Kind::Plain,
        device: true,
        lower: None,
        lower_elsewhere: false,
        master: None,
        addresses: Vec::new(),
    };
    Table::of(vec![nic(2, "eth0"), nic(3, "eth1")], Vec::new())
}

/// The network room on a bus, with a `resolv.conf` that names 192.0.2.53.
struct Room {
    network: Network,
    resolvers: Vec<IpAddr>,
}

impl Room {
    async fn on(bus: &PrivateBus) -> Room {
        let mut network = Network::new("/nowhere".into(), Selection::default());
        let resolvers = vec![IpAddr::from([192, 0, 2, 53])];
        network.update(&table(), &resolvers);
        network.follow(bus.connect().await);
        Room { network, resolvers }
    }

    fn dns(&self) -> Vec<String> {
        self.network.rows().iter().map(|row| row.dns.join(" ")).collect()
    }

    /// Waits until eth0 and eth1 have these. The limit only turns a hang into a failure.
    async fn until(&mut self, dns: [&str; 2]) {
        let seen = async {
            while self.dns() != dns {
                self.network.changed().await;
                self.network.update(&table(), &self.resolvers);
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(30), seen).await.is_ok();
        assert!(in_time, "not {dns:?} but {:?}", self.dns());
    }
}

#[tokio::test]
async fn resolved_is_followed_by_link_and_for_all() {
    let Some(bus) = PrivateBus::start("resolved_is_followed_by_link_and_for_all") else { return };
    let mut room = Room::on(&bus).await;
    assert_eq!(room.dns(), ["192.0.2.53", "192.0.2.53"], "before anybody has answered");
    let stub = (0, 2, vec![127, 0, 0, 53]);
    let v6 = [&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[0x53]].concat();
    let servers =
        [(2, 2, vec![10, 2, 0, 53]), (2, 10, v6), (0, 2, vec![10, 9, 9, 9]), stub, (3, 2, vec![1, 2])];
    let resolved = Resolved::start(&bus, &servers).await;
    room.until(["10.2.0.53 2001:db8::53", "10.9.9.9"]).await;
    resolved.set(&[(3, 2, vec![10, 3, 0, 53])]).await;
    room.until(["", "10.3.0.53"]).await;
    for round in 0..100_u8 {
        resolved.set(&[(2, 2, vec![10, 2, 0, round]), (3, 2, vec![10, 3, 0, round])]).await;
    }
    room.until(["10.2.0.99", "10.3.0.99"]).await;
    resolved.bus.release_name("org.freedesktop.resolve1").await.unwrap();
    room.until(["192.0.2.53", "192.0.2.53"]).await;
}

#[tokio::test]
async fn network_manager_is_asked_where_resolved_is_not() {
    let Some(bus) = PrivateBus::start("network_manager_is_asked_where_resolved_is_not") else { return };
    let manager = Manager::start(&bus).await;
    let mut room = Room::on(&bus).await;
    room.until(["10.4.0.53", ""]).await;
    manager.set("10.4.0.54").await;
    room.until(["10.4.0.54", ""]).await;
    manager.add_ipv6().await;
    room.until(["10.4.0.54 fd00::53", ""]).await;
    let resolved = Resolved::start(&bus, &[(0, 2, vec![10, 9, 9, 9])]).await;
    room.until(["10.9.9.9", "10.9.9.9"]).await;
    resolved.set(&[]).await;
    room.until(["10.4.0.54 fd00::53", ""]).await;
    drop(bus);
    room.until(["192.0.2.53", "192.0.2.53"]).await;
}

#[tokio::test]
async fn service_that_does_not_answer_delays_nothing() {
    let Some(bus) = PrivateBus::start("service_that_does_not_answer_delays_nothing") else { return };
    let _dead = dead(&bus, "org.freedesktop.resolve1").await;
    let _manager = Manager::start(&bus).await;
    let mut room = Room::on(&bus).await;
    assert_eq!(room.dns(), ["192.0.2.53", "192.0.2.53"]);
    room.until(["10.4.0.53", ""]).await;
}
