//! What is read: types to the letter, values as published.

use super::*;

async fn read(setup: &Setup, property: &str) -> (String, String) {
    let reply = setup
        .client
        .call_method(
            Some(SHUTDOWN1),
            PATH,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(SHUTDOWN1, property),
        )
        .await
        .unwrap();
    let body = reply.body();
    let value: zbus::Variant<'_> = body.deserialize().unwrap();
    (value.value_signature().to_string(), value.to_string())
}

#[test]
fn at_first_there_is_nothing() {
    run(async {
        let Some(setup) = Setup::start("at_first_there_is_nothing").await else { return };
        for (property, signature, value) in [
            ("Pending", "b", "false"),
            ("LastRequest", "(tsbuus)", "(uint64 0, \"\", false, uint32 0, uint32 0, \"\")"),
            ("Outcome", "s", "\"\""),
            ("Inhibitors", "a(ssut)", "@a(ssut) []"),
            ("CanHibernate", "(bs)", "(true, \"\")"),
        ] {
            assert_eq!(read(&setup, property).await, (signature.to_owned(), value.to_owned()));
        }
        let rows: Vec<(u64, String, bool, u32, u32, String, String)> =
            setup.proxy().await.call("History", &()).await.unwrap();
        assert_eq!(rows, []);
    });
}

#[test]
fn everything_is_shown_as_it_is_and_no_nul_ends_the_connection() {
    run(async {
        let Some(setup) = Setup::start("everything_is_shown_as_it_is").await else { return };
        setup.board.publish(everything());
        let _end = setup.inhibitors.take("backup", "writes", 7).unwrap();
        let since = setup.inhibitors.held()[0].since;
        let inhibitors = format!("[(\"backup\", \"writes\", uint32 7, uint64 {since})]");
        for (property, value) in [
            ("Pending", "true"),
            ("LastRequest", "(uint64 5, \"hibernate\", true, uint32 2147745794, uint32 60, \"bye\u{fffd}\")"),
            ("Outcome", "\"begun by logind\""),
            ("Inhibitors", &inhibitors),
        ] {
            assert_eq!(read(&setup, property).await.1, value);
        }
        assert!(!setup.daemon.is_closed());
    });
}

#[test]
fn the_history_is_told_oldest_first() {
    run(async {
        let Some(setup) = Setup::start("the_history_is_told_oldest_first").await else { return };
        setup.history.push(row(1));
        setup.history.push(Row { outcome: "refused: \0".to_owned(), ..row(2) });
        let rows: Vec<(u64, String, bool, u32, u32, String, String)> =
            setup.proxy().await.call("History", &()).await.unwrap();
        let shown = |when, outcome: &str| {
            let (action, text) = ("hibernate".to_owned(), "bye\u{fffd}".to_owned());
            (when, action, true, 0x8004_0002, 60, text, outcome.to_owned())
        };
        assert_eq!(rows, [shown(1, "begun by logind"), shown(2, "refused: \u{fffd}")]);
    });
}

#[test]
fn why_the_guest_cannot_hibernate_is_said() {
    run(async {
        let capable = Capable::new(|| async { Err("no swap".to_owned()) });
        let Some(setup) = Setup::with("why_the_guest_cannot_hibernate_is_said", capable).await else {
            return;
        };
        assert_eq!(read(&setup, "CanHibernate").await.1, "(false, \"no swap\")");
    });
}

#[test]
fn who_never_says_whether_it_can_does_not_hold_up_who_asks() {
    run(async {
        let capable = Capable::new(std::future::pending);
        let Some(setup) = Setup::with("who_never_says", capable).await else { return };
        assert!(read(&setup, "CanHibernate").await.1.starts_with("(false, \"nobody has said in time"));
    });
}
