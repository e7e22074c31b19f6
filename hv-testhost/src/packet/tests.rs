//! The port against a virtual machine's side that the test plays, frame by literal frame.

use hv_utils_core::wire::PacketHeader;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;

pub(super) const ASK: [u8; 16] = notice(0xf0);
pub(super) const OPENED: [u8; 16] = notice(0xf0);
pub(super) const CLOSED: [u8; 16] = notice(0xf1);
pub(super) const RESCIND: [u8; 16] = notice(0xf2);
pub(super) const OFFER: [u8; 16] = notice(0xf3);
/// A packet with the payload 1 to 8 and the transaction id 5.
const PACKET: [u8; 24] = [8, 0, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

const fn notice(low: u8) -> [u8; 16] {
    [0, 0, 0, 0, low, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

fn packet() -> Packet {
    Packet { header: PacketHeader::in_band(5), payload: (1..=8).collect() }
}

/// A virtual machine's side.
pub(super) struct Machine {
    pub(super) dir: TempDir,
    pub(super) listener: UnixListener,
}

impl Machine {
    pub(super) fn new() -> Machine {
        let dir = tempfile::Builder::new().prefix("hv").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(dir.path().join("kvp.sock")).unwrap();
        Machine { dir, listener }
    }

    /// A port for it, and its end of the stream, on which the state was asked for.
    pub(super) async fn meet(&self) -> (PacketPort, UnixStream) {
        let port = PacketPort::new(self.dir.path(), Ic::Kvp).unwrap();
        (port, self.asked().await)
    }

    pub(super) async fn asked(&self) -> UnixStream {
        let mut stream = self.listener.accept().await.unwrap().0;
        expect(&mut stream, &ASK).await;
        stream
    }
}

/// A port that connects just once.
async fn alone() -> (PacketPort, UnixStream) {
    Machine::new().meet().await
}

pub(super) async fn expect(stream: &mut UnixStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(got, bytes);
}

pub(super) async fn say(stream: &mut UnixStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
}

/// Ends a stream some time after it was last used.
async fn later(stream: UnixStream) {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    drop(stream);
}

/// Whether a future is still waiting when everything else that can go on has gone on.
pub(super) async fn waits<T>(future: impl Future<Output = T>) -> bool {
    let mut future = std::pin::pin!(future);
    for _ in 0..200 {
        tokio::select! {
            biased;
            _ = &mut future => return false,
            () = tokio::task::yield_now() => {}
        }
    }
    true
}

#[tokio::test]
async fn the_state_is_asked_for_and_an_open_channel_carries_packets_both_ways() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &CLOSED).await;
    assert!(waits(port.opened()).await);
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    say(&mut stream, &PACKET).await;
    assert_eq!(link.recv().await.unwrap(), packet());
    link.send(&packet()).await.unwrap();
    assert!(link.try_send(&packet()).unwrap());
    expect(&mut stream, &PACKET).await;
    expect(&mut stream, &PACKET).await;
}

#[tokio::test]
async fn a_close_ends_the_channel_after_what_the_guest_had_sent() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &[&OPENED[..], &PACKET, &CLOSED].concat()).await;
    let mut link = port.opened().await.unwrap();
    assert_eq!(link.recv().await.unwrap(), packet());
    assert!(matches!(link.recv().await, Err(LinkError::Closed)));
    assert!(matches!(link.send(&packet()).await, Err(LinkError::Closed)));
    assert!(matches!(link.try_send(&packet()), Err(LinkError::Closed)));
    drop(link);
    say(&mut stream, &OPENED).await;
    port.opened().await.unwrap().send(&packet()).await.unwrap();
    // Nothing of the first channel's, and no question, lies before it.
    expect(&mut stream, &PACKET).await;
}

#[tokio::test]
async fn a_second_opening_is_a_close_and_an_opening() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    let mut first = port.opened().await.unwrap();
    say(&mut stream, &[&OPENED[..], &PACKET].concat()).await;
    assert!(matches!(first.recv().await, Err(LinkError::Closed)));
    let mut second = port.opened().await.unwrap();
    assert_eq!(second.recv().await.unwrap(), packet());
    // Two more that nobody has taken: the last one counts.
    say(&mut stream, &[&OPENED[..], &OPENED, &PACKET].concat()).await;
    assert!(matches!(second.recv().await, Err(LinkError::Closed)));
    assert_eq!(port.opened().await.unwrap().recv().await.unwrap(), packet());
}

#[tokio::test]
async fn a_frame_in_parts_and_a_receive_that_was_given_up_lose_nothing() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    for byte in PACKET {
        say(&mut stream, &[byte]).await;
        if byte != 8 {
            assert!(waits(link.recv()).await);
        }
    }
    assert_eq!(link.recv().await.unwrap(), packet());
}

#[tokio::test]
async fn a_frame_that_cannot_be_ends_the_stream_and_is_told_before_the_next_one() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    let too_long = [1, 0x40, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (frame, why) in [(too_long, "a frame of 16385 payload bytes"), (notice(0xf9), "unknown type 0xfff9")]
    {
        say(&mut stream, &OPENED).await;
        let mut link = port.opened().await.unwrap();
        say(&mut stream, &frame).await;
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(matches!(link.recv().await, Err(LinkError::Closed)));
        let error = port.opened().await.unwrap_err();
        assert!(error.to_string().contains(why) && error.to_string().contains("kvp.sock"), "{error}");
        stream = machine.asked().await;
    }
}

