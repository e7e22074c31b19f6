//! The answers of stock kernels and of Debian's daemons before this host's rules: it may find nothing wrong with them.
//!
//! The exchanges lie in `hv-utils-core/tests/fixtures`, captured by `tests/vm/run --fixtures`. The host has to ask what it
//! asked then, byte for byte, and is given what was answered then.

use std::collections::VecDeque;

use hv_utils_core::wire::kvp::raw::{self, HostRequest};
use hv_utils_core::wire::kvp::{Operation, Pool, Reply as Meant};
use hv_utils_core::wire::timesync::TimeMessage;
use hv_utils_core::wire::{self, Status, Version};

use super::check::{HEADERS, u32_at, u64_at};
use super::kvp::{Kvp, reply};
use super::shutdown::{Action, Shutdown};
use super::timesync::TimeSync;
use super::vss::Vss;
use super::{Heartbeat, Ic, IcOptions, Service};
use crate::capture::{self, Entry};
use crate::link::Packet;
use crate::link::scripted::Scripted;
use crate::outcome::{AdapterConfiguration, Outcome};
use crate::verb::{GetIpAsk, ShutdownAsk, Verb};

type Guest = Scripted<Box<dyn FnMut(&Packet) -> Vec<Packet> + Send>>;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hv-utils-core/tests/fixtures");
const KERNELS: [&str; 2] = ["6.1", "6.12"];

