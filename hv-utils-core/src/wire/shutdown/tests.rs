use super::*;
use alloc::vec;

const NEWEST: Version = Version::new(3, 2);

fn body(flags: u32) -> Vec<u8> {
    let mut body = vec![0; 2060];
    body[..4].copy_from_slice(&[0, 0, 0, 0x80]);
    body[8..12].copy_from_slice(&flags.to_le_bytes());
    body
}

#[test]
fn six_flags_mean_something_and_no_others() {
    for flags in 0..=255 {
        let expected = match flags {
            0 => Some((Action::PowerOff, false)),
            1 => Some((Action::PowerOff, true)),
            2 => Some((Action::Restart, false)),
            3 => Some((Action::Restart, true)),
            4 => Some((Action::Hibernate, false)),
            5 => Some((Action::Hibernate, true)),
            _ => None,
        };
        let read = parse(&body(flags), NEWEST);
        match expected {
            Some(expected) => assert_eq!(read.map(|read| (read.action, read.force)), Ok(expected)),
            None => assert_eq!(read.map_err(Problem::status), Err(Status(0x8000_4005)), "{flags}"),
        }
    }
    assert_eq!(parse(&body(0x8000_0001), NEWEST), Err(Problem::Flags(0x8000_0001)));
}

#[test]
fn restart_and_hibernate_came_with_their_versions() {
    for (flags, since) in [(0, (1, 0)), (2, (3, 1)), (4, (3, 2))] {
        for (major, minor) in [(1, 0), (3, 0), (3, 1), (3, 2)] {
            let read = parse(&body(flags), Version::new(major, minor));
            assert_eq!(read.is_ok(), (major, minor) >= since, "{flags} at {major}.{minor}");
            if let Err(problem) = read {
                assert_eq!(problem.status().0, 0x8007_0032);
            }
        }
    }
}

#[test]
fn the_text_may_be_cut_and_the_flags_may_not() {
    assert_eq!(parse(&body(1)[..12], NEWEST).map(|read| read.force), Ok(true));
    assert_eq!(parse(&body(1)[..11], NEWEST), Err(Problem::TooShort { needed: 12, actual: 11 }));
}

#[test]
fn a_text_is_read_in_both_encodings_up_to_its_nul() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"b\0y\0e\0\0\0x\0", "bye"),
        (b"bye\0x", "bye"),
        (b"\xe9\0t\0\xe9\0\0\0", "\u{e9}t\u{e9}"),
        (b"\x2d\x4e\x87\x65\0\0", "\u{4e2d}\u{6587}"),
        (b"a\0\x00\xd8b\0\0\0", "a\u{fffd}b"),
        (b"a\0\n\0b\0\0\0", "a b"),
    ] {
        let mut body = body(0);
        body[12..12 + bytes.len()].copy_from_slice(bytes);
        assert_eq!(parse(&body, NEWEST).map(|read| read.text), Ok(text.into()));
    }
}

#[test]
fn what_a_host_writes_is_what_is_read() {
    let request = Request {
        action: Action::Hibernate,
        force: true,
        reason: 0x8004_0002,
        timeout_secs: 60,
        text: "bye, \u{1f427}".into(),
    };
    let body = encode(&request);
    assert_eq!(body.len(), 2060);
    assert_eq!(body[..12], [2, 0, 4, 0x80, 60, 0, 0, 0, 5, 0, 0, 0]);
    assert_eq!(parse(&body, NEWEST), Ok(request));
}
