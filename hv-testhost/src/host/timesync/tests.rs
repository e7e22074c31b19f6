use hv_utils_core::wire;

use super::*;
use crate::host::ic::IcOptions;
use crate::link::Packet;
use crate::link::scripted::{Scripted, agree, is_negotiate, reply};

type Guest = Scripted<Box<dyn FnMut(&Packet) -> Vec<Packet> + Send>>;

/// A channel to a guest that agrees to `major`.0 and answers with a status, or not at all.
async fn channel(major: u8, status: Option<u32>) -> Ic<Guest> {
    let link: Guest = Scripted::new(Box::new(move |packet| {
        if is_negotiate(packet) {
            return vec![agree(packet, major)];
        }
        status.iter().map(|status| reply(packet, *status)).collect()
    }));
    let mut ic = Ic::new(link, wire::Ic::TimeSync, IcOptions::real_host(wire::Ic::TimeSync));
    ic.negotiate().await.unwrap();
    ic
}

fn verb(line: &str) -> Verb {
    Verb::from_words(line.split(' ')).unwrap()
}

/// This machine's time as a host sends it.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos() / 100).unwrap() + 116_444_736_000_000_000
}

/// This machine's CLOCK_MONOTONIC_RAW in ticks of 100 ns.
fn counter() -> u64 {
    let time = clock_gettime(ClockId::MonotonicRaw);
    u64::try_from(time.tv_sec * 10_000_000 + time.tv_nsec / 100).unwrap()
}

#[tokio::test]
async fn both_layouts_are_those_of_the_description() {
    // 0x0102030405060708 and 0x1112131415161718.
    let times = "--parent 72623859790382856 --reference 1230066625199609624";
    let verb = verb(&format!("sample-time {times} --leap 1 --stratum 15 --flags 131"));
    let mut ic = channel(4, Some(0)).await;
    TimeSync::new(None).verb(&mut ic, &verb).await.unwrap();
    assert_eq!(
        ic.link().sent[1].payload[28..],
        [8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 131, 1, 15, 0, 0, 0, 0, 0]
    );
    let mut ic = channel(3, Some(0)).await;
    TimeSync::new(None).verb(&mut ic, &verb).await.unwrap();
    assert_eq!(
        ic.link().sent[1].payload[28..],
        [8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 131, 0, 0, 0]
    );
}

#[tokio::test]
async fn what_was_sent_is_said_with_its_date() {
    let mut ic = channel(4, Some(0)).await;
    let mut service = TimeSync::new(None);
    let line = "sync-time --parent 134401116996073824 --reference 73720241 --flags 3";
    let said =
        "the guest has taken a SYNC+SAMPLE: parent time 134401116996073824 (2026-11-25T20:21:39.6073824Z)";
    let done = service.verb(&mut ic, &verb(line)).await;
    assert_eq!(done, Ok(Outcome::Done(format!("{said}, reference time 73720241"))));
    let mut ic = channel(3, Some(0)).await;
    assert_eq!(service.verb(&mut ic, &verb(line)).await, Ok(Outcome::Done(said.to_owned())));
}

#[test]
fn flags_have_names_and_what_nobody_knows_is_a_number() {
    let cases = [
        (0, "PROBE"),
        (1, "SYNC"),
        (2, "SAMPLE"),
        (3, "SYNC+SAMPLE"),
        (0x84, "PROBE+0x84"),
        (0xff, "SYNC+SAMPLE+0xfc"),
    ];
    for (flags, name) in cases {
        assert_eq!(purpose(flags), name);
    }
}