/// Requests and their answers.
fn exchanges(name: &str) -> Vec<(Packet, Packet)> {
    let path = format!("{DIRECTORY}/{name}.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let entries: Vec<Entry> = capture::parse(&text).unwrap();
    entries.chunks(2).map(|pair| (pair[0].packet.clone(), pair[1].packet.clone())).collect()
}

/// A channel to the guest of a fixture, with which it negotiates; and the bodies of what it was asked after that.
async fn channel(name: &str, ic: wire::Ic, newest: Version) -> (Ic<Guest>, Vec<Vec<u8>>) {
    let exchanges = exchanges(name);
    let asked = exchanges[1..].iter().map(|(ask, _)| ask.payload[HEADERS..].to_vec()).collect();
    let (mut left, name) = (VecDeque::from(exchanges), name.to_owned());
    let link: Guest = Scripted::new(Box::new(move |asked| {
        let (ask, answer) = left.pop_front().unwrap_or_else(|| panic!("{name}: nothing more was asked then"));
        assert_eq!(*asked, ask, "{name}: it was asked in other bytes then");
        vec![answer]
    }));
    let mut ic = Ic::new(link, ic, IcOptions::real_host(ic));
    let agreed = ic.negotiate().await.unwrap();
    assert_eq!((agreed.framework, agreed.message), (Version::new(3, 0), newest));
    (ic, asked)
}

/// What must be true in the end: every answer was used, and no rule was found broken. None is listed, as none is.
fn spotless(name: &str, ic: &mut Ic<Guest>, requests: usize) {
    assert_eq!(ic.take_violations(), [], "{name}");
    assert_eq!(ic.dead(), None, "{name}");
    assert_eq!((ic.link().sent.len(), ic.link().waiting.len()), (requests + 1, 0), "{name}");
}

#[tokio::test(start_paused = true)]
async fn the_kernels_heart_beats() {
    for kernel in KERNELS {
        let name = format!("heartbeat-{kernel}");
        let (mut ic, asked) = channel(&name, wire::Ic::Heartbeat, Version::new(3, 0)).await;
        let mut heartbeat = Heartbeat::new(std::time::Duration::from_secs(2));
        for _ in &asked {
            heartbeat.tick(&mut ic).await.unwrap();
        }
        assert_eq!((heartbeat.sequence(), heartbeat.application()), (3, Some(0)), "{name}");
        spotless(&name, &mut ic, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_kernel_agrees_to_shut_down() {
    for kernel in KERNELS {
        let name = format!("shutdown-{kernel}");
        let (mut ic, asked) = channel(&name, wire::Ic::Shutdown, Version::new(3, 2)).await;
        assert_eq!(asked.len(), 1, "{name}");
        let ask = ShutdownAsk { reason: u32_at(&asked[0], 0), ..ShutdownAsk::default() };
        Shutdown.ask(&mut ic, Action::PowerOff, &ask).await.unwrap();
        spotless(&name, &mut ic, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_kernel_takes_the_time() {
    for kernel in KERNELS {
        let name = format!("timesync-{kernel}");
        let (mut ic, asked) = channel(&name, wire::Ic::TimeSync, Version::new(4, 0)).await;
        let mut service = TimeSync::new(None);
        for (body, flags) in asked.iter().zip([1, 2]) {
            let reference = Some(u64_at(body, 8));
            let time =
                TimeMessage { parent_time: u64_at(body, 0), reference, flags, ..TimeMessage::default() };
            service.send(&mut ic, &time).await.unwrap();
        }
        spotless(&name, &mut ic, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_c_daemon_and_ours_freeze_and_thaw() {
    let daemons = ["hv_vss_daemon", "hv-vssd"];
    for (kernel, daemon) in KERNELS.into_iter().flat_map(|kernel| daemons.map(|daemon| (kernel, daemon))) {
        let name = format!("vss-{kernel}-{daemon}");
        let (mut ic, _) = channel(&name, wire::Ic::Vss, Version::new(5, 0)).await;
        // The kernel's source says 5 ("no auto-recovery"), its answer never does: it looks for the operation where the
        // daemon's answer has its status.
        let mut vss = Vss::default();
        assert_eq!(vss.check(&mut ic).await, Ok(0), "{name}");
        vss.freeze(&mut ic).await.unwrap();
        vss.thaw(&mut ic).await.unwrap();
        spotless(&name, &mut ic, 3);
    }
}

/// The request whose body this is, as its sender made it.
fn request(body: &[u8]) -> HostRequest {
    let (pool, version) = (body[1], Version::new(4, 0));
    let text = |at: usize, size: u32| {
        let size = usize::try_from(size).unwrap();
        raw::HostText { bytes: body[at..at + size].to_vec(), size: u32::try_from(size).unwrap() }
    };
    let request = match Operation(body[0]) {
        Operation::GET => HostRequest::Get { pool, key: text(16, u32_at(body, 8)) },
        Operation::SET => {
            let kind = hv_utils_core::wire::kvp::ValueType(u32_at(body, 4));
            let value = raw::HostValue { kind, content: text(528, u32_at(body, 12)) };
            HostRequest::Set { pool, key: text(16, u32_at(body, 8)), value }
        }
        Operation::DELETE => HostRequest::Delete { pool, key: text(8, u32_at(body, 4)) },
        Operation::ENUMERATE => HostRequest::Enumerate { pool, index: u32_at(body, 4) },
        other => panic!("{other:?}"),
    };
    assert_eq!(raw::encode_request(&request, version).unwrap(), body);
    request
}

/// The guest's own reader of answers and this host's are two programs: they have to agree.
#[tokio::test(start_paused = true)]
async fn items_of_every_daemon_are_read() {
    for name in ["6.1-hv_kvp_daemon", "6.12-hv_kvp_daemon", "6.1-hv-kvpd", "6.12-hv-kvpd"] {
        let (name, version) = (format!("kvp-{name}"), Version::new(4, 0));
        let (mut ic, asked) = channel(&name, wire::Ic::Kvp, version).await;
        let mut kvp = Kvp::new(None);
        let (mut items, mut ends) = (0, 0);
        for body in &asked {
            let request = request(body);
            let answer = kvp.ask(&mut ic, &request).await.unwrap();
            let pool = Pool::try_from(body[1]).unwrap();
            let mut tolerated = Vec::new();
            let read = match request.operation() {
                Operation::ENUMERATE if answer.status.is_ok() => {
                    reply::enumerated(pool, &answer, &mut tolerated)
                }
                Operation::GET if answer.status.is_ok() => reply::got(pool, &answer, &mut tolerated),
                _ if answer.status.is_ok() => continue,
                _ => {
                    assert!(
                        [Status::NO_MORE_ITEMS, Status::FAIL].contains(&answer.status),
                        "{name}: {answer:?}"
                    );
                    ends += 1;
                    continue;
                }
            };
            let item = read.unwrap_or_else(|problem| panic!("{name}: {request:?}: {problem}"));
            assert_eq!(tolerated, [], "{name}: {request:?}");
            match raw::parse_reply(request.operation(), version, &answer.body).unwrap() {
                Meant::Item { key, value } => assert_eq!((item.key, item.value), (key, value), "{name}"),
                Meant::Value(value) => assert_eq!(item.value, value, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            items += 1;
        }
        assert!(items >= 12 && ends >= 6, "{name}: {items} items, {ends} refusals");
        spotless(&name, &mut ic, asked.len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_of_the_c_daemon_is_read() {
    let name = "kvp-6.12-hv_kvp_daemon-adapter";
    let (mut ic, asked) = channel(name, wire::Ic::Kvp, Version::new(4, 0)).await;
    assert_eq!(asked.len(), 2);
    let mut kvp = Kvp::new(None);
    let get = |adapter: &str| Verb::GetIp(GetIpAsk { adapter: adapter.to_owned(), family: 0 });
    let known = kvp.verb(&mut ic, &get("00:15:5D:01:02:03")).await.unwrap();
    let list = |entries: &[&str]| entries.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = AdapterConfiguration {
        instance_id: "00:15:5D:01:02:03".to_owned(),
        protocol_if_type: Some(4098),
        dhcp_enabled: false,
        ip_addresses: list(&["192.0.2.5", "2001:db8::5", "fe80::215:5dff:fe01:203"]),
        subnets: list(&["255.255.255.0", "64", "64"]),
        default_gateways: list(&["192.0.2.1"]),
        dns_servers: list(&["192.0.2.53"]),
        ip_address_origins: None,
    };
    assert!(matches!(known, Outcome::Adapter(told) if told == expected));
    kvp.verb(&mut ic, &get("00:15:5d:01:02:03")).await.unwrap_err();
    spotless(name, &mut ic, 2);
}
