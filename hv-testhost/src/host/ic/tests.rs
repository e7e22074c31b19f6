use std::time::Duration;

use hv_utils_core::wire::{self, Version};

use super::*;
use crate::link::scripted::{Scripted, agree, is_negotiate, reply};

fn options() -> IcOptions {
    IcOptions {
        timeout: Duration::from_millis(20),
        ids: TransactionIds::Rising,
        ..IcOptions::real_host(wire::Ic::Kvp)
    }
}

fn ic<F: FnMut(&Packet) -> Vec<Packet> + Send>(answer: F) -> Ic<Scripted<F>> {
    Ic::new(Scripted::new(answer), wire::Ic::Kvp, options())
}

fn right(packet: &Packet) -> Vec<Packet> {
    vec![if is_negotiate(packet) { agree(packet, 5) } else { reply(packet, 0) }]
}

#[tokio::test]
async fn negotiation_then_an_exchange() {
    let mut ic = ic(right);
    assert_eq!(ic.exchange("x", &[0; 8]).await, Err(IcError::NotNegotiated));
    let agreed = ic.negotiate().await.unwrap();
    assert_eq!((agreed.framework, agreed.message), (Version::new(3, 0), Version::new(5, 0)));
    let answer = ic.exchange("x", &[7; 8]).await.unwrap();
    assert_eq!((answer.status.0, answer.body.as_slice()), (0, &[7; 8][..]));
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test]
async fn offers_of_real_hosts_ascend() {
    for kind in wire::Ic::ALL {
        let offer = IcOptions::real_host(kind).offer;
        assert!(offer.framework.is_sorted() && offer.message.is_sorted(), "{kind}");
        assert!(!offer.message.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_the_next_one() {
    let mut silent_once = true;
    let mut ic = ic(move |packet| {
        if is_negotiate(packet) {
            return right(packet);
        }
        if std::mem::take(&mut silent_once) {
            return Vec::new();
        }
        right(packet)
    });
    ic.negotiate().await.unwrap();
    assert_eq!(ic.exchange("slow", &[1]).await, Err(IcError::NoAnswer(Duration::from_millis(20))));
    // Nothing is asked while an answer is owed.
    assert_eq!(ic.exchange("next", &[2]).await, Err(IcError::NoAnswer(Duration::from_millis(20))));
    assert_eq!(ic.link().sent.len(), 2);
    let late = reply(&ic.link().sent[1].clone(), 0x8000_4005);
    ic.link().waiting.push_back(Ok(late));
    assert_eq!(ic.exchange("next", &[2]).await.unwrap().body, [2]);
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test]
async fn late_answers_are_dropped_during_a_renegotiation_and_are_wrong_after_it() {
    let mut ic = ic(|packet| if is_negotiate(packet) { right(packet) } else { Vec::new() });
    ic.negotiate().await.unwrap();
    assert!(ic.exchange("slow", &[1]).await.is_err());
    let late = reply(&ic.link().sent[1].clone(), 0);
    ic.link().waiting.push_back(Ok(late.clone()));
    ic.negotiate().await.unwrap();
    assert_eq!(ic.take_violations(), []);
    ic.link().waiting.push_back(Ok(late));
    assert_eq!(ic.listen().await, Heard::Packet);
    assert_eq!(ic.take_violations()[0].problem, Problem::Unasked);
}

#[tokio::test]
async fn a_fatal_problem_ends_the_service_until_the_channel_is_opened_anew() {
    let mut ic = ic(|packet| {
        let mut answers = right(packet);
        if !is_negotiate(packet) {
            answers[0].payload[24] ^= 1;
        }
        answers
    });
    ic.negotiate().await.unwrap();
    let problem = Problem::TransactionId { sent: 1, got: 0 };
    assert_eq!(ic.exchange("x", &[1]).await, Err(IcError::Dead(problem.clone())));
    assert_eq!(ic.exchange("x", &[1]).await, Err(IcError::Dead(problem.clone())));
    assert_eq!(ic.negotiate().await, Err(IcError::Dead(problem.clone())));
    assert_eq!(ic.link().sent.len(), 2, "nothing more was asked");
    assert_eq!(ic.dead(), Some(&problem));
}

#[tokio::test]
async fn a_guest_that_takes_nothing_is_told_apart_from_one_that_says_nothing() {
    let mut ic = ic(right);
    ic.negotiate().await.unwrap();
    ic.link().full = true;
    assert_eq!(ic.exchange("x", &[1]).await, Err(IcError::NotRead(Duration::from_millis(20))));
    ic.link().full = false;
    assert!(ic.exchange("x", &[1]).await.is_ok(), "what was not sent is not owed");
}

#[tokio::test]
async fn broken_rules_are_not_collected_without_end() {
    let mut ic = ic(right);
    ic.negotiate().await.unwrap();
    for _ in 0..1000 {
        ic.violated("flood", Problem::Unasked);
    }
    assert_eq!(ic.take_violations().len(), MAX_VIOLATIONS);
}

#[tokio::test]
async fn ids_are_zero_like_a_real_hosts_or_rise_past_the_probes() {
    let mut zero = Ic::new(Scripted::new(right), wire::Ic::Kvp, IcOptions::real_host(wire::Ic::Kvp));
    zero.negotiate().await.unwrap();
    for _ in 0..3 {
        let packet = zero.request_packet(&[]).unwrap();
        assert_eq!((packet.header.transaction_id, packet.payload[24]), (0, 0));
    }
    let mut rising = ic(right);
    rising.negotiate().await.unwrap();
    let ids: Vec<u8> = (0..600).map(|_| rising.request_packet(&[]).unwrap().payload[24]).collect();
    assert_eq!(ids[..3], [1, 2, 3]);
    assert!(!ids.contains(&PROBE_ID));
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
}
