use super::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::fs::File;

fn line() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

fn descriptors(count: usize) -> Vec<OwnedFd> {
    (0..count).map(|_| OwnedFd::from(File::open("/dev/null").unwrap())).collect()
}

#[test]
fn everything_that_is_said_is_understood() {
    let (daemon, guardian) = line();
    arm(&daemon, descriptors(1)[0].as_fd(), 200).unwrap();
    assert!(matches!(listen(&guardian).unwrap(), Said::Arm { count: 200, .. }));
    targets(&daemon, &descriptors(BATCH)).unwrap();
    targets(&daemon, &descriptors(72)).unwrap();
    for expected in [BATCH, 72] {
        let Said::Targets(some) = listen(&guardian).unwrap() else { panic!() };
        assert_eq!(some.len(), expected);
    }
    go(&daemon, Duration::from_nanos(0x0102_0304_0506_0708)).unwrap();
    let Said::Go(deadline) = listen(&guardian).unwrap() else { panic!() };
    assert_eq!(deadline.as_nanos(), 0x0102_0304_0506_0708);
    release(&daemon).unwrap();
    assert!(matches!(listen(&guardian).unwrap(), Said::Release));
    drop(daemon);
    assert!(matches!(listen(&guardian).unwrap(), Said::End));
}

#[test]
fn answers_are_yes_no_or_the_end() {
    let (daemon, guardian) = line();
    agree(&guardian, true).unwrap();
    answer(&daemon).unwrap();
    agree(&guardian, false).unwrap();
    assert!(answer(&daemon).is_err());
    drop(guardian);
    assert_eq!(answer(&daemon).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn news_never_wait_and_their_end_is_heard() {
    let (daemon, guardian) = line();
    assert_eq!(hear(&daemon).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    for _ in 0..10_000 {
        // Nobody listens.
        tell(&guardian, Ended::Deadline);
    }
    assert_eq!(hear(&daemon).unwrap(), Some(Ended::Deadline));
    drop(guardian);
    while let Some(Ended::Deadline) = hear(&daemon).unwrap() {}
    assert_eq!(hear(&daemon).unwrap(), None);
}

#[test]
fn nonsense_is_the_end() {
    let (daemon, guardian) = line();
    for bytes in [&b"a"[..], b"a\x01\0\0\0", b"g\x01", b"rr", b"x", b""] {
        send(&daemon, bytes, &[]).unwrap();
        assert!(matches!(listen(&guardian).unwrap(), Said::End), "{bytes:?}");
    }
    let descriptor = descriptors(1);
    send(&daemon, b"r", &[descriptor[0].as_fd()]).unwrap();
    assert!(matches!(listen(&guardian).unwrap(), Said::End));
}
