use super::*;
use crate::wire::Message;
use crate::wire::hex::{assert_same, sparse};

const V: fn(u16) -> Version = |major| Version::new(major, 0);

/// Body of the offer that OpenVMM's host makes for KVP: framework 1.0 3.0, messages 3.0 4.0 5.0.
fn offer() -> Vec<u8> {
    sparse(28, "00: 02 00 03 00 00 00 00 00 01 00 00 00 03 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00")
}

#[test]
fn offer_is_read_in_the_hosts_order() {
    let expected = Offer { framework: vec![V(1), V(3)], message: vec![V(3), V(4), V(5)] };
    assert_eq!(Offer::parse(&offer()), Ok(expected));
}

#[test]
fn offer_is_written_as_a_whole_message() {
    let mut out = Vec::new();
    Offer::parse(&offer()).unwrap().encode(&mut out);
    let expected = sparse(
        56,
        "00: 01 00 00 00 30 00 00 00 00 00 00 00 00 00 00 00
         10: 00 00 1c 00 00 00 00 00 00 03 00 00 02 00 03 00
         20: 00 00 00 00 01 00 00 00 03 00 00 00 03 00 00 00
         30: 04 00 00 00 05 00 00 00",
    );
    assert_same(&out, &expected);
    assert_same(Message::parse(&out).unwrap().body, &offer());
}

#[test]
fn an_offer_that_ends_early_is_refused() {
    let whole = offer();
    for actual in 0..28 {
        let needed = if actual < 8 { 8 } else { 28 };
        assert_eq!(Offer::parse(&whole[..actual]), Err(OfferError::TooShort { needed, actual }));
    }
}

#[test]
fn empty_and_absurd_lists_are_refused() {
    for (framework, message) in [(0, 3), (2, 0), (0, 0), (101, 1), (1, 101), (0xffff, 0xffff)] {
        let mut body = vec![0; 2048];
        body[0..2].copy_from_slice(&u16::to_le_bytes(framework));
        body[2..4].copy_from_slice(&u16::to_le_bytes(message));
        assert_eq!(Offer::parse(&body), Err(OfferError::Counts { framework, message }));
    }
}

#[test]
fn a_hundred_versions_of_each_are_read() {
    let mut body = vec![0; 8 + 4 * 200];
    (body[0], body[2]) = (100, 100);
    let offer = Offer::parse(&body).unwrap();
    assert_eq!((offer.framework.len(), offer.message.len()), (100, 100));
}

#[test]
fn the_newest_of_ours_among_theirs_is_chosen_whatever_their_order() {
    let ours = [V(5), V(4), V(3), V(1)];
    for (theirs, chosen) in [
        (vec![V(3), V(4), V(5)], Some(V(5))),
        (vec![V(5), V(4), V(3)], Some(V(5))),
        (vec![V(6), V(3), V(1)], Some(V(3))),
        (vec![V(1)], Some(V(1))),
        (vec![V(2), V(6), Version::new(5, 1)], None),
        (vec![], None),
    ] {
        assert_eq!(choose(&ours, &theirs), chosen, "{theirs:?}");
    }
}

#[test]
fn replies_are_read_as_agreement_none_or_nonsense() {
    let reply = |text| parse_reply(&sparse(16, text));
    assert_eq!(
        reply("00: 01 00 01 00 00 00 00 00 03 00 00 00 04 00 01 00"),
        Ok(Some(Agreed { framework: V(3), message: Version::new(4, 1) }))
    );
    assert_eq!(reply("00: 00 00 00 00 00 00 00 00 03 00"), Ok(None));
    assert_eq!(reply("00: 02 00 01 00"), Err(AgreementError::Counts { framework: 2, message: 1 }));
    assert_eq!(reply("00: 01 00 00 00"), Err(AgreementError::Counts { framework: 1, message: 0 }));
    assert_eq!(parse_reply(&[0; 7]), Err(AgreementError::TooShort { actual: 7 }));
    let cut = sparse(15, "00: 01 00 01 00 00 00 00 00 03 00 00 00 04");
    assert_eq!(parse_reply(&cut), Err(AgreementError::TooShort { actual: 15 }));
}