#[tokio::test]
async fn a_request_carries_this_machines_time_shifted_and_the_reference_as_given() {
    let mut ic = channel(4, Some(0)).await;
    let mut service = TimeSync::new(None);
    let before = now();
    service.verb(&mut ic, &verb("sync-time --offset -3600.5 --reference 77")).await.unwrap();
    let after = now();
    let payload = &ic.link().sent[1].payload;
    assert_eq!(
        payload[..28],
        [
            0x01, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x04,
            0x00, //
            0x00, 0x00, 0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
        ]
    );
    let parent = u64::from_le_bytes(payload[28..36].try_into().unwrap()) + 36_005_000_000;
    assert!((before..=after).contains(&parent), "{before} {parent} {after}");
    assert_eq!(payload[36..], [77, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    // 2020-01-01 is 132223104000000000, 2200-01-01 is 189044064000000000.
    assert!((132_223_104_000_000_000..189_044_064_000_000_000).contains(&before));
    service.verb(&mut ic, &verb("sample-time")).await.unwrap();
    assert_eq!(ic.link().sent[2].payload[44], 2);
}

#[tokio::test]
async fn a_host_whose_clock_is_ahead_is_so_in_all_its_times_but_not_in_its_reference() {
    let mut ic = channel(4, Some(0)).await;
    ic.link().here = true;
    let mut service = TimeSync::new(Some(Duration::from_secs(5))).with_offset("3600".parse().unwrap());
    let before = (now(), counter());
    service.negotiated(&mut ic).await.unwrap();
    service.tick(&mut ic).await.unwrap();
    service.verb(&mut ic, &verb("sync-time --offset 0.5")).await.unwrap();
    let after = (now(), counter());
    let number =
        |packet: &Packet, at: usize| u64::from_le_bytes(packet.payload[at..at + 8].try_into().unwrap());
    for (packet, ahead) in ic.link().sent[1..].iter().zip([36_000_000_000, 36_000_000_000, 36_005_000_000]) {
        let parent = number(packet, 28) - ahead;
        assert!((before.0..=after.0).contains(&parent), "{before:?} {parent} {after:?}");
        let reference = number(packet, 36);
        assert!((before.1..=after.1).contains(&reference), "{before:?} {reference} {after:?}");
    }
}

#[test]
fn a_hosts_clock_is_not_set_before_its_beginning() {
    assert_eq!(offset("-3600.5"), Ok(Ticks(-36_005_000_000)));
    assert_eq!(offset("-30000000000").unwrap_err(), BEFORE_1601);
    assert!(offset("soon").unwrap_err().contains("not a number of seconds"));
}

#[tokio::test(start_paused = true)]
async fn the_reference_of_another_machine_is_the_time_since_its_guest_was_met() {
    let mut ic = channel(4, Some(0)).await;
    let mut service = TimeSync::new(Some(Duration::from_secs(5)));
    service.negotiated(&mut ic).await.unwrap();
    tokio::time::advance(Duration::from_secs(3)).await;
    service.tick(&mut ic).await.unwrap();
    let reference = |packet: &Packet| u64::from_le_bytes(packet.payload[36..44].try_into().unwrap());
    let sent: Vec<(u8, u64)> =
        ic.link().sent[1..].iter().map(|packet| (packet.payload[44], reference(packet))).collect();
    assert_eq!(sent, [(1, 0), (2, 30_000_000)]);
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_there_are_no_more_samples_until_the_next_negotiation() {
    let mut ic = channel(4, None).await;
    let mut service = TimeSync::new(Some(Duration::from_secs(5)));
    assert!(matches!(service.negotiated(&mut ic).await, Err(Failure::NoAnswer(_))));
    service.tick(&mut ic).await.unwrap();
    service.tick(&mut ic).await.unwrap();
    assert_eq!(ic.link().sent.len(), 2, "NEGOTIATE and one SYNC");
    ic.negotiate().await.unwrap();
    assert!(service.negotiated(&mut ic).await.is_err());
    assert_eq!(ic.link().sent.len(), 4);
}

#[tokio::test]
async fn a_guest_that_refuses_an_unasked_time_is_noted_and_goes_on_getting_it() {
    let mut ic = channel(4, Some(0x8000_4005)).await;
    let mut service = TimeSync::new(Some(Duration::from_secs(5)));
    service.negotiated(&mut ic).await.unwrap();
    service.tick(&mut ic).await.unwrap();
    let said = |what| format!("the guest refused to take a {what}: 0x80004005 (failure)");
    assert_eq!(service.take_notes(), [said("SYNC"), said("SAMPLE")]);
    let asked = service.verb(&mut ic, &verb("sync-time")).await;
    assert!(matches!(asked, Err(Failure::Refused { .. })));
}

#[tokio::test]
async fn nothing_is_sent_unasked_where_that_is_not_wanted() {
    let mut ic = channel(4, Some(0)).await;
    let mut service = TimeSync::new(None);
    service.negotiated(&mut ic).await.unwrap();
    assert_eq!((service.period(), ic.link().sent.len()), (None, 1));
}

#[tokio::test]
async fn a_time_before_1601_is_refused() {
    let mut ic = channel(4, Some(0)).await;
    let refused = TimeSync::new(None).verb(&mut ic, &verb("sync-time --offset -30000000000")).await;
    assert!(matches!(refused, Err(Failure::Usage(_))), "{refused:?}");
    assert_eq!(ic.link().sent.len(), 1);
}
