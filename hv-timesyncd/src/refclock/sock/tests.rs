//! The datagram byte by byte, and sockets of our own in chronyd's place.

use std::fs;
use std::io::ErrorKind;

use super::*;
use crate::sample::Leap;

const SAMPLE: Feed =
    Feed { real: 1_700_000_000_123_456_789, offset: -2_500_000, error: 1000, leap: Leap::Insert };

/// chronyd, as far as this program sees it.
fn chronyd(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn received(socket: &UnixDatagram) -> Vec<u8> {
    let mut bytes = [0; 64];
    let length = socket.recv(&mut bytes).unwrap();
    bytes[..length].to_vec()
}

#[test]
#[cfg(target_endian = "little")]
fn datagram_has_chronys_bytes() {
    let wanted = [
        0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, // 1700000000 s
        0x40, 0xe2, 0x01, 0x00, 0, 0, 0, 0, // 123456 µs
        0x7b, 0x14, 0xae, 0x47, 0xe1, 0x7a, 0x64, 0xbf, // -0.0025
        0, 0, 0, 0, // no pulse
        1, 0, 0, 0, // a leap second is inserted
        0, 0, 0, 0, // unused
        0x4b, 0x43, 0x4f, 0x53, // 0x534f434b
    ];
    assert_eq!(datagram(&SAMPLE), wanted);
}

#[test]
fn microseconds_are_not_negative_before_1970() {
    let bytes = datagram(&Feed { real: -1, ..SAMPLE });
    assert_eq!(bytes[0..8], (-1_i64).to_ne_bytes());
    assert_eq!(bytes[8..16], 999_999_i64.to_ne_bytes());
}

#[test]
fn nanoseconds_of_an_offset_of_hours_are_kept() {
    let bytes = datagram(&Feed { offset: 7_200_000_000_001, ..SAMPLE });
    let seconds = f64::from_ne_bytes(bytes[16..24].try_into().unwrap());
    assert!((seconds - 7_200.000_000_001).abs() < 1e-10, "{seconds}");
}

#[test]
fn leap_seconds_are_counted_as_ntp_does() {
    for (leap, code) in [(Leap::None, 0_i32), (Leap::Insert, 1), (Leap::Delete, 2), (Leap::Unsynchronised, 3)]
    {
        assert_eq!(datagram(&Feed { leap, ..SAMPLE })[28..32], code.to_ne_bytes(), "{leap:?}");
    }
}

#[test]
fn each_sample_is_one_datagram() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chrony.sock");
    let chronyd = chronyd(&path);
    let mut socket = Socket::new(path);
    let second = Feed { real: SAMPLE.real + 5 * SECOND, ..SAMPLE };
    socket.feed(&SAMPLE).unwrap();
    socket.feed(&second).unwrap();
    assert_eq!(received(&chronyd), datagram(&SAMPLE));
    assert_eq!(received(&chronyd), datagram(&second));
    assert_eq!(chronyd.recv(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn socket_that_is_not_there_yet_is_found_when_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chrony.sock");
    let mut socket = Socket::new(path.clone());
    let error = socket.feed(&SAMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("chronyd does not run, or has no refclock SOCK"), "{error}");
    assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    let chronyd = chronyd(&path);
    socket.feed(&SAMPLE).unwrap();
    assert_eq!(received(&chronyd), datagram(&SAMPLE));
}

#[test]
fn restarted_chronyd_gets_samples_at_its_new_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chrony.sock");
    let mut socket = Socket::new(path.clone());
    let first = chronyd(&path);
    socket.feed(&SAMPLE).unwrap();
    // It dies, and the path stays.
    drop(first);
    let error = socket.feed(&SAMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("does not run any more"), "{error}");
    // The next one removes what is there, as chronyd does.
    fs::remove_file(&path).unwrap();
    let second = chronyd(&path);
    socket.feed(&SAMPLE).unwrap();
    assert_eq!(received(&second), datagram(&SAMPLE));
}

#[test]
fn samples_go_to_the_new_socket_while_the_old_one_is_still_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chrony.sock");
    let mut socket = Socket::new(path.clone());
    let first = chronyd(&path);
    socket.feed(&SAMPLE).unwrap();
    received(&first);
    fs::remove_file(&path).unwrap();
    let second = chronyd(&path);
    socket.feed(&SAMPLE).unwrap();
    assert_eq!(received(&second), datagram(&SAMPLE));
    assert_eq!(first.recv(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn sample_is_dropped_when_nobody_reads_and_the_next_is_taken_when_somebody_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chrony.sock");
    let chronyd = chronyd(&path);
    let mut socket = Socket::new(path);
    // By far more than a socket holds (net.unix.max_dgram_qlen). If it waited, this would never end.
    let full = (0..100_000).find_map(|_| socket.feed(&SAMPLE).err()).unwrap();
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    assert!(full.to_string().contains("does not read it"), "{full}");
    received(&chronyd);
    socket.feed(&SAMPLE).unwrap();
}

// The kernel's refusal itself is shown with a real chronyd, in tests/ntp: to root, who may run this, nothing is refused.
#[test]
fn socket_of_another_user_is_named_with_what_has_to_change() {
    let socket = Socket::new(PathBuf::from("/run/chrony.x.sock"));
    assert_eq!(
        socket.sentence(&ErrorKind::PermissionDenied.into()),
        "/run/chrony.x.sock cannot be written: its group has to be that of this program, its mode 0660"
    );
}

#[test]
fn other_errors_keep_their_words() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x".repeat(200));
    let error = Socket::new(path.clone()).feed(&SAMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
}
