//! A filter in front of a pair of sockets.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::*;

const RETURN: u16 = 0x06;
const LOAD_BYTE: u16 = 0x30;
const EQUAL: u16 = 0x15;

fn instruction(code: u16, jump_true: u8, jump_false: u8, number: u32) -> Instruction {
    Instruction { code, jump_true, jump_false, number }
}

#[test]
fn only_what_the_program_returns_is_let_in() {
    let flags = SocketFlags::NONBLOCK;
    let (sender, receiver) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
    let program = [
        instruction(LOAD_BYTE, 0, 0, 0),
        instruction(EQUAL, 0, 1, 7),
        instruction(RETURN, 0, 0, u32::MAX),
        instruction(RETURN, 0, 0, 0),
    ];
    attach_filter(&receiver, &program).unwrap();
    for byte in [6, 7, 8] {
        rustix::net::send(&sender, &[byte], SendFlags::empty()).unwrap();
    }
    let mut buffer = [0; 8];
    let (_, length) = rustix::net::recv(&receiver, &mut buffer, RecvFlags::empty()).unwrap();
    assert_eq!(buffer[..length], [7]);
    assert!(rustix::net::recv(&receiver, &mut buffer, RecvFlags::empty()).is_err(), "nothing more");
}

#[test]
fn what_is_no_program_is_refused() {
    let (socket, _) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::empty(), None).unwrap();
    assert!(attach_filter(&socket, &[]).is_err());
    assert!(attach_filter(&socket, &[instruction(EQUAL, 9, 9, 0)]).is_err(), "a jump to nowhere");
    assert!(attach_filter(&socket, &vec![instruction(RETURN, 0, 0, 0); 70_000]).is_err());
}
