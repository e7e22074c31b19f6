use std::io::Read;
use std::os::unix::net::UnixStream;

use super::*;

const RING: u32 = 16384;

/// The first bytes on the socket, after a guest was greeted with these faults.
async fn hello(faults: HelloFaults) -> (Vec<u8>, SimLink) {
    let dir = tempfile::tempdir().unwrap();
    let mut port = SimPort::new(dir.path(), Ic::Kvp, RING).unwrap();
    let mut guest = UnixStream::connect(port.path()).unwrap();
    let link = port.greeted(&faults).await.unwrap();
    let mut bytes = vec![0; 64];
    let count = guest.read(&mut bytes).unwrap();
    bytes.truncate(count);
    (bytes, link)
}

#[tokio::test]
async fn a_right_hello_is_that_of_the_description() {
    let (bytes, link) = hello(HelloFaults::default()).await;
    let mut expected = b"HVSIMLNK\x01\0\0\0\0\x40\0\0".to_vec();
    expected.extend([
        0xe7, 0xf4, 0xa0, 0xa9, 0x45, 0x5a, 0x96, 0x4d, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6,
    ]);
    expected.extend([0; 32]);
    assert_eq!(bytes, expected);
    for ring in [Ring::ToGuest, Ring::ToHost] {
        assert_eq!((link.peek(ring, Word::FeatureBits), link.peek(ring, Word::InterruptMask)), (1, 0));
    }
}

#[tokio::test]
async fn each_fault_is_where_it_belongs() {
    let class = Ic::Heartbeat.class();
    let faults = HelloFaults {
        magic: Some(*b"NOTALINK"),
        link_version: Some(7),
        ring_bytes: Some(10_000),
        class: Some(class),
        reserved: Some([9; 32]),
        masked: true,
        ..HelloFaults::default()
    };
    let (bytes, link) = hello(faults).await;
    assert_eq!(bytes[..16], *b"NOTALINK\x07\0\0\0\x10\x27\0\0");
    assert_eq!(bytes[16..32], *class.as_bytes());
    assert_eq!(bytes[32..], [9; 32]);
    assert_eq!(link.peek(Ring::ToGuest, Word::InterruptMask), 1);
    assert_eq!(hello(HelloFaults { truncate: Some(5), ..HelloFaults::default() }).await.0, b"HVSIM");
}

#[tokio::test]
async fn words_and_bytes_of_both_rings_can_be_overwritten() {
    let (_, mut link) = hello(HelloFaults::default()).await;
    for (number, ring) in (1..).zip([Ring::ToGuest, Ring::ToHost]) {
        for (word, value) in [(Word::WriteIndex, 1), (Word::ReadIndex, 2), (Word::PendingSendSize, 3)] {
            link.poke(ring, word, value * number);
        }
    }
    assert_eq!(link.peek(Ring::ToGuest, Word::ReadIndex), 2);
    assert_eq!(link.peek(Ring::ToHost, Word::PendingSendSize), 6);
    let data = |link: &SimLink, at: usize| link.channel.memory().load(16384 + 4096 + at);
    link.scribble(Ring::ToGuest, 8, &[1, 2, 3, 4]);
    assert_eq!(data(&link, 8), 0x0403_0201);
    link.scribble(Ring::ToGuest, 12280, &[5; 100]);
    assert_eq!(data(&link, 12284), 0x0505_0505);
    link.scribble(Ring::ToGuest, 99_999, &[6; 8]);
    assert_eq!(data(&link, 12284), 0x0505_0505, "what lies beyond the end is left out");
}

#[tokio::test]
async fn a_rescinded_port_has_no_socket_until_it_is_offered_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut port = SimPort::new(dir.path(), Ic::Kvp, RING).unwrap();
    assert!(port.path().exists());
    port.rescind();
    assert!(!port.path().exists());
    port.offer().unwrap();
    port.offer().unwrap();
    assert!(UnixStream::connect(port.path()).is_ok());
}

#[tokio::test]
async fn a_guest_that_left_at_once_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut port = SimPort::new(dir.path(), Ic::Kvp, RING).unwrap();
    drop(UnixStream::connect(port.path()).unwrap());
    let mut guest = UnixStream::connect(port.path()).unwrap();
    let _link = port.opened().await.unwrap();
    let mut bytes = [0; 8];
    guest.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"HVSIMLNK");
}
