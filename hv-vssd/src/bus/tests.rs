//! Vss1 on a private bus, with a service that is this test: what is shown, to the letter of its types, and what is asked.

mod calls;
mod described;
mod shown;
mod who;

use std::sync::Arc;

use hv_utils_core::bus::Authority;
use tempfile::TempDir;
use zbus::connection::Builder;
use zbus::{Connection, Message, Proxy};

use super::support::PrivateBus;
use super::*;
use crate::history::History;

const PATH: &str = "/org/hvutils/Vss1";

/// The object on a bus, a client of it, and the service's end of the line.
struct Setup {
    client: Connection,
    desk: Desk,
    history: History,
    daemon: Connection,
    _publisher: Publisher,
    _directory: TempDir,
    bus: PrivateBus,
}

impl Setup {
    /// `None` where there is no dbus-daemon.
    async fn start(test: &str) -> Option<Setup> {
        let bus = PrivateBus::start(test)?;
        let directory = TempDir::new().unwrap();
        let history = History::open(&directory.path().join("history.json"));
        let (remote, desk) = remote(history.subscribe());
        let publisher_of = remote.subscribe();
        let object = Vss1::new(remote, Authority::new());
        let daemon =
            Builder::address(bus.address().as_str()).serve_at(PATH, object).name(VSS1).build().await.unwrap();
        let _publisher = Publisher::start(daemon.clone(), PATH, publisher_of);
        let client = connect(&bus).await;
        Some(Setup { client, desk, history, daemon, _publisher, _directory: directory, bus })
    }

    async fn proxy(&self) -> Proxy<'static> {
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&self.client);
        let builder = builder.destination(VSS1).path(PATH).interface(VSS1);
        builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
    }

    async fn call<B>(&self, method: &str, body: &B) -> Result<Message, String>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        call(&self.client, method, body).await
    }

    /// The service answers what it is asked next, whatever that is, with success; tells what it was.
    async fn agree(&mut self) -> &'static str {
        agree(&mut self.desk).await
    }
}

async fn connect(bus: &PrivateBus) -> Connection {
    Builder::address(bus.address().as_str()).build().await.unwrap()
}

/// A call; `Err` is the error's name and sentence.
async fn call<B>(client: &Connection, method: &str, body: &B) -> Result<Message, String>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let reply = client.call_method(Some(VSS1), PATH, Some(VSS1), method, body).await;
    reply.map_err(|error| error.to_string())
}

async fn agree(desk: &mut Desk) -> &'static str {
    match desk.asks.recv().await.unwrap() {
        Ask::Plan(answer) => {
            answer.send(Ok(Vec::new())).unwrap();
            "plan"
        }
        Ask::Freeze { answer, .. } => {
            answer.send(Ok(())).unwrap();
            "freeze"
        }
        Ask::Thaw(answer) => {
            answer.send(Ok(())).unwrap();
            "thaw"
        }
    }
}

/// Something of `srv` and `/` is frozen since then.
fn frozen(since: u64) -> Shown {
    Shown {
        state: ShownState::Frozen,
        frozen_mounts: Arc::new(["/srv".to_owned(), "/".to_owned()]),
        frozen_since: since,
        deadline: since + 120_000_000,
        ..Shown::default()
    }
}
