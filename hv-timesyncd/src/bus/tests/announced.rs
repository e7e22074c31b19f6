//! Signals: what is told of properties, and each sample and step in order.

use futures_util::StreamExt as _;
use zbus::fdo::PropertiesProxy;

use super::*;

#[test]
fn only_what_does_not_differ_with_every_sample_is_told() {
    run(async {
        let Some(setup) = Setup::start("only_what_does_not_differ").await else { return };
        let properties = PropertiesProxy::new(&setup.client, TIMESYNC1, PATH).await.unwrap();
        let mut changes = properties.receive_properties_changed().await.unwrap();
        let mut changed = async || {
            let change = changes.next().await.unwrap();
            let arguments = change.args().unwrap();
            assert_eq!(arguments.interface_name, TIMESYNC1);
            assert!(arguments.invalidated_properties.is_empty());
            let told = arguments.changed_properties.iter();
            let mut told: Vec<_> = told.map(|(name, value)| format!("{name} {value}")).collect();
            told.sort();
            told
        };
        setup.board.publish(everything());
        let all = [
            "Clients [\"chrony\", \"systemd-timesyncd\"]",
            "Fed [\"chrony:/run/chrony.hv.sock\", \"shm:2\"]",
            "Mode \"refclock\"",
            "Ruler \"chrony\"",
            "Source \"least-delay\"",
        ];
        assert_eq!(changed().await, all);
        for offset in 0..100 {
            setup.board.publish(Shown { offset, ..everything() });
            tokio::task::yield_now().await;
        }
        // What comes next shows that nothing came between.
        setup.board.publish(Shown { ruler: Ruler::Kernel, ..everything() });
        assert_eq!(changed().await, ["Ruler \"kernel\""]);
    });
}

#[test]
fn each_sample_and_each_step_is_told_in_order() {
    run(async {
        let Some(setup) = Setup::start("each_sample_and_each_step").await else { return };
        let mut signals = setup.proxy().await.receive_all_signals().await.unwrap();
        let mut next = async || {
            let message = signals.next().await.unwrap();
            let header = message.header();
            (header.member().unwrap().to_string(), message.body().signature().to_string(), message)
        };
        setup.board.sampled(row(7));
        setup.board.stepped(-5, "a reason\0");
        setup.board.sampled(Row { verdict: Verdict::Outlier, ..row(8) });
        let (member, signature, message) = next().await;
        assert_eq!((member.as_str(), signature.as_str()), ("Sampled", "(txxs)"));
        let sampled: (u64, i64, i64, String) = message.body().deserialize().unwrap();
        assert_eq!(sampled, (7, -12_345, 40_000, "used".to_owned()));
        let (member, signature, message) = next().await;
        assert_eq!((member.as_str(), signature.as_str()), ("Stepped", "(xs)"));
        let stepped: (i64, String) = message.body().deserialize().unwrap();
        assert_eq!(stepped, (-5, "a reason\u{fffd}".to_owned()));
        let (_, _, message) = next().await;
        let sampled: (u64, i64, i64, String) = message.body().deserialize().unwrap();
        assert_eq!(sampled, (8, -12_345, 40_000, "outlier".to_owned()));
    });
}

#[test]
fn on_another_bus_only_what_happens_from_then_on_is_told() {
    run(async {
        let Some(mut setup) = Setup::start("on_another_bus").await else { return };
        let other = PrivateBus::start("on_another_bus").unwrap();
        let connect = async || Builder::address(other.address().as_str()).build().await.unwrap();
        let (daemon, client) = (connect().await, connect().await);
        let mut signals = zbus::MessageStream::for_match_rule(
            zbus::MatchRule::builder().interface(TIMESYNC1).build().unwrap(),
            &client,
            None,
        )
        .await
        .unwrap();
        // Without giving the publisher a turn.
        setup.board.sampled(row(1));
        setup._publisher = Publisher::start(daemon, PATH, setup.board.clone());
        setup.board.sampled(row(2));
        let message = signals.next().await.unwrap().unwrap();
        let sampled: (u64, i64, i64, String) = message.body().deserialize().unwrap();
        assert_eq!(sampled.0, 2);
    });
}
