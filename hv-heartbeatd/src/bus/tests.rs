//! Heartbeat1 on a private bus: described as in `dbus`, and announced.

use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::fdo::PropertiesProxy;
use zbus::{Connection, connection};

use hv_utils_core::bus::Authority;
use hv_utils_core::testing::described::{introspect, members, repository};
use hv_utils_core::wire::heartbeat::ApplicationState;

use super::support::PrivateBus;
use super::*;
use crate::engine::Source;

const PATH: &str = "/org/hvutils/Heartbeat1";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// The object on a bus, and a client of it.
struct Setup {
    client: Connection,
    board: Board,
    _daemon: Connection,
    _publisher: Publisher,
    _bus: PrivateBus,
}

impl Setup {
    /// `None` where there is no dbus-daemon.
    async fn start(test: &str) -> Option<Setup> {
        let _bus = PrivateBus::start(test)?;
        let (board, _) = Board::new();
        let object = Heartbeat1::new(board.clone(), Authority::new(), 1);
        let address = _bus.address();
        let builder = connection::Builder::address(address.as_str()).serve_at(PATH, object);
        let _daemon = builder.name(HEARTBEAT1).build().await.unwrap();
        let _publisher = Publisher::start(_daemon.clone(), PATH, &board);
        let client = connection::Builder::address(address.as_str()).build().await.unwrap();
        Some(Setup { client, board, _daemon, _publisher, _bus })
    }
}

#[test]
fn description_is_that_of_the_object() {
    run(async {
        let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
        let live = members(&introspect(&setup.client, HEARTBEAT1, PATH).await, HEARTBEAT1);
        let expected = [
            "method SetApplicationState state:s why:s",
            "method WithdrawApplicationState",
            "property ApplicationState s read",
            "property Sequence t read false",
            "property Sources a(sss) read",
        ];
        assert_eq!(live, expected);
        assert_eq!(live, members(&repository("dbus/org.hvutils.Heartbeat1.xml"), HEARTBEAT1));
    });
}

#[test]
fn states_and_sources_are_announced_and_heartbeats_are_not() {
    run(async {
        let Some(setup) = Setup::start("states_and_sources_are_announced").await else { return };
        let properties = PropertiesProxy::new(&setup.client, HEARTBEAT1, PATH).await.unwrap();
        let mut changes = properties.receive_properties_changed().await.unwrap();
        let mut changed = async || {
            let change = changes.next().await.unwrap();
            let arguments = change.args().unwrap();
            let told = arguments.changed_properties.iter();
            let mut told: Vec<_> = told.map(|(name, value)| format!("{name} {value}")).collect();
            told.sort();
            told
        };
        let (name, why) = ("a.service".to_owned(), "not\0well".to_owned());
        let state = ApplicationState::Critical;
        let shown = Shown { state, sources: vec![Source { name, state, why }], ..Shown::default() };
        setup.board.publish(shown.clone());
        let expected =
            ["ApplicationState \"critical\"", "Sources [(\"a.service\", \"critical\", \"not well\")]"];
        assert_eq!(changed().await, expected);
        for number in 0..100 {
            setup.board.count(number);
            setup.board.publish(Shown { reporting: Reporting::Off, ..shown.clone() });
            tokio::task::yield_now().await;
        }
        // What comes next shows that nothing came between.
        setup.board.publish(Shown { sources: Vec::new(), ..shown.clone() });
        assert_eq!(changed().await, ["Sources @a(sss) []"]);
    });
}