#[tokio::test]
async fn a_stream_that_ends_closes_the_channel_and_is_connected_again() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    say(&mut stream, &[&OPENED[..], &PACKET[..20]].concat()).await;
    let mut link = port.opened().await.unwrap();
    drop(stream);
    assert!(matches!(link.recv().await, Err(LinkError::Closed)));
    let mut stream = machine.asked().await;
    // The half packet of the former stream is no part of this one.
    say(&mut stream, &[&OPENED[..], &PACKET].concat()).await;
    assert_eq!(port.opened().await.unwrap().recv().await.unwrap(), packet());
}

#[tokio::test]
async fn a_machine_that_comes_later_is_found() {
    let dir = tempfile::Builder::new().prefix("hv").tempdir_in("/tmp").unwrap();
    let mut port = PacketPort::new(&dir.path().join("later"), Ic::Kvp).unwrap();
    assert!(waits(port.opened()).await);
    std::fs::create_dir(dir.path().join("later")).unwrap();
    let listener = UnixListener::bind(dir.path().join("later/kvp.sock")).unwrap();
    let mut machine = Machine { dir, listener }.asked().await;
    say(&mut machine, &OPENED).await;
    port.opened().await.unwrap();
}

#[tokio::test]
async fn a_rescind_and_an_offer_are_frames_and_end_the_channel() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    port.rescind();
    port.rescind();
    expect(&mut stream, &RESCIND).await;
    assert!(matches!(link.recv().await, Err(LinkError::Closed)));
    say(&mut stream, &[CLOSED, OPENED].concat()).await;
    assert!(waits(port.opened()).await, "a device that is gone is not opened");
    port.offer().unwrap();
    port.offer().unwrap();
    expect(&mut stream, &OFFER).await;
    assert!(waits(port.opened()).await, "it is a new device");
    say(&mut stream, &OPENED).await;
    port.opened().await.unwrap();
    port.rescind();
    port.offer().unwrap();
    expect(&mut stream, &[RESCIND, OFFER].concat()).await;
}

#[tokio::test(start_paused = true)]
async fn a_rescind_outlives_the_stream_and_an_offer_reaches_who_knows_of_it() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    port.rescind();
    expect(&mut stream, &RESCIND).await;
    later(stream).await;
    let mut stream = machine.asked().await;
    expect(&mut stream, &RESCIND).await;
    later(stream).await;
    port.offer().unwrap();
    let mut stream = machine.asked().await;
    expect(&mut stream, &OFFER).await;
    later(stream).await;
    let mut stream = machine.asked().await;
    say(&mut stream, &OPENED).await;
    port.opened().await.unwrap().send(&packet()).await.unwrap();
    expect(&mut stream, &PACKET).await;
}

#[tokio::test]
async fn a_machine_that_comes_when_the_service_is_unticked_is_told() {
    let machine = Machine::new();
    let mut port = PacketPort::new(machine.dir.path(), Ic::Kvp).unwrap();
    port.rescind();
    let mut stream = machine.asked().await;
    expect(&mut stream, &RESCIND).await;
    port.end().await;
    drop(port);
    expect(&mut stream, &OFFER).await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_channel_that_is_dropped_here_is_asked_for_again() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    drop(port.opened().await.unwrap());
    expect(&mut stream, &ASK).await;
    say(&mut stream, &OPENED).await;
    port.opened().await.unwrap();
}

#[tokio::test]
async fn who_sends_without_end_fills_the_stream_and_not_the_memory() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    let mut frame = vec![0, 0x40, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    frame.resize(16 + 16384, 1);
    let mut sent = 0;
    while !waits(stream.write_all(&frame)).await {
        sent += 1;
        assert!(sent < 10_000, "nobody reads and everything is taken");
    }
    for _ in 0..sent {
        assert_eq!(link.recv().await.unwrap().payload.len(), 16384);
    }
}

#[tokio::test]
async fn a_machine_that_reads_nothing_stops_the_host_and_not_its_rescind() {
    let (mut port, mut stream) = alone().await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    let large = Packet { payload: vec![0; MAX_PAYLOAD], ..packet() };
    let mut sent = 0;
    loop {
        match link.try_send(&large).unwrap() {
            true => sent += 1,
            false if waits(link.send(&large)).await => break,
            false => sent += 1,
        }
        assert!(sent < 10_000, "everything is taken");
    }
    for _ in 0..1000 {
        port.rescind();
        port.offer().unwrap();
    }
    drop(link);
    let mut got = Vec::new();
    while !got.ends_with(&[RESCIND, OFFER].concat()) {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    // What was queued for the former device was not sent to the new one, and its offers are one.
    assert_eq!(got.windows(16).filter(|bytes| *bytes == OFFER).count(), 1);
    let longer = Packet { payload: vec![0; MAX_PAYLOAD + 1], ..packet() };
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    assert!(matches!(link.send(&longer).await, Err(LinkError::TooLarge { bytes: 16385, .. })));
    assert!(matches!(link.try_send(&longer), Err(LinkError::TooLarge { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_reads_nothing_does_not_keep_a_host_from_ending() {
    let machine = Machine::new();
    let mut port = PacketPort::new(machine.dir.path(), Ic::Kvp).unwrap();
    let mut stream = machine.asked().await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    let large = Packet { payload: vec![0; MAX_PAYLOAD], ..packet() };
    while !waits(link.send(&large)).await {}
    port.rescind();
    timeout(std::time::Duration::from_secs(3600), port.end()).await.unwrap();
}
