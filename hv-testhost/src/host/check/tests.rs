use super::*;
use crate::link::scripted::reply as reply_to;
use hv_utils_core::wire::PacketHeader;

/// A request of 4 body bytes, typed by hand: framework 3.0, type 2, message 5.0, id 9.
fn request() -> Packet {
    let payload = vec![
        1, 0, 0, 0, 24, 0, 0, 0, 3, 0, 0, 0, 2, 0, 5, 0, 0, 0, 4, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0xa, 0xb, 0xc,
        0xd,
    ];
    Packet { header: PacketHeader::in_band(77), payload }
}

fn checked(change: impl FnOnce(&mut Packet)) -> (Result<Reply, Problem>, Vec<Problem>) {
    let sent = request();
    let mut got = reply_to(&sent, 0);
    change(&mut got);
    let mut tolerated = Vec::new();
    (reply(&sent, got, &mut tolerated), tolerated)
}

fn fatal(change: impl FnOnce(&mut Packet)) -> Problem {
    checked(change).0.unwrap_err()
}

fn let_through(change: impl FnOnce(&mut Packet)) -> Vec<Problem> {
    let (reply, tolerated) = checked(change);
    reply.unwrap();
    tolerated
}

#[test]
fn a_right_reply_has_no_problem() {
    let (reply, tolerated) = checked(|got| got.payload[20] = 5);
    let reply = reply.unwrap();
    assert_eq!((reply.status.0, reply.body.as_slice()), (5, &[0xa, 0xb, 0xc, 0xd][..]));
    assert_eq!(tolerated, []);
}

#[test]
fn fatal_problems_are_those_of_a_real_host() {
    assert_eq!(fatal(|got| got.header.kind = 11), Problem::Kind(11));
    assert_eq!(fatal(|got| got.header.flags = 4), Problem::PacketFlags(4));
    assert_eq!(fatal(|got| got.payload.truncate(27)), Problem::Short(27));
    assert_eq!(fatal(|got| got.payload[0] = 2), Problem::PipeType(2));
    assert_eq!(fatal(|got| got.payload[4] = 25), Problem::PipeSize { announced: 25, present: 24 });
    assert_eq!(fatal(|got| got.payload[4] = 19), Problem::Short(27));
    assert_eq!(fatal(|got| got.payload[24] = 8), Problem::TransactionId { sent: 9, got: 8 });
    assert_eq!(fatal(|got| got.payload[25] = 4), Problem::NotAReply(4));
    assert_eq!(fatal(|got| got.payload[25] = 1), Problem::NotAReply(1));
    assert_eq!(fatal(|got| got.payload[18] = 5), Problem::BodySize { announced: 5, present: 4 });
    let long = fatal(|got| {
        got.payload.resize(8 + 13313, 0);
        got.payload[4..8].copy_from_slice(&13313u32.to_le_bytes());
    });
    assert_eq!(long, Problem::TooLong(13313));
}

#[test]
fn what_a_real_host_does_not_check_is_collected() {
    assert_eq!(let_through(|got| got.header.flags = 1), []);
    assert_eq!(let_through(|got| got.payload[25] = 7), [Problem::ExtraFlags(7)]);
    assert_eq!(let_through(|got| got.payload[12] = 3), [Problem::MessageType { sent: 2, got: 3 }]);
    let id = Problem::VmbusTransaction { sent: 77, got: 0 };
    assert_eq!(let_through(|got| got.header.transaction_id = 0), [id]);
    let version =
        Problem::HeaderVersion { which: "message", sent: Version::new(5, 0), got: Version::new(4, 0) };
    assert_eq!(let_through(|got| got.payload[14] = 4), [version]);
    let headers_alone = let_through(|got| {
        got.payload[4] = 20;
        got.payload[18] = 0;
    });
    assert_eq!(headers_alone, [Problem::Length { sent: 24, got: 20 }]);
    assert!(let_through(|got| got.payload.extend([0; 8])).is_empty(), "padding is the ring's");
}

/// The NEGOTIATE of a real host and the answer that chooses 3.0 and 4.0, typed by hand.
fn negotiate() -> (Packet, Packet) {
    let mut payload =
        vec![1, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 3, 0, 0];
    payload.extend([2, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0]);
    let sent = Packet { header: PacketHeader::in_band(0), payload };
    let mut got = sent.clone();
    got.payload[18] = 16;
    got.payload[25] = 5;
    got.payload[28..44].copy_from_slice(&[1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
    (sent, got)
}

fn negotiated(change: impl FnOnce(&mut Packet)) -> (Result<Agreed, Problem>, Vec<Problem>) {
    let (sent, mut got) = negotiate();
    change(&mut got);
    let mut tolerated = Vec::new();
    let frameworks = [Version::new(1, 0), Version::new(3, 0)];
    let messages = [Version::new(3, 0), Version::new(4, 0), Version::new(5, 0)];
    (negotiation(&sent, got, (&frameworks, &messages), &mut tolerated), tolerated)
}

#[test]
fn an_agreement_is_read() {
    let (agreed, tolerated) = negotiated(|_| {});
    assert_eq!(agreed, Ok(Agreed { framework: Version::new(3, 0), message: Version::new(4, 0) }));
    assert_eq!(tolerated, []);
}

#[test]
fn counts_and_sizes_of_an_agreement_must_be_exact() {
    let counts = |framework, message| Err(Problem::Counts { framework, message });
    assert_eq!(negotiated(|got| got.payload[28..32].copy_from_slice(&[0; 4])).0, counts(0, 0));
    assert_eq!(negotiated(|got| got.payload[28] = 2).0, counts(2, 1));
    assert_eq!(negotiated(|got| got.payload[30] = 3).0, counts(1, 3));
    let size = |announced| Err(Problem::NegotiateSize { announced, sent: 28 });
    assert_eq!(negotiated(|got| got.payload[18] = 15).0, size(15));
    let longer = negotiated(|got| {
        got.payload.extend([0; 8]);
        got.payload[4] = 56;
        got.payload[18] = 36;
    });
    assert_eq!(longer.0, size(36));
    assert!(negotiated(|got| got.payload[18] = 28).0.is_ok());
}

#[test]
fn a_choice_that_was_not_offered_is_let_pass_and_noted() {
    let (agreed, tolerated) = negotiated(|got| got.payload[40..44].copy_from_slice(&[99, 0, 7, 0]));
    assert_eq!(agreed.unwrap().message, Version::new(99, 7));
    assert_eq!(tolerated, [Problem::NotOffered { which: "message", got: Version::new(99, 7) }]);
    let (agreed, tolerated) = negotiated(|got| got.payload[20] = 1);
    assert!(agreed.is_ok());
    assert_eq!(tolerated, [Problem::NegotiateStatus(1)]);
}

#[test]
fn short_packets_are_no_negotiations_and_read_as_nothing() {
    let (sent, _) = negotiate();
    assert!(is_negotiate(&sent));
    assert!(!is_negotiate(&Packet { payload: vec![0; 27], ..sent.clone() }));
    assert_eq!((u16_at(&[1], 0), u32_at(&[1, 2, 3], 0), u64_at(&[1, 0, 0, 0, 2], 0)), (0, 0, 1));
    for length in 0..sent.payload.len() {
        let got = Packet { payload: sent.payload[..length].to_vec(), ..sent.clone() };
        assert!(reply(&sent, got, &mut Vec::new()).is_err(), "{length}");
    }
}
