//! What the kernel need not even wake us for: announcements of routes that are no default routes.
//!
//! A router's table changes all the time. Without this each change would be a wake-up and a place in the socket's
//! queue; where a kernel refuses it, they are read and recognised, as before. Answers to our own requests come in
//! parts of many messages and are let in whole.

use crate::sys::Instruction;

/// `BPF_LD | BPF_H | BPF_ABS`: load two bytes, as if they were in network order.
const LOAD_TWO: u16 = 0x28;
/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_ONE: u16 = 0x30;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JSET | BPF_K`: whether a bit is set.
const HAS: u16 = 0x45;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

/// `RTM_NEWROUTE` and `RTM_DELROUTE`.
const ROUTES: [u16; 2] = [24, 25];
/// `NLM_F_MULTI`: a part of an answer.
const PART: u16 = 2;
/// Where the type, the flags, and the length of a route's destination are in a message.
const TYPE: u32 = 4;
const FLAGS: u32 = 6;
const DESTINATION: u32 = 16 + 1;

/// Lets in everything but single routes with a destination.
pub(super) const PROGRAM: [Instruction; 9] = [
    one(LOAD_TWO, 0, 0, TYPE),
    one(EQUAL, 1, 0, loaded(ROUTES[0])),
    one(EQUAL, 0, 4, loaded(ROUTES[1])),
    one(LOAD_TWO, 0, 0, FLAGS),
    one(HAS, 2, 0, loaded(PART)),
    one(LOAD_ONE, 0, 0, DESTINATION),
    one(EQUAL, 0, 1, 0),
    one(RETURN, 0, 0, u32::MAX),
    one(RETURN, 0, 0, 0),
];

const fn one(code: u16, jump_true: u8, jump_false: u8, number: u32) -> Instruction {
    Instruction { code, jump_true, jump_false, number }
}

/// A number in the machine's own order, as the filter loads it.
const fn loaded(number: u16) -> u32 {
    u16::from_be_bytes(number.to_ne_bytes()) as u32
}
