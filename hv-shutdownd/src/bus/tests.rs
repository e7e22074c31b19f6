//! Shutdown1 on a private bus, with a service that is this test: what is shown, to the letter of its types, what is announced,
//! and who may inhibit.

mod announced;
mod described;
mod inhibiting;
mod shown;

use std::time::Duration;

use hv_utils_core::bus::Authority;
use tempfile::TempDir;
use zbus::connection::Builder;
use zbus::{Connection, Message, Proxy};

use super::support::PrivateBus;
use super::*;
use crate::history::{History, Row};
use crate::inhibit::Inhibitors;

const PATH: &str = "/org/hvutils/Shutdown1";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A request that came then.
fn row(when: u64) -> Row {
    Row {
        when,
        action: "hibernate".to_owned(),
        forced: true,
        reason: 0x8004_0002,
        timeout: 60,
        text: "bye\0".to_owned(),
        outcome: "begun by logind".to_owned(),
    }
}

/// Nothing as it is at the start.
fn everything() -> Shown {
    Shown { pending: true, last: Some(row(5)), kernel: true, hibernate: true }
}

/// The object on a bus, a client of it, and the service's end of the line.
struct Setup {
    client: Connection,
    board: Board,
    history: History,
    inhibitors: Inhibitors,
    daemon: Connection,
    _publisher: Publisher,
    _directory: TempDir,
    bus: PrivateBus,
}

impl Setup {
    /// `None` where there is no dbus-daemon.
    async fn start(test: &str) -> Option<Setup> {
        Setup::with(test, Capable::new(|| async { Ok(()) })).await
    }

    async fn with(test: &str, capable: Capable) -> Option<Setup> {
        let bus = PrivateBus::start(test)?;
        let directory = TempDir::new().unwrap();
        let history = History::open(&directory.path().join("history.json"));
        let (board, inhibitors) = (Board::new(&history), Inhibitors::default());
        let object = Shutdown1::new(board.clone(), inhibitors.clone(), capable, Authority::new());
        let daemon = Builder::address(bus.address().as_str()).serve_at(PATH, object);
        let daemon = daemon.name(SHUTDOWN1).build().await.unwrap();
        let _publisher = Publisher::start(daemon.clone(), PATH, &board, &inhibitors);
        let client = Builder::address(bus.address().as_str()).build().await.unwrap();
        Some(Setup { client, board, history, inhibitors, daemon, _publisher, _directory: directory, bus })
    }

    async fn proxy(&self) -> Proxy<'static> {
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&self.client);
        let builder = builder.destination(SHUTDOWN1).path(PATH).interface(SHUTDOWN1);
        builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
    }

    /// A call; `Err` is the error's name and sentence.
    async fn call<B>(&self, method: &str, body: &B) -> Result<Message, String>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let reply = self.client.call_method(Some(SHUTDOWN1), PATH, Some(SHUTDOWN1), method, body).await;
        reply.map_err(|error| error.to_string())
    }
}
