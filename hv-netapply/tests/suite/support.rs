//! A machine with one adapter, hv-netapply on it, and somebody who calls it as hv-kvpd does.

use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hv_utils_core::netapply::{
    Addressing, History, Injection, Network, Plan, Reply, Request, SOCKET, Step, encode,
};
use hv_utils_core::network::{Monitor, RouteFamily};
use hv_utils_core::testing::namespace::Links;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};
use tempfile::TempDir;

pub(crate) const GUID: &str = "f8b3781a-1e82-4818-a1c3-63d806ec15bb";
/// Only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The machine.
pub(crate) struct Machine {
    directory: TempDir,
    pub(crate) links: Links,
    pub(crate) eth0: u32,
}

/// The program.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn terminate(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Machine {
    /// One adapter, `eth0`, with a carrier; up, with an IPv4 address and a default route.
    pub(crate) async fn new(links: Links) -> Machine {
        let (eth0, switch) = links.veth("eth0", "switch").await;
        links.up(eth0).await;
        links.up(switch).await;
        Machine::over(links, eth0).await
    }

    /// The same over a link that is there and up.
    pub(crate) async fn over(links: Links, eth0: u32) -> Machine {
        links.address(eth0, "198.51.100.7", 24).await;
        let machine = Machine { directory: tempfile::tempdir().unwrap(), links, eth0 };
        machine.identity("eth0", GUID);
        for inner in ["etc", "run", "usr", "var/lib"] {
            fs::create_dir_all(machine.path(inner)).unwrap();
        }
        machine
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.directory.path().join(inner)
    }

    /// As sysfs shows a NIC of VMBus.
    pub(crate) fn identity(&self, interface: &str, guid: &str) {
        let device = self.path("sys/class/net").join(interface).join("device");
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("device_id"), format!("{{{guid}}}\n")).unwrap();
    }

    pub(crate) fn configure(&self, text: &str) {
        let directory = self.path("etc/hv-utils");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("hv-utils.toml"), text).unwrap();
    }

    pub(crate) fn start(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-netapply"));
        command.args(["serve", "--client", "0", "--bus", "none", "--log-level", "debug"]);
        let roots = [
            ("--run-dir", "run-dir"),
            ("--state-dir", "state"),
            ("--sysfs-root", "sys"),
            ("--etc-root", "etc"),
            ("--run-root", "run"),
            ("--usr-root", "usr"),
            ("--var-lib-root", "var/lib"),
        ];
        for (option, inner) in roots {
            command.arg(option).arg(self.path(inner));
        }
        Program(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) async fn call(&self) -> Caller {
        let path = self.path("run-dir").join(SOCKET);
        let address = SocketAddrUnix::new(&path).unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Ours alone: what a program that another test starts had too would not be closed when we drop it.
            let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
            let socket = socket.unwrap();
            if connect(&socket, &address).is_ok() {
                return Caller(std::sync::Arc::new(socket));
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody listens at {}", path.display());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.path(&format!("state/hv-netapply/journal/{GUID}.json")).exists()
    }

    /// Applies, promises and confirms.
    pub(crate) async fn inject(&self, injection: &Injection) -> Step {
        let caller = self.call().await;
        let step = caller.apply(injection).await.unwrap();
        assert_eq!(caller.ask(&Request::Promise).await, Some(Reply::Done));
        assert_eq!(caller.ask(&Request::Confirm).await, Some(Reply::Done));
        step
    }

    pub(crate) fn history(&self) -> History {
        let text = fs::read(self.path("state/hv-netapply/history.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Waits until no address of a link is being tested any more.
    pub(crate) async fn settled(&self, index: u32) {
        let are_confirmed = || {
            let monitor = Monitor::open(Path::new("/nonexistent")).unwrap();
            let addresses = &monitor.table().link(index).unwrap().addresses;
            !addresses.is_empty() && addresses.iter().all(hv_utils_core::network::Address::is_confirmed)
        };
        until("all addresses are confirmed", are_confirmed).await;
    }

    /// Addresses and gateways of the link as a person would write them, sorted; without the kernel's own.
    pub(crate) fn shown(&self) -> Vec<String> {
        let monitor = Monitor::open(Path::new("/nonexistent")).unwrap();
        let table = monitor.table();
        let Some(link) = table.link(self.eth0) else { return vec!["gone".to_owned()] };
        let own = |ip: &IpAddr| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        let addresses = link.addresses.iter().filter(|there| own(&there.ip));
        let mut shown: Vec<String> =
            addresses.map(|there| format!("{}/{}", there.ip, there.prefix)).collect();
        for route in table.routes().iter().filter(|route| route.interface == self.eth0) {
            let family = if route.family == RouteFamily::V4 { "4" } else { "6" };
            let gateway = route.gateway.map_or_else(String::new, |gateway| gateway.to_string());
            shown.push(format!("default{family} {gateway} {}", route.metric));
        }
        shown.sort();
        shown
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Somebody who calls. Waits in a thread of its own, so that the test goes on.
#[derive(Clone)]
pub(crate) struct Caller(std::sync::Arc<OwnedFd>);

impl Caller {
    pub(crate) fn say(&self, request: &Request) {
        // Nobody may be there any more: the answer shows it.
        let _ = send(&self.0, &encode(request), SendFlags::NOSIGNAL);
    }

    pub(crate) fn say_bytes(&self, packet: &[u8]) {
        let _ = send(&self.0, packet, SendFlags::NOSIGNAL);
    }

    /// The next answer; `None`: the other end has gone.
    pub(crate) async fn hear(&self) -> Option<Reply> {
        let socket = std::sync::Arc::clone(&self.0);
        let heard = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; 65536];
            match recv(&socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((length @ 1.., _)) => Some(serde_json::from_slice(&buffer[..length]).unwrap()),
                _ => None,
            }
        });
        tokio::time::timeout(PATIENCE, heard).await.unwrap().unwrap()
    }

    pub(crate) async fn ask(&self, request: &Request) -> Option<Reply> {
        self.say(request);
        self.hear().await
    }

    pub(crate) async fn apply(&self, injection: &Injection) -> Result<Step, String> {
        match self.ask(&Request::Apply { injection: injection.clone(), within_ms: 22_000 }).await {
            Some(Reply::Applied(step)) => Ok(step),
            Some(Reply::Failed(failed)) => Err(format!("{:?}: {failed}", failed.kind)),
            other => Err(format!("{other:?}")),
        }
    }
}

pub(crate) fn plan(addresses: &[(&str, u8)], gateways: &[&str]) -> Plan {
    let network = |(ip, prefix): &(&str, u8)| Network { ip: ip.parse().unwrap(), prefix: *prefix };
    Plan {
        addressing: Addressing::Static(addresses.iter().map(network).collect()),
        gateways: gateways.iter().map(|ip| ip.parse().unwrap()).collect(),
        dns: Some(vec![]),
    }
}

pub(crate) fn injection(ipv4: Plan, ipv6: Plan) -> Injection {
    Injection { adapter: GUID.to_owned(), ipv4, ipv6 }
}

/// What most tests inject: quick, since IPv4 is not tested for duplicates.
pub(crate) fn simple() -> Injection {
    injection(plan(&[("192.0.2.7", 24)], &["192.0.2.1"]), Plan::default())
}
