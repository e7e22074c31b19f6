//! A record as a dictionary, and what of two histories is news. The interface on a bus is tested with the whole daemon.

use hv_utils_core::netapply::Injection;

use super::*;

fn record(time: u64, outcome: Outcome) -> Record {
    let servers = Plan { dns: Some(vec!["192.0.2.53".parse().unwrap()]), ..Plan::default() };
    Record {
        time,
        settled: time,
        interface: String::new(),
        backend: String::new(),
        injection: Injection { adapter: "a".to_owned(), ipv4: servers.clone(), ipv6: servers },
        outcome,
        message: String::new(),
    }
}

fn history(records: &[Record]) -> History {
    History { records: records.to_vec() }
}

#[test]
fn every_record_has_the_same_keys() {
    let mut keys: Vec<_> = dict(&record(1, Outcome::Pending)).into_keys().collect();
    keys.sort_unstable();
    let expected = [
        "adapter",
        "addresses",
        "backend",
        "dns",
        "gateways",
        "interface",
        "ipv4",
        "ipv6",
        "message",
        "outcome",
        "pending",
        "settled",
        "time",
    ];
    assert_eq!(keys, expected);
    let shown = dict(&record(1, Outcome::Pending));
    assert_eq!((&shown["pending"], &shown["ipv4"]), (&Variant::from(true), &Variant::from("keep")));
    assert_eq!(shown["dns"], Variant::from(vec!["192.0.2.53", "192.0.2.53"]));
}

#[test]
fn what_is_new_or_different_is_news_and_what_is_forgotten_is_none() {
    let (first, second) = (record(1, Outcome::Applied), record(2, Outcome::Pending));
    let other = Record { outcome: Outcome::Applied, ..second.clone() };
    let before = history(&[first.clone(), second.clone()]);
    assert_eq!(changed(&History::default(), &before), [&first, &second]);
    assert!(changed(&before, &before).is_empty());
    assert_eq!(changed(&before, &history(&[first.clone(), other.clone()])), [&other]);
    assert!(changed(&before, &history(&[second])).is_empty());
    assert!(changed(&before, &History::default()).is_empty());
}

#[test]
fn nothing_stands_in_an_empty_history() {
    assert!(standing(&History::default()).is_empty());
    assert!(standing(&history(&[record(1, Outcome::Reverted), record(2, Outcome::Failed)])).is_empty());
    let stands = standing(&history(&[record(1, Outcome::Pending), record(2, Outcome::Failed)]));
    assert_eq!(stands["time"], Variant::from(1_u64));
}
