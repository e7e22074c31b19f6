//! A heartbeat, as a packet, and its answer.

use super::*;
use crate::wire::heartbeat::{self, ApplicationState};

/// Heartbeat of 3.0, sequence 7, with room for the applications' state.
const HEARTBEAT_3: &str = "
    0000: 06 00 02 00 08 00 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 24 00 00 00 03 00 00 00 01 00 03 00
    0020: 00 00 10 00 00 00 00 00 00 03 00 00 07 00 00 00
    0030: 00 00 00 00 00 00 00 00 00 00 00 00";

/// The same of 1.0, the number alone: 28 bytes of headers and 8 of body, padded to 40.
const HEARTBEAT_1: &str = "
    0000: 06 00 02 00 07 00 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 1c 00 00 00 03 00 00 00 01 00 01 00
    0020: 00 00 08 00 00 00 00 00 00 03 00 00 07 00 00 00
    0030: 00 00 00 00 00 00 00 00";

fn answer(version: Version, packet: &[u8], state: Option<ApplicationState>) -> Vec<u8> {
    let (_, sent) = deliver(&mut session(Ic::Heartbeat, version), packet, |agreed, body| {
        assert_eq!((agreed, heartbeat::parse(body)), (version, Ok(7)));
        assert_eq!(heartbeat::fill(body, state), Some(8));
        Status::OK
    });
    sent.unwrap()
}

#[test]
fn the_answer_is_the_next_number_and_nothing_else_without_a_word() {
    let packet = sparse(72, HEARTBEAT_3);
    assert_same(&answer(V3, &packet, None), &patched(&packet, "0029: 05 00 00 08"));
    // Whatever stands where the word would be goes back as it came.
    let packet = patched(&packet, "0034: ef be ad de 01 02 03 04");
    assert_same(&answer(V3, &packet, None), &patched(&packet, "0029: 05 00 00 08"));
}

#[test]
fn a_word_is_in_the_four_bytes_behind_the_number() {
    let packet = patched(&sparse(72, HEARTBEAT_3), "0038: 01 02 03 04");
    let expected = patched(&packet, "0029: 05 00 00 08\n0034: 02");
    assert_same(&answer(V3, &packet, Some(ApplicationState::Critical)), &expected);
    // The message of 1.0 is the same.
    let old = patched(&packet, "001e: 01");
    let expected = patched(&old, "0029: 05 00 00 08\n0034: 03");
    assert_same(&answer(V1, &old, Some(ApplicationState::Stopped)), &expected);
}

#[test]
fn a_number_alone_is_answered_by_a_number_alone() {
    let packet = sparse(64, HEARTBEAT_1);
    let expected = patched(&packet, "0029: 05 00 00 08");
    assert_same(&answer(V1, &packet, Some(ApplicationState::Critical)), &expected);
}

#[test]
fn less_than_a_number_is_refused() {
    // Four bytes of body; the rest is padding as good as any.
    let packet = patched(&sparse(64, HEARTBEAT_1), "0014: 18\n0022: 04");
    let (_, sent) = deliver(&mut session(Ic::Heartbeat, V1), &packet, |_, body| {
        heartbeat::parse(body).unwrap_err().status()
    });
    assert_same(&sent.unwrap(), &patched(&packet, "0024: 05 40 00 80\n0029: 05"));
}
