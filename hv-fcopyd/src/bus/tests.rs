//! FileCopy1 on a private bus, with a service that is this test: what is shown, to the letter of its types, and what is
//! announced.

use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::connection::Builder;
use zbus::{Connection, MessageStream, Proxy};

use super::support::PrivateBus;
use super::*;
use crate::history::Row;

const PATH: &str = "/org/hvutils/FileCopy1";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

fn active(id: u64, size: u64) -> Active {
    Active { id, target: format!("/srv/in/{id}"), size }
}

fn row(when: u64, result: &str) -> Row {
    Row { when, target: "/srv/in/日本".to_owned(), size: 7, result: result.to_owned() }
}

/// The object on a bus, a client of it, and the service's end of the line.
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
        let board = Board::default();
        // What was before there was a bus is shown, but not announced.
        board.finished(None, row(1, "ok"));
        board.configured(true, vec!["/srv/in".to_owned()]);
        let daemon = Builder::address(_bus.address().as_str()).serve_at(PATH, FileCopy1::new(board.clone()));
        let _daemon = daemon.name(FILECOPY1).build().await.unwrap();
        let _publisher = Publisher::start(_daemon.clone(), PATH, board.clone());
        let client = Builder::address(_bus.address().as_str()).build().await.unwrap();
        Some(Setup { client, board, _daemon, _publisher, _bus })
    }

    async fn proxy(&self) -> Proxy<'static> {
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&self.client);
        let builder = builder.destination(FILECOPY1).path(PATH).interface(FILECOPY1);
        builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
    }

    /// Signals of the object from now on.
    async fn signals(&self) -> MessageStream {
        let rule =
            zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).path(PATH).build().unwrap();
        MessageStream::for_match_rule(rule, &self.client, std::num::NonZero::new(64)).await.unwrap()
    }
}

async fn next(stream: &mut MessageStream) -> String {
    let message = stream.next().await.unwrap().unwrap();
    let name = message.header().member().unwrap().to_string();
    let body = message.body();
    let signature = body.signature().to_string();
    match name.as_str() {
        "Started" => format!("{name} {signature} {:?}", body.deserialize::<(String, u64)>().unwrap()),
        "Finished" => {
            format!("{name} {signature} {:?}", body.deserialize::<(String, u64, String)>().unwrap())
        }
        _ => {
            type Changed<'a> = (String, std::collections::HashMap<String, zbus::Variant<'a>>, Vec<String>);
            let (_, changed, _) = body.deserialize::<Changed<'_>>().unwrap();
            let mut names: Vec<_> = changed.iter().map(|(key, value)| format!("{key}={value}")).collect();
            names.sort();
            names.join(" ")
        }
    }
}

#[test]
fn everything_is_shown_as_it_is() {
    run(async {
        let Some(setup) = Setup::start("everything_is_shown_as_it_is").await else { return };
        let proxy = setup.proxy().await;
        assert!(proxy.get_property::<bool>("Enabled").await.unwrap());
        assert_eq!(proxy.get_property::<Vec<String>>("Roots").await.unwrap(), ["/srv/in"]);
        type Shown = (String, u64, u64, u32);
        assert_eq!(proxy.get_property::<Shown>("Active").await.unwrap(), (String::new(), 0, 0, 0));
        let big = u64::MAX;
        for (size, done, shown, percent) in [
            (0, 0, 0, 100),
            (1000, 999, 999, 99),
            (1000, 1000, 1000, 100),
            (10, 11, 10, 100),
            (big, big / 2, big / 2, 49),
        ] {
            setup.board.started(active(1, size));
            setup.board.progressed(done);
            let expected = ("/srv/in/1".to_owned(), size, shown, percent);
            assert_eq!(proxy.get_property::<Shown>("Active").await.unwrap(), expected);
        }
        setup.board.finished(Some(1), row(2, "0x80070070 (disk full): full"));
        let history: Vec<(u64, String, u64, String)> = proxy.call("History", &()).await.unwrap();
        let results: Vec<_> =
            history.iter().map(|row| (row.0, row.1.as_str(), row.2, row.3.as_str())).collect();
        let target = "/srv/in/日本";
        assert_eq!(results, [(1, target, 7, "ok"), (2, target, 7, "0x80070070 (disk full): full")]);
    });
}

#[test]
fn copy_is_announced_at_its_begin_on_its_way_and_at_its_end() {
    run(async {
        let Some(setup) = Setup::start("copy_is_announced").await else { return };
        let mut signals = setup.signals().await;
        setup.board.started(active(1, 100));
        assert_eq!(next(&mut signals).await, "Started (st) (\"/srv/in/1\", 100)");
        let changed = next(&mut signals).await;
        assert!(changed.contains("\"/srv/in/1\"") && changed.contains("100"), "{changed}");
        // Many steps, and one announcement of them all.
        for done in 0..=50 {
            setup.board.progressed(done);
        }
        let changed = next(&mut signals).await;
        assert!(changed.starts_with("Active=") && changed.contains("50"), "{changed}");
        setup.board.finished(Some(1), row(3, "ok"));
        assert_eq!(next(&mut signals).await, "Finished (sts) (\"/srv/in/日本\", 7, \"ok\")");
        let changed = next(&mut signals).await;
        assert!(changed.starts_with("Active=") && changed.contains("\"\""), "{changed}");
        setup.board.configured(false, vec!["/".to_owned()]);
        let changed = next(&mut signals).await;
        assert_eq!(changed, "Enabled=false Roots=[\"/\"]");
    });
}
