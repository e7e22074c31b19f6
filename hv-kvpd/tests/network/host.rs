//! A host of literal bytes at the end of a simulated channel, and the daemon at the other.
//!
//! Independent of the daemon's own readers and writers: offsets are those of `docs/protocol/kvp.md`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::testing::namespace::Links;
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::ring::{KIND_IN_BAND, PacketHeader};

/// The MAC address of eth0.
pub(crate) const MAC: &str = "00:15:5D:01:02:03";

/// eth0, up, with an address; its carrier is off, so that IPv6 stays out of it.
pub(crate) async fn eth0(links: &Links) -> u32 {
    let index = links.uplink("eth0").await;
    links.hardware_address(index, [0x00, 0x15, 0x5d, 0x01, 0x02, 0x03]).await;
    links.up(index).await;
    links.address(index, "10.0.0.5", 24).await;
    index
}

/// The limit only turns a hang into a failure.
pub(crate) async fn in_time(body: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(60), body).await.expect("it ends");
}

pub(crate) fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Bytes of one ring with its control page.
const RING: u32 = 5 * 4096;
/// Where the IC body begins.
const BODY: usize = 28;

/// What the host reads in the binary form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    pub(crate) family: u8,
    pub(crate) dhcp: u8,
    pub(crate) addresses: Vec<String>,
    pub(crate) origins: Vec<u16>,
    pub(crate) gateways: Vec<String>,
    pub(crate) dns: Vec<String>,
}

/// A daemon under test, its host and its directory. All end with it.
pub(crate) struct Guest {
    pub(crate) directory: tempfile::TempDir,
    daemon: Child,
    host: RingChannel,
    version: u8,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Guest {
    /// Starts the daemon in the caller's namespaces, and agrees on messages of `version`.0 with it.
    pub(crate) async fn start(version: u8, config: &str, bus: &str) -> Guest {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["etc", "sys", "run"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("etc/resolv.conf"), "nameserver 192.0.2.53\nnameserver 127.0.0.53\n").unwrap();
        std::fs::write(at("hv-utils.toml"), config).unwrap();
        let listener = Listener::bind(&at("kvp.sock")).unwrap();
        let daemon = command(&at, bus).spawn().unwrap();
        let host = listener.accept(Ic::Kvp.class(), RING).await.unwrap();
        let mut guest = Guest { directory, daemon, host, version };
        guest.negotiate().await;
        guest
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn process(&self) -> u32 {
        self.daemon.id()
    }

    async fn negotiate(&mut self) {
        let mut message = header(0, 16, 0);
        message.extend([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, self.version, 0, 0, 0]);
        let reply = self.exchange(&message).await;
        assert_eq!(reply[40..44], [self.version, 0, 0, 0], "the version is agreed on");
    }

    async fn exchange(&mut self, message: &[u8]) -> Vec<u8> {
        let header = PacketHeader { kind: KIND_IN_BAND, flags: 0, transaction_id: 7 };
        self.host.send(header, message).await.unwrap();
        let mut reply = Vec::new();
        self.host.recv(&mut reply).await.unwrap();
        reply.truncate(message.len());
        reply
    }

    /// GET_IP_INFO: the status, and the body of the reply.
    pub(crate) async fn ask(&mut self, mac: &str) -> (u32, Vec<u8>) {
        let mut body = vec![0; 7428];
        body[..2].copy_from_slice(&[4, 1]);
        let place = if self.version >= 5 { 28 } else { 2 };
        for (position, unit) in mac.encode_utf16().enumerate() {
            body[place + 2 * position..][..2].copy_from_slice(&unit.to_le_bytes());
        }
        let mut message = header(2, 7428, self.version);
        message.extend(&body);
        let reply = self.exchange(&message).await;
        let status = u32::from_le_bytes(reply[20..24].try_into().unwrap());
        let answer = reply[BODY..].to_vec();
        assert_eq!(
            answer[place..place + 256],
            body[place..place + 256],
            "the adapter id comes back unchanged"
        );
        (status, answer)
    }

    /// The binary form, of an adapter that is there.
    pub(crate) async fn binary(&mut self, mac: &str) -> Binary {
        let (status, body) = self.ask(mac).await;
        assert_eq!(status, 0);
        let body = &body[4..];
        let count = |at: usize| usize::from(body[at]);
        let v4 = |at: usize, number: usize| {
            Ipv4Addr::from(<[u8; 4]>::try_from(&body[at + 4 * number..][..4]).unwrap()).to_string()
        };
        let v6 = |at: usize, number: usize| {
            Ipv6Addr::from(<[u8; 16]>::try_from(&body[at + 16 * number..][..16]).unwrap()).to_string()
        };
        let both = |counts: usize, fours: usize, sixes: usize| {
            let fours = (0..count(counts)).map(|number| v4(fours, number));
            fours.chain((0..count(counts + 4)).map(|number| v6(sixes, number))).collect::<Vec<_>>()
        };
        let subnet = |number: usize| match number.checked_sub(count(0)) {
            None => v4(1564, number),
            Some(number) => body[1820 + 4 * number].to_string(),
        };
        let addresses = both(0, 284, 540).into_iter().enumerate();
        let addresses: Vec<String> =
            addresses.map(|(number, ip)| format!("{ip}/{}", subnet(number))).collect();
        let origin = |number: usize| u16::from_le_bytes([body[3456 + 2 * number], body[3457 + 2 * number]]);
        Binary {
            family: body[280],
            dhcp: body[281],
            origins: (0..addresses.len()).map(origin).collect(),
            addresses,
            gateways: both(8, 2076, 2096),
            dns: both(16, 2176, 2432),
        }
    }

    /// The four lists of the string form, family and DHCP.
    pub(crate) async fn text(&mut self, mac: &str) -> ([String; 4], u8, u8) {
        let (status, body) = self.ask(mac).await;
        assert_eq!(status, 0);
        let list = |from: usize, bytes: usize| {
            let units = body[from..from + bytes].chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            String::from_utf16(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>()).unwrap()
        };
        let lists = [list(260, 2048), list(2308, 2048), list(4356, 1024), list(5380, 2048)];
        (lists, body[258], body[259])
    }
}

/// Pipe header and IC header of a request.
fn header(kind: u8, body: u16, version: u8) -> Vec<u8> {
    let [low, high] = (body + 20).to_le_bytes();
    let [body_low, body_high] = body.to_le_bytes();
    let framework = if kind == 0 { 0 } else { 3 };
    let pipe = [1, 0, 0, 0, low, high, 0, 0];
    let ic = [framework, 0, 0, 0, kind, 0, version, 0, 0, 0, body_low, body_high, 0, 0, 0, 0, 7, 3, 0, 0];
    [&pipe[..], &ic].concat()
}

fn command(at: &impl Fn(&str) -> PathBuf, bus: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hv-kvpd"));
    command.arg("--channel").arg(format!("sim:{}", at("kvp.sock").display())).args(["--bus", bus]);
    let paths: [(&str, &str); 6] = [
        ("--config", "hv-utils.toml"),
        ("--pool-dir", "pools"),
        ("--state-dir", "state"),
        ("--run-dir", "run/hv-utils"),
        ("--sysfs-root", "sys"),
        ("--etc-root", "etc"),
    ];
    for (option, name) in paths {
        let path: &Path = &at(name);
        command.arg(option).arg(path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}
