//! A host at the other end of the channel: the shell brings its messages to the service and shows the channel.

use crate::bus::{client, get, properties};
use crate::process::{Daemon, Home, run};
use crate::support::PrivateBus;
use futures_util::StreamExt;
use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::ring::{KIND_IN_BAND, PacketHeader};

const OBJECT: &str = "/org/hvutils/Heartbeat1";
const SERVICE1: &str = "org.hvutils.Service1";

/// Bytes of one ring with its control page.
const RING: u32 = 3 * 4096;

/// NEGOTIATE, framework 3.0 and 1.0, heartbeat 3.0 and 1.0: pipe header, IC header, counts, versions.
const NEGOTIATE: [u8; 52] = [
    1, 0, 0, 0, 44, 0, 0, 0, // pipe: data, 44 bytes follow
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 1, 3, 0,
    0, // IC: negotiate, 24 bytes, id 1, flags 3
    2, 0, 2, 0, 0, 0, 0, 0, // two framework versions, two message versions
    3, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0,
];

/// Heartbeat 3.0 with a sequence number.
fn heartbeat(sequence: u8) -> [u8; 44] {
    let mut message = [0; 44];
    message[..28].copy_from_slice(&[
        1, 0, 0, 0, 36, 0, 0, 0, // pipe: data, 36 bytes follow
        3, 0, 0, 0, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0, 0, 0, 2, 3, 0,
        0, // IC: heartbeat 3.0, 16 bytes, id 2, flags 3
    ]);
    message[28] = sequence;
    message
}

/// Sends a message and returns the reply, without padding.
async fn exchange(host: &mut RingChannel, message: &[u8]) -> Vec<u8> {
    let header = PacketHeader { kind: KIND_IN_BAND, flags: 0, transaction_id: 7 };
    host.send(header, message).await.unwrap();
    let mut reply = Vec::new();
    let header = host.recv(&mut reply).await.unwrap();
    assert_eq!(header.transaction_id, 7);
    reply.truncate(message.len());
    reply
}

async fn accept(listener: &Listener) -> RingChannel {
    listener.accept(Ic::Heartbeat.class(), RING).await.unwrap()
}

fn start(home: &Home, listener: &Listener, args: &[&str]) -> Daemon {
    let channel = format!("sim:{}", listener.path().display());
    home.start(["--channel", channel.as_str()].iter().chain(args).copied())
}

#[test]
fn service_gets_the_hosts_requests_and_the_host_its_answers() {
    run(async {
        let home = Home::new();
        let listener = Listener::bind(&home.path("heartbeat.sock")).unwrap();
        let daemon = start(&home, &listener, &["--bus", "none"]);
        let mut host = accept(&listener).await;
        let agreed = exchange(&mut host, &NEGOTIATE).await;
        assert_eq!(agreed[28..32], [1, 0, 1, 0], "one version of each");
        assert_eq!(agreed[36..44], [3, 0, 0, 0, 3, 0, 0, 0]);
        for sequence in [7, 9] {
            let reply = exchange(&mut host, &heartbeat(sequence)).await;
            assert_eq!(reply[28], sequence + 1);
            assert_eq!((&reply[20..24], reply[25]), (&[0; 4][..], 5), "status OK, flags 5");
        }
        daemon.tells("STATUS=channel ready on sim, version 3.0").await;
        let ended = daemon.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    });
}

#[test]
fn settings_reach_the_service_at_start_and_at_reload() {
    run(async {
        let home = Home::new();
        let config = home.path("hv-utils.toml");
        home.configure("[heartbeat]\nstep = 10\nmax-message-version = \"1.0\"\n");
        let listener = Listener::bind(&home.path("heartbeat.sock")).unwrap();
        let daemon = start(&home, &listener, &["--bus", "none", "--config", config.to_str().unwrap()]);
        let mut host = accept(&listener).await;
        let agreed = exchange(&mut host, &NEGOTIATE).await;
        assert_eq!(agreed[40..44], [1, 0, 0, 0], "not newer than configured");
        assert_eq!(exchange(&mut host, &heartbeat(7)).await[28], 17);
        home.configure("[heartbeat]\nstep = 20\nmax-message-version = \"1.0\"\n");
        daemon.signal(rustix::process::Signal::HUP);
        daemon.tells("RELOADING=1").await;
        daemon.ready().await;
        assert_eq!(exchange(&mut host, &heartbeat(7)).await[28], 27);
    });
}

#[test]
fn channel_is_seen_on_the_bus_as_it_comes_and_goes() {
    let Some(bus) = PrivateBus::start("channel_is_seen_on_the_bus_as_it_comes_and_goes") else { return };
    run(async {
        let home = Home::new();
        let listener = Listener::bind(&home.path("heartbeat.sock")).unwrap();
        let daemon = start(&home, &listener, &["--bus", bus.address().as_str()]);
        daemon.ready().await;
        let client = client(&bus).await;
        let mut changes = properties(&client, OBJECT).await.receive_properties_changed().await.unwrap();
        for _ in 0..2 {
            let mut host = accept(&listener).await;
            exchange(&mut host, &NEGOTIATE).await;
            exchange(&mut host, &heartbeat(1)).await;
            until(&mut changes, "ready").await;
            assert_eq!(get(&client, SERVICE1, OBJECT, "Transport").await, "\"sim\"");
            assert_eq!(get(&client, SERVICE1, OBJECT, "FrameworkVersion").await, "\"3.0\"");
            drop(host);
            until(&mut changes, "closed").await;
        }
        // Two negotiations and two heartbeats, over both channels.
        assert_eq!(get(&client, SERVICE1, OBJECT, "MessagesReceived").await, "uint64 4");
        assert_ne!(get(&client, SERVICE1, OBJECT, "LastMessage").await, "uint64 0");
        assert_eq!(get(&client, "org.hvutils.Heartbeat1", OBJECT, "Sequence").await, "uint64 2");
    });
}

/// Waits for the signal that the channel has become so.
async fn until(changes: &mut zbus::fdo::PropertiesChangedStream, state: &str) {
    let state = format!("{state:?}");
    while let Some(change) = changes.next().await {
        let arguments = change.args().unwrap();
        assert_eq!(arguments.interface_name, SERVICE1);
        if arguments.changed_properties.get("ChannelState").is_some_and(|value| value.to_string() == state) {
            return;
        }
    }
}
