//! Signals: what is told of properties, and the request before anything is done about it.

use futures_util::StreamExt as _;
use zbus::fdo::PropertiesProxy;

use super::*;

#[test]
fn what_differs_is_told_and_nothing_else() {
    run(async {
        let Some(setup) = Setup::start("what_differs_is_told").await else { return };
        let properties = PropertiesProxy::new(&setup.client, SHUTDOWN1, PATH).await.unwrap();
        let mut changes = properties.receive_properties_changed().await.unwrap();
        let mut changed = async || {
            let change = changes.next().await.unwrap();
            let arguments = change.args().unwrap();
            assert_eq!(arguments.interface_name, SHUTDOWN1);
            let told = arguments.changed_properties.iter();
            let mut told: Vec<_> = told.map(|(name, value)| format!("{name} {value}")).collect();
            told.sort();
            told
        };
        let asked = Row { outcome: String::new(), ..row(5) };
        setup.board.publish(Shown { last: Some(asked), ..everything() });
        let last = "(uint64 5, \"hibernate\", true, uint32 2147745794, uint32 60, \"bye\u{fffd}\")";
        assert_eq!(changed().await, [format!("LastRequest {last}"), "Pending true".to_owned()]);
        setup.board.publish(everything());
        assert_eq!(changed().await, ["Outcome \"begun by logind\""]);
        // What is not on the bus is not told.
        setup.board.publish(Shown { kernel: false, ..everything() });
        setup.board.publish(Shown { pending: false, kernel: false, ..everything() });
        assert_eq!(changed().await, ["Pending false"]);
        let end = setup.inhibitors.take("backup", "writes", 7).unwrap();
        let since = setup.inhibitors.held()[0].since;
        let told = format!("Inhibitors [(\"backup\", \"writes\", uint32 7, uint64 {since})]");
        assert_eq!(changed().await, [told]);
        drop(end);
        assert_eq!(changed().await, ["Inhibitors @a(ssut) []"]);
    });
}

#[test]
fn a_request_is_announced_with_all_its_fields() {
    run(async {
        let Some(setup) = Setup::start("a_request_is_announced").await else { return };
        let mut signals = setup.proxy().await.receive_all_signals().await.unwrap();
        announce(&setup.daemon, PATH, &row(7)).await;
        let message = signals.next().await.unwrap();
        assert_eq!(message.header().member().unwrap().as_str(), "Requested");
        let body = message.body();
        assert_eq!(body.signature().to_string(), "(tsbuus)");
        let told: (u64, String, bool, u32, u32, String) = body.deserialize().unwrap();
        assert_eq!(told, (7, "hibernate".to_owned(), true, 0x8004_0002, 60, "bye\u{fffd}".to_owned()));
    });
}

#[test]
fn a_bus_that_is_gone_holds_up_no_request() {
    run(async {
        let Some(mut setup) = Setup::start("a_bus_that_is_gone").await else { return };
        setup.bus.stop();
        announce(&setup.daemon, PATH, &row(7)).await;
    });
}
