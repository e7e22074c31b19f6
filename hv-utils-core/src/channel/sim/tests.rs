//! Both ends of the simulated link: every wrong hello, and packets over a right one.

use super::{CONTROL_BYTES, Handshake, Hello, HelloError, Listener, Rings, connect, send_hello};
use crate::channel::{ChannelError, PacketFault, RingChannel};
use crate::wire::ring::RingMemory;
use crate::wire::{Ic, PacketHeader};
use rustix::event::EventfdFlags;
use rustix::fs::MemfdFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::UnixStream;

const RING_BYTES: u32 = 0x4000;

struct Setup {
    _directory: TempDir,
    path: PathBuf,
    listener: Listener,
}

fn setup() -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kvp.sock");
    let listener = Listener::bind(&path).unwrap();
    Setup { _directory: directory, path, listener }
}

/// Of our own: an end that a program which another test starts kept for its life would keep the pipe from ending.
fn pipe() -> (OwnedFd, OwnedFd) {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()
}

fn hello() -> Hello {
    Hello::new(Ic::Kvp.class(), RING_BYTES)
}

/// What a guest says to a host that does `act` with its connection.
async fn guest_against(act: impl FnOnce(UnixStream, &Rings)) -> Result<RingChannel, HelloError> {
    let setup = setup();
    let mut handshake = Handshake::start(&setup.path, Ic::Kvp.class())?;
    let rings = Rings::create(RING_BYTES).unwrap();
    act(setup.listener.accept_stream().await.unwrap(), &rings);
    handshake.receive().await?;
    handshake.finish()
}

async fn guest_against_bytes(hello: Hello) -> HelloError {
    guest_against(|stream, rings| send_hello(&stream, &hello.encode(), &rings.descriptors()).unwrap())
        .await
        .unwrap_err()
}

async fn guest_against_descriptors(count: usize) -> HelloError {
    guest_against(|stream, rings| {
        let mut descriptors = rings.descriptors().to_vec();
        descriptors.resize(count, descriptors[2]);
        send_hello(&stream, &hello().encode(), &descriptors).unwrap();
    })
    .await
    .unwrap_err()
}

/// Host and guest of an open channel.
async fn pair() -> (RingChannel, RingChannel) {
    let setup = setup();
    let (host, guest) = tokio::join!(
        setup.listener.accept(Ic::Kvp.class(), RING_BYTES),
        connect(&setup.path, Ic::Kvp.class())
    );
    (host.unwrap(), guest.unwrap())
}

#[test]
fn hello_is_laid_out_as_the_design_says() {
    let bytes = Hello::new(Ic::Kvp.class(), 0x5000).encode();
    let mut expected = [0_u8; 64];
    expected[..8].copy_from_slice(b"HVSIMLNK");
    expected[8] = 1;
    expected[13] = 0x50;
    expected[16..32].copy_from_slice(&[
        0xe7, 0xf4, 0xa0, 0xa9, 0x45, 0x5a, 0x96, 0x4d, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6,
    ]);
    assert_eq!(bytes, expected);
    assert_eq!(Hello::decode(&bytes).encode(), bytes);
}

#[tokio::test]
async fn another_magic_is_refused() {
    let error = guest_against_bytes(Hello { magic: *b"HVSIMLNX", ..hello() }).await;
    assert!(matches!(error, HelloError::Magic), "{error}");
}

#[tokio::test]
async fn another_link_version_is_refused() {
    let error = guest_against_bytes(Hello { link_version: 2, ..hello() }).await;
    assert!(matches!(error, HelloError::LinkVersion { actual: 2 }), "{error}");
}

#[tokio::test]
async fn another_services_class_is_refused() {
    let error = guest_against_bytes(Hello { class: Ic::Vss.class(), ..hello() }).await;
    assert!(matches!(error, HelloError::Class { .. }), "{error}");
}

#[tokio::test]
async fn ring_sizes_that_are_no_pages_or_too_few_are_refused() {
    for ring_bytes in [0, 4096, 8191, 8193, 0x4008, u32::MAX] {
        let error = guest_against_bytes(Hello { ring_bytes, ..hello() }).await;
        assert!(matches!(error, HelloError::RingBytes { actual } if actual == ring_bytes), "{error}");
    }
}

#[tokio::test]
async fn memory_of_another_size_than_two_rings_is_refused() {
    for ring_bytes in [0x2000, 0x5000] {
        let error = guest_against_bytes(Hello { ring_bytes, ..hello() }).await;
        assert!(matches!(error, HelloError::MemorySize { actual: 0x8000, .. }), "{error}");
    }
}

