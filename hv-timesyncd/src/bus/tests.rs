//! TimeSync1 on a private bus, with a service that is this test: what is shown, to the letter of its types, and what is
//! announced.

mod announced;
mod described;
mod shown;

use std::time::Duration;

use zbus::connection::Builder;
use zbus::{Connection, Proxy};

use super::support::PrivateBus;
use super::*;
use crate::engine::Verdict;
use crate::ruler::{Client, Clients, Mode, Ruler};
use crate::sample::{Method, Purpose};

const PATH: &str = "/org/hvutils/TimeSync1";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A sample that arrived then.
pub(super) fn row(when: u64) -> Row {
    Row {
        when,
        offset: -12_345,
        delay: 40_000,
        error: 1_000,
        purpose: Purpose::Sample,
        method: Method::ReferenceCounter,
        verdict: Verdict::Used,
    }
}

/// Nothing as it is at the start.
pub(super) fn everything() -> Shown {
    Shown {
        mode: Mode::Refclock,
        ruler: Ruler::Client(Client::Chrony),
        clients: Clients::NONE.with(Client::Timesyncd, true).with(Client::Chrony, true),
        offset: -12_000,
        jitter: 900,
        frequency: -11.5,
        error: 2_000,
        method: Some(Method::LeastDelay),
        last_sample: Some(Row { purpose: Purpose::Sync, ..row(5_000_000) }),
        last_action: Some(LastAction {
            when: 4_000_000,
            what: "step",
            ns: -3_600_000_000_000,
            why: "the host said so".to_owned(),
        }),
        last_step: Some(LastAction { when: 3_000_000, what: "step", ns: 7, why: "it was time".to_owned() }),
        fed: vec!["chrony:/run/chrony.hv.sock".to_owned(), "shm:2".to_owned()],
    }
}

/// The object on a bus, a client of it, and the service's end of the line.
struct Setup {
    client: Connection,
    board: Board,
    daemon: Connection,
    _publisher: Publisher,
    _bus: PrivateBus,
}

impl Setup {
    /// `None` where there is no dbus-daemon.
    async fn start(test: &str) -> Option<Setup> {
        let _bus = PrivateBus::start(test)?;
        let board = Board::default();
        // What was before there was a bus is shown, but not announced.
        board.stepped(1, "before");
        let object = TimeSync1::new(board.clone());
        let daemon = Builder::address(_bus.address().as_str()).serve_at(PATH, object);
        let daemon = daemon.name(TIMESYNC1).build().await.unwrap();
        let _publisher = Publisher::start(daemon.clone(), PATH, board.clone());
        let client = Builder::address(_bus.address().as_str()).build().await.unwrap();
        Some(Setup { client, board, daemon, _publisher, _bus })
    }

    async fn proxy(&self) -> Proxy<'static> {
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&self.client);
        let builder = builder.destination(TIMESYNC1).path(PATH).interface(TIMESYNC1);
        builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
    }
}
