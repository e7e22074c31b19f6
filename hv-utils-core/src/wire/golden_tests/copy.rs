//! A file of three bytes, as packets, and their answers.

use super::*;
use crate::wire::fcopy::{self, Operation, Request, Start};

const V1_1: Version = Version::new(1, 1);

/// START of `é🦀` in `/in`, overwrite and create the path, 0x123456789 bytes. Body 1088, packet 16 + 28 + 1088, padded, and 8.
const START: &str = "
    0000: 06 00 02 00 8e 00 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 54 04 00 00 03 00 00 00 07 00 01 00
    0020: 01 00 40 04 00 00 00 00 00 03 00 00 00 00 00 00
    0050: e9 00 3e d8 80 dd
    0258: 2f 00 69 00 6e 00
    0460: 03 00 00 00 89 67 45 23 01 00 00 00";

/// WRITE of `abc` at 0x1020304050607, as a host sends it: with all of its 6144 bytes.
const WRITE: &str = "
    0000: 06 00 02 00 0c 03 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 48 18 00 00 03 00 00 00 07 00 01 00
    0020: 01 00 34 18 00 00 00 00 00 03 00 00 01 00 00 00
    0054: 07 06 05 04 03 02 01 00 03 00 00 00 61 62 63";

fn start() -> Start {
    Start {
        path: "/in".into(), name: "é🦀".into(), overwrite: true, create_path: true, size: 0x1_2345_6789
    }
}

/// The packet as the host's side makes it.
fn host(body: &[u8]) -> Vec<u8> {
    let memory = memory();
    let (mut producer, _) = host_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    encode(&IcHeader::request(V3, 7, V1_1), body, &mut payload);
    let _ = producer.push(PacketHeader::in_band(TRANSACTION), &payload).unwrap();
    ring_bytes(&memory, 1)
}

fn read(packet: &[u8], expected: &Request<'_>, status: Status) -> Vec<u8> {
    let (_, sent) = deliver(&mut session(Ic::FileCopy, V1_1), packet, |_, body| {
        assert_eq!(fcopy::parse(body).as_ref(), Ok(expected));
        status
    });
    sent.unwrap()
}

#[test]
fn a_start_is_read_and_refused_with_its_status() {
    let packet = sparse(1144, START);
    let sent = read(&packet, &Request::Start(start()), Status::ALREADY_EXISTS);
    assert_same(&sent, &patched(&packet, "0024: 50 00 07 80\n0029: 05"));
}

#[test]
fn a_write_is_as_long_as_it_says() {
    let packet = sparse(6248, WRITE);
    let write = Request::Write { offset: 0x1_0203_0405_0607, data: b"abc" };
    assert_same(&read(&packet, &write, Status::OK), &patched(&packet, "0029: 05"));
}

#[test]
fn the_host_makes_the_same_requests() {
    assert_same(&host(&fcopy::encode_start(&start()).unwrap()), &sparse(1144, START));
    assert_same(&host(&fcopy::encode_write(0x1_0203_0405_0607, b"abc")), &sparse(6248, WRITE));
    for operation in [Operation::COMPLETE, Operation::CANCEL] {
        let packet = host(&fcopy::encode_bare(operation));
        let expected = if operation == Operation::COMPLETE { Request::Complete } else { Request::Cancel };
        read(&packet, &expected, Status::OK);
    }
}
