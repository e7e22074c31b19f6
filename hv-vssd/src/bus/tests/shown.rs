//! Properties, their types to the letter, and the signals: each once, and none lost.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use zbus::fdo::PropertiesProxy;
use zbus::wire::OwnedVariant;

use super::*;
use crate::history::tests::report;
use crate::report::{Cause, FreezeReport, Origin};

/// Name, type and value of every property, in the order of names.
async fn properties(setup: &Setup) -> Vec<[String; 3]> {
    let proxy = PropertiesProxy::new(&setup.client, VSS1, PATH).await.unwrap();
    let all = proxy.get_all(VSS1.try_into().unwrap()).await.unwrap();
    let mut rows: Vec<_> = all
        .into_iter()
        .map(|(name, value)| [name, value.value_signature().to_string(), value.to_string()])
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn properties_are_what_the_service_shows() {
    let Some(setup) = Setup::start("properties_are_what_the_service_shows").await else { return };
    let expected = [
        ["Deadline", "t", "uint64 0"],
        ["FrozenMounts", "as", "@as []"],
        ["FrozenSince", "t", "uint64 0"],
        ["LastFreeze", "(ttsa(ssts))", "(uint64 0, uint64 0, \"\", @a(ssts) [])"],
        ["Origin", "s", "\"\""],
        ["State", "s", "\"thawed\""],
    ];
    assert_eq!(properties(&setup).await, expected);
    let last = Some(Arc::new(report(5)));
    setup.desk.shown.send_replace(Shown { last, origin: Some(Origin::Host), ..frozen(1000) });
    let expected = [
        ["Deadline", "t", "uint64 120001000"],
        ["FrozenMounts", "as", "[\"/srv\", \"/\"]"],
        ["FrozenSince", "t", "uint64 1000"],
        [
            "LastFreeze",
            "(ttsa(ssts))",
            "(uint64 5, uint64 7000, \"frozen\", [(\"/srv\", \"ext4\", uint64 3, \"frozen\")])",
        ],
        ["Origin", "s", "\"host\""],
        ["State", "s", "\"frozen\""],
    ];
    assert_eq!(properties(&setup).await, expected);
}

#[tokio::test]
async fn states_have_their_words() {
    let Some(setup) = Setup::start("states_have_their_words").await else { return };
    let proxy = setup.proxy().await;
    for (state, word) in [
        (ShownState::Thawed, "thawed"),
        (ShownState::Freezing, "freezing"),
        (ShownState::Frozen, "frozen"),
        (ShownState::Thawing, "thawing"),
        (ShownState::Failed, "failed"),
    ] {
        setup.desk.shown.send_replace(Shown { state, ..Shown::default() });
        assert_eq!(proxy.get_property::<String>("State").await.unwrap(), word);
    }
}

#[tokio::test]
async fn history_has_every_freeze_with_all_its_keys_the_oldest_first() {
    let Some(setup) = Setup::start("history_has_every_freeze_with_all_its_keys").await else { return };
    setup.history.push(report(1));
    let mut bare = FreezeReport { origin: Origin::Bus, cause: Cause::Deadline, ..report(2) };
    bare.filesystems.clear();
    bare.hooks.clear();
    setup.history.push(bare);
    let reply = setup.call("History", &()).await.unwrap();
    let body = reply.body();
    assert_eq!(body.signature().to_string(), "aa{sv}");
    let records: Vec<HashMap<String, OwnedVariant>> = body.deserialize().unwrap();
    let shown = |record: &HashMap<String, OwnedVariant>| {
        let row = |(name, value): (&String, &OwnedVariant)| {
            format!("{name} {} {}", value.value_signature(), &**value)
        };
        let mut rows: Vec<_> = record.iter().map(row).collect();
        rows.sort();
        rows
    };
    let expected = [
        "answered-us t uint64 9000",
        "cause s \"host\"",
        "filesystems a(ssttts) [(\"/srv\", \"ext4\", uint64 1, uint64 2, uint64 3, \"frozen\")]",
        "frozen-us t uint64 7000",
        "hooks a(sstss) [(\"50-database\", \"freeze\", uint64 4, \"ok\", \"ready\\n\")]",
        "origin s \"host\"",
        "result s \"frozen\"",
        "started t uint64 1",
    ];
    assert_eq!(shown(&records[0]), expected);
    let second = shown(&records[1]);
    for row in [
        "cause s \"deadline\"",
        "filesystems a(ssttts) @a(ssttts) []",
        "hooks a(sstss) @a(sstss) []",
        "origin s \"bus\"",
    ] {
        assert!(second.contains(&row.to_owned()), "{row}: {second:?}");
    }
}

#[tokio::test]
async fn nul_in_what_a_hook_wrote_does_not_end_the_connection() {
    let Some(setup) = Setup::start("nul_in_what_a_hook_wrote").await else { return };
    let mut report = report(1);
    report.hooks[0].output = "a\0b".to_owned();
    report.result = "\0".to_owned();
    report.filesystems[0].mount = "/\0".to_owned();
    setup.history.push(report.clone());
    setup.desk.shown.send_replace(Shown { last: Some(Arc::new(report)), ..frozen(1) });
    let reply = setup.call("History", &()).await.unwrap();
    let records: Vec<HashMap<String, OwnedVariant>> = reply.body().deserialize().unwrap();
    assert!(records[0]["hooks"].to_string().contains("a\u{fffd}b"));
    assert!(properties(&setup).await[3][2].contains("\u{fffd}"));
    assert!(!setup.daemon.is_closed());
}

#[tokio::test]
async fn each_change_is_one_signal_and_so_is_each_freeze_and_each_thaw() {
    let Some(setup) = Setup::start("each_change_is_one_signal").await else { return };
    let proxy = setup.proxy().await;
    let mut signals = proxy.receive_all_signals().await.unwrap();
    let properties = PropertiesProxy::new(&setup.client, VSS1, PATH).await.unwrap();
    let mut changes = properties.receive_properties_changed().await.unwrap();
    let mut changed = async || {
        let change = changes.next().await.unwrap();
        let arguments = change.args().unwrap();
        assert_eq!(arguments.interface_name, VSS1);
        assert!(arguments.invalidated_properties.is_empty());
        let mut names: Vec<_> = arguments.changed_properties.keys().map(ToString::to_string).collect();
        names.sort();
        names.join(" ")
    };
    let show = |shown: Shown| drop(setup.desk.shown.send_replace(shown));

    show(Shown { state: ShownState::Freezing, origin: Some(Origin::Bus), ..Shown::default() });
    assert_eq!(changed().await, "Origin State");
    // A freeze of nothing is none to have come about, nor to have been thawed.
    show(Shown { frozen_mounts: Arc::new([]), origin: Some(Origin::Bus), ..frozen(500) });
    assert_eq!(changed().await, "Deadline FrozenSince State");
    let nothing = FreezeReport { frozen_us: 0, ..report(500) };
    show(Shown { last: Some(Arc::new(nothing)), ..Shown::default() });
    assert_eq!(changed().await, "Deadline FrozenSince LastFreeze Origin State");
    show(Shown { state: ShownState::Freezing, ..Shown::default() });
    assert_eq!(changed().await, "LastFreeze State");
    show(frozen(1000));
    assert_eq!(changed().await, "Deadline FrozenMounts FrozenSince State");
    show(Shown { state: ShownState::Thawing, ..Shown::default() });
    assert_eq!(changed().await, "Deadline FrozenMounts FrozenSince State");
    let over = Shown { last: Some(Arc::new(report(1000))), ..Shown::default() };
    show(over.clone());
    assert_eq!(changed().await, "LastFreeze State");
    // The same again is no news; a freeze that froze nothing is none to have been thawed.
    show(over);
    let failed = FreezeReport { frozen_us: 0, ..report(2000) };
    show(Shown { state: ShownState::Failed, last: Some(Arc::new(failed)), ..Shown::default() });
    assert_eq!(changed().await, "LastFreeze State");
    // The last: what comes after it shows that nothing came between.
    show(frozen(3000));

    let mut next = async || {
        let message = signals.next().await.unwrap();
        let header = message.header();
        (header.member().unwrap().to_string(), message.body().signature().to_string(), message)
    };
    let (member, signature, message) = next().await;
    assert_eq!((member.as_str(), signature.as_str()), ("Frozen", "as"));
    assert_eq!(message.body().deserialize::<Vec<String>>().unwrap(), ["/srv", "/"]);
    let (member, signature, message) = next().await;
    assert_eq!((member.as_str(), signature.as_str()), ("Thawed", "(ts)"));
    assert_eq!(message.body().deserialize::<(u64, String)>().unwrap(), (7000, "host".to_owned()));
    assert_eq!(next().await.0, "Frozen");
}

#[tokio::test]
async fn thawed_is_told_though_frozen_was_over_too_soon_to_be() {
    let Some(setup) = Setup::start("thawed_is_told_though_frozen_was_over_too_soon").await else { return };
    let proxy = setup.proxy().await;
    let mut signals = proxy.receive_all_signals().await.unwrap();
    // Without giving the publisher a turn.
    setup.desk.shown.send_replace(frozen(1000));
    let last = Some(Arc::new(FreezeReport { cause: Cause::Guardian, ..report(1000) }));
    setup.desk.shown.send_replace(Shown { last, ..Shown::default() });
    let message = signals.next().await.unwrap();
    assert_eq!(message.header().member().unwrap().as_str(), "Thawed");
    assert_eq!(message.body().deserialize::<(u64, String)>().unwrap(), (7000, "guardian".to_owned()));
}