#[tokio::test]
async fn other_than_three_descriptors_are_refused() {
    for count in [0, 1, 2, 4, 8] {
        let error = guest_against_descriptors(count).await;
        assert!(matches!(error, HelloError::Descriptors { actual } if actual == count), "{error}");
    }
}

#[tokio::test]
async fn more_descriptors_than_anybody_has_room_for_are_refused() {
    let error = guest_against_descriptors(20).await;
    assert!(matches!(error, HelloError::Descriptors { actual } if actual > 3), "{error}");
}

#[tokio::test]
async fn descriptors_that_no_one_keeps_are_closed() {
    let (reader, writer) = pipe();
    let refused = guest_against(|stream, rings| {
        let [memory, to_host, to_guest] = rings.descriptors();
        let descriptors = [memory, to_host, to_guest, writer.as_fd()];
        send_hello(&stream, &hello().encode(), &descriptors).unwrap();
    })
    .await;
    assert!(refused.is_err());
    drop(writer);
    // The end of the pipe is seen only when no copy of its other end is left.
    assert_eq!(rustix::io::read(&reader, &mut [0_u8; 1]), Ok(0));
}

#[tokio::test]
async fn a_pipe_in_the_place_of_the_memory_is_refused() {
    let (reader, _writer) = pipe();
    let refused = guest_against(|stream, rings| {
        let [_, to_host, to_guest] = rings.descriptors();
        send_hello(&stream, &hello().encode(), &[reader.as_fd(), to_host, to_guest]).unwrap();
    })
    .await;
    assert!(matches!(refused, Err(HelloError::MemorySize { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_plain_file_in_the_place_of_an_eventfd_is_refused() {
    let file = OwnedFd::from(tempfile::tempfile().unwrap());
    let refused = guest_against(|stream, rings| {
        let [memory, to_host, _] = rings.descriptors();
        send_hello(&stream, &hello().encode(), &[memory, to_host, file.as_fd()]).unwrap();
    })
    .await;
    assert!(matches!(refused, Err(HelloError::Io(_))), "{refused:?}");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_an_eventfd_ends_the_channel_instead_of_waking_us_for_ever() {
    let (reader, writer) = pipe();
    let mut guest = guest_against(|stream, rings| {
        let [memory, to_host, _] = rings.descriptors();
        send_hello(&stream, &hello().encode(), &[memory, to_host, reader.as_fd()]).unwrap();
        // The socket stays open: only the pipe ends.
        std::mem::forget(stream);
    })
    .await
    .unwrap();
    drop(writer);
    let error = guest.recv(&mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, ChannelError::Io { .. }), "{error}");
}

#[tokio::test]
async fn memory_that_can_be_sealed_cannot_be_shrunk_under_us() {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = rustix::fs::memfd_create("unsealed", flags).unwrap();
    rustix::fs::ftruncate(&memory, 2 * u64::from(RING_BYTES)).unwrap();
    let mut guest = guest_against(|stream, rings| {
        let [_, to_host, to_guest] = rings.descriptors();
        send_hello(&stream, &hello().encode(), &[memory.as_fd(), to_host, to_guest]).unwrap();
    })
    .await
    .unwrap();
    assert_eq!(rustix::fs::ftruncate(&memory, 0), Err(rustix::io::Errno::PERM));
    assert!(guest.try_recv(&mut Vec::new()).unwrap().is_none(), "the rings are still there");
}

#[tokio::test]
async fn memory_that_cannot_be_sealed_is_taken_as_it_is() {
    let memory = rustix::fs::memfd_create("plain", MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&memory, 2 * u64::from(RING_BYTES)).unwrap();
    let guest = guest_against(|stream, rings| {
        let [_, to_host, to_guest] = rings.descriptors();
        send_hello(&stream, &hello().encode(), &[memory.as_fd(), to_host, to_guest]).unwrap();
    })
    .await;
    assert!(guest.is_ok(), "{guest:?}");
}

#[tokio::test]
async fn a_connection_that_ends_within_the_hello_is_told() {
    let error = guest_against(|stream, rings| {
        send_hello(&stream, &hello().encode()[..40], &rings.descriptors()).unwrap();
    })
    .await
    .unwrap_err();
    assert!(matches!(error, HelloError::EndedEarly), "{error}");
}

#[tokio::test]
async fn a_hello_in_pieces_is_put_together() {
    let mut held = None;
    let guest = guest_against(|stream, rings| {
        let bytes = hello().encode();
        let (head, rest) = bytes.split_at(10);
        send_hello(&stream, head, &rings.descriptors()[..1]).unwrap();
        send_hello(&stream, rest, &rings.descriptors()[1..]).unwrap();
        held = Some(stream);
    })
    .await;
    assert!(guest.is_ok(), "{guest:?}");
}

#[tokio::test]
async fn nobody_listening_is_an_io_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = connect(&directory.path().join("none.sock"), Ic::Kvp.class()).await.unwrap_err();
    assert!(matches!(&error, HelloError::Io(e) if e.kind() == std::io::ErrorKind::NotFound), "{error}");
}

#[tokio::test]
async fn a_socket_left_by_a_dead_host_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kvp.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    // A child that another test is just starting has the socket, too, until it is another program.
    while std::os::unix::net::UnixStream::connect(&path).is_ok() {
        tokio::task::yield_now().await;
    }
    let listener = Listener::bind(&path).unwrap();
    assert!(Listener::bind(&path).is_err());
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn packets_travel_both_ways() {
    let (mut host, mut guest) = pair().await;
    let mut payload = Vec::new();
    host.send(PacketHeader::in_band(7), b"from the host...").await.unwrap();
    assert_eq!(guest.recv(&mut payload).await.unwrap(), PacketHeader::in_band(7));
    assert_eq!(payload, b"from the host...");
    guest.send(PacketHeader::in_band(8), b"to host.").await.unwrap();
    assert_eq!(host.recv(&mut payload).await.unwrap(), PacketHeader::in_band(8));
    assert_eq!(payload, b"to host.");
}

#[tokio::test]
async fn a_packet_queued_before_the_hello_with_the_interrupt_masked_is_read_at_once() {
    let mut host = None;
    let guest = guest_against(|stream, rings| {
        // What a driver before Linux b15b7d2a1b09 leaves: the interrupt masked, so nothing announces the packet.
        rings.memory().store(RING_BYTES as usize + 8, 1);
        let mut channel = rings.host_end(stream).unwrap();
        assert!(channel.try_send(PacketHeader::in_band(1), b"negotiate now...").unwrap());
        send_hello(channel.socket().unwrap(), &hello().encode(), &rings.descriptors()).unwrap();
        host = Some(channel);
    })
    .await;
    let mut guest = guest.unwrap();
    let mut payload = Vec::new();
    assert_eq!(guest.recv(&mut payload).await.unwrap().transaction_id, 1);
    assert_eq!(guest.memory().load(RING_BYTES as usize + 8), 1, "not yet unmasked: the ring was not empty");
}

#[tokio::test]
async fn a_packet_that_arrives_between_draining_and_unmasking_is_not_slept_on() {
    let (mut host, mut guest) = pair().await;
    let mut payload = Vec::new();
    guest.mask();
    assert!(guest.try_recv(&mut payload).unwrap().is_none());
    // Between the look at the empty ring and the unmasking: no interrupt comes for this one.
    assert!(host.try_send(PacketHeader::in_band(2), &[0; 8]).unwrap());
    assert_eq!(guest.recv(&mut payload).await.unwrap().transaction_id, 2);
}

#[tokio::test]
async fn a_sleeping_guest_has_unmasked_its_interrupt_and_is_woken() {
    let (mut host, mut guest) = pair().await;
    guest.mask();
    let mut payload = Vec::new();
    let waiting = async { guest.recv(&mut payload).await.unwrap() };
    let sending = async {
        while host.memory().load(RING_BYTES as usize + 8) != 0 {
            tokio::task::yield_now().await;
        }
        host.send(PacketHeader::in_band(3), &[0; 8]).await.unwrap();
    };
    let (header, ()) = tokio::join!(waiting, sending);
    assert_eq!(header.transaction_id, 3);
}

#[tokio::test]
async fn the_last_packets_are_read_before_the_end_is_told() {
    let (mut host, mut guest) = pair().await;
    host.send(PacketHeader::in_band(4), &[0; 8]).await.unwrap();
    host.send(PacketHeader::in_band(5), &[0; 8]).await.unwrap();
    drop(host);
    let mut payload = Vec::new();
    assert_eq!(guest.recv(&mut payload).await.unwrap().transaction_id, 4);
    assert_eq!(guest.recv(&mut payload).await.unwrap().transaction_id, 5);
    assert!(matches!(guest.recv(&mut payload).await, Err(ChannelError::Closed)));
}

#[tokio::test]
async fn bytes_after_the_hello_end_the_channel() {
    let (host, mut guest) = pair().await;
    host.socket().unwrap().try_write(b"?").unwrap();
    assert!(matches!(guest.recv(&mut Vec::new()).await, Err(ChannelError::Closed)));
}

#[tokio::test]
async fn a_full_ring_takes_nothing_and_tells_when_there_is_room() {
    let (mut host, mut guest) = pair().await;
    let payload = [0x5a; 1000];
    let mut sent = 0;
    while guest.try_send(PacketHeader::in_band(sent), &payload).unwrap() {
        sent += 1;
    }
    assert!(sent > 5);
    let mut received = Vec::new();
    let (result, ()) = tokio::join!(guest.send(PacketHeader::in_band(sent), &payload), async {
        for number in 0..=sent {
            assert_eq!(host.recv(&mut received).await.unwrap().transaction_id, number);
        }
    });
    result.unwrap();
}

#[tokio::test]
async fn a_packet_longer_than_the_ring_is_a_fault_of_the_packet_alone() {
    let (mut host, mut guest) = pair().await;
    let error = guest.try_send(PacketHeader::in_band(0), &[0; RING_BYTES as usize]).unwrap_err();
    assert!(matches!(error, ChannelError::Packet(PacketFault::TooLarge { .. })), "{error}");
    assert!(error.is_recoverable());
    guest.send(PacketHeader::in_band(1), &[0; 8]).await.unwrap();
    assert_eq!(host.recv(&mut Vec::new()).await.unwrap().transaction_id, 1);
}

#[tokio::test]
async fn a_packet_longer_than_any_message_is_skipped_with_the_right_stride() {
    let setup = setup();
    let (host, guest) =
        tokio::join!(setup.listener.accept(Ic::Kvp.class(), 0x1_0000), connect(&setup.path, Ic::Kvp.class()));
    let (mut host, mut guest) = (host.unwrap(), guest.unwrap());
    host.send(PacketHeader::in_band(1), &[0; 20_000]).await.unwrap();
    host.send(PacketHeader::in_band(2), &[1; 8]).await.unwrap();
    let mut payload = Vec::new();
    let error = guest.recv(&mut payload).await.unwrap_err();
    assert!(matches!(error, ChannelError::Packet(PacketFault::Oversized { bytes: 20_000 })), "{error}");
    assert_eq!(guest.recv(&mut payload).await.unwrap().transaction_id, 2);
    assert_eq!(payload, [1; 8]);
}

#[tokio::test]
async fn impossible_indices_are_corruption() {
    // Write index of the host's ring; read index of the guest's ring.
    for (offset, value) in [(RING_BYTES as usize, 4), (RING_BYTES as usize, 0x3000), (4, 12)] {
        let (host, mut guest) = pair().await;
        host.memory().store(offset, value);
        let error = match guest.recv(&mut Vec::new()).await_now() {
            Some(result) => result.unwrap_err(),
            None => guest.try_send(PacketHeader::in_band(0), &[]).unwrap_err(),
        };
        assert!(matches!(error, ChannelError::Corrupt(_)), "{offset:#x} {value:#x}: {error}");
        assert!(!error.is_recoverable());
    }
}

#[tokio::test]
async fn control_page_offsets_are_those_of_two_rings_in_one_mapping() {
    let (mut host, guest) = pair().await;
    host.send(PacketHeader::in_band(0), &[0x77; 8]).await.unwrap();
    let mut payload = [0; 8];
    guest.memory().read(RING_BYTES as usize + CONTROL_BYTES + 16, &mut payload);
    assert_eq!(payload, [0x77; 8]);
    assert_eq!(guest.memory().load(RING_BYTES as usize), 32);
}

#[tokio::test]
async fn interrupts_beyond_the_counters_limit_are_one_interrupt() {
    let setup = setup();
    let mut handshake = Handshake::start(&setup.path, Ic::Kvp.class()).unwrap();
    let rings = Rings::create(RING_BYTES).unwrap();
    let stream = setup.listener.accept_stream().await.unwrap();
    let full = rustix::event::eventfd(0, EventfdFlags::NONBLOCK).unwrap();
    rustix::io::write(&full, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    let [memory, _, to_guest] = rings.descriptors();
    let descriptors: [BorrowedFd<'_>; 3] = [memory, full.as_fd(), to_guest];
    send_hello(&stream, &hello().encode(), &descriptors).unwrap();
    handshake.receive().await.unwrap();
    let guest = handshake.finish().unwrap();
    guest.signal().unwrap();
}

/// Polls a future once.
trait AwaitNow: Future + Sized {
    fn await_now(self) -> Option<Self::Output> {
        let mut future = std::pin::pin!(self);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

impl<F: Future> AwaitNow for F {}

#[tokio::test]
async fn file_that_is_no_socket_is_not_replaced_by_a_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kvp.sock");
    std::fs::write(&path, "precious").unwrap();
    assert!(Listener::bind(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
