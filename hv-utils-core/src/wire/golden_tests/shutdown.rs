//! A host's wish that the guest goes down, as a packet, and its answer.

use super::*;
use crate::wire::shutdown::{self, Action};

/// A forced restart of 3.2: reason 0x80000000, 60 s, flags 3, "hi".
const RESTART: &str = "
    0000: 06 00 02 00 07 01 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 20 08 00 00 03 00 00 00 03 00 03 00
    0020: 02 00 0c 08 00 00 00 00 00 03 00 00 00 00 00 80
    0030: 3c 00 00 00 03 00 00 00 68 00 69 00";

const V3_2: Version = Version::new(3, 2);

fn request() -> shutdown::Request {
    shutdown::Request {
        action: Action::Restart,
        force: true,
        reason: 0x8000_0000,
        timeout_secs: 60,
        text: "hi".into(),
    }
}

fn made() -> Vec<u8> {
    let memory = memory();
    let (mut producer, _) = host_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    encode(&IcHeader::request(V3, 3, V3_2), &shutdown::encode(&request()), &mut payload);
    let _ = producer.push(PacketHeader::in_band(TRANSACTION), &payload).unwrap();
    ring_bytes(&memory, 1)
}

#[test]
fn a_wish_is_read_and_its_refusal_has_its_status() {
    let packet = sparse(0x840, RESTART);
    let (_, sent) = deliver(&mut session(Ic::Shutdown, V3_2), &packet, |version, body| {
        assert_eq!(shutdown::parse(body, version), Ok(request()));
        Status::MACHINE_LOCKED
    });
    assert_same(&sent.unwrap(), &patched(&packet, "0024: f7 04 07 80\n0029: 05"));
}

#[test]
fn the_host_makes_the_same_wish() {
    assert_same(&made(), &sparse(0x840, RESTART));
}
