//! `org.hvutils.Kvp1`: the pools on D-Bus, thin over the same state that serves the host.
//!
//! Anyone may read. Writing goes to the `guest` pool only, after the caller has been authorised
//! (`org.hvutils.kvp.write`), through the same worker that makes the host's changes durable. Signals are sent by
//! one task, in the order in which things became true.

use std::sync::Arc;

use hv_utils_core::bus::{Authority, Error};
use hv_utils_core::wire::kvp::Pool;
use tokio::sync::{mpsc, oneshot};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, interface};

use crate::engine::Items;
use crate::pool::{Change, KEY_FIELD, Notice, PoolError};
use crate::shared::{Origin, Shared};
use crate::signals::News;

/// The polkit action that allows writing.
const WRITE: &str = "org.hvutils.kvp.write";

/// UTF-16 units of a key and a value that get to the host over every kernel: the in-kernel driver cuts one unit
/// before the wire's own limits of 255 and 1023.
pub const SAFE_UNITS: (usize, usize) = (254, 1022);

/// UTF-16 units that the wire itself carries, without the terminating NUL.
pub const FULL_UNITS: (usize, usize) = (255, 1023);

/// The interface object.
#[derive(Debug)]
pub struct Kvp1 {
    shared: Arc<Shared>,
    authority: Authority,
}

impl Kvp1 {
    /// The interface over `shared`; `authority` decides who may write.
    pub fn new(shared: Arc<Shared>, authority: Authority) -> Kvp1 {
        Kvp1 { shared, authority }
    }

    async fn submit(&self, change: Change) -> Result<(), Error> {
        let (done, outcome) = oneshot::channel();
        self.shared.submit(change, Origin::Bus, move |result| {
            // A caller that has left the bus does not wait for its answer any more.
            let _ = done.send(result);
        });
        match outcome.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(bus_error(&error)),
            Err(_) => Err(Error::Failed("the pools are being closed: the daemon is stopping".into())),
        }
    }
}

#[interface(name = "org.hvutils.Kvp1")]
impl Kvp1 {
    /// The value of `key` in `pool`.
    async fn get(&self, pool: &str, key: &str) -> Result<String, Error> {
        let pool = pool_named(pool)?;
        self.shared.fresh(pool).await;
        self.shared.get(pool, key).ok_or_else(|| no_such_key(pool, key))
    }

    /// Sets `key` in `pool` (`guest` only); durable when this returns.
    async fn set(
        &self,
        pool: &str,
        key: &str,
        value: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        writable(pool)?;
        let (key_units, value_units) = self.shared.limits();
        within(key, "the key", key_units)?;
        within(value, "the value", value_units)?;
        if key.is_empty() {
            return Err(Error::InvalidArgument("a key needs at least one character".into()));
        }
        self.authority.check(connection, &header, WRITE).await?;
        self.submit(Change::Set { pool: Pool::Guest, key: key.into(), value: value.into() }).await
    }

    /// Deletes `key` from `pool` (`guest` only); durable when this returns.
    async fn delete(
        &self,
        pool: &str,
        key: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        writable(pool)?;
        self.authority.check(connection, &header, WRITE).await?;
        if key.len() > KEY_FIELD {
            return Err(no_such_key(Pool::Guest, key));
        }
        self.submit(Change::Delete { pool: Pool::Guest, key: key.into() }).await
    }

    /// All items of `pool` in file order, the last of duplicates; `TooLong` if they are more than one message takes.
    async fn list(&self, pool: &str) -> Result<Vec<(String, String)>, Error> {
        let pool = pool_named(pool)?;
        self.shared.fresh(pool).await;
        whole(pool, self.shared.page(pool, 0, u32::MAX))
    }

    /// At most `count` items of `pool` from number `first` on, and whether there are more.
    #[zbus(out_args("items", "more"))]
    async fn list_page(
        &self,
        pool: &str,
        first: u32,
        count: u32,
    ) -> Result<(Vec<(String, String)>, bool), Error> {
        let pool = pool_named(pool)?;
        self.shared.fresh(pool).await;
        Ok(self.shared.page(pool, first, count))
    }

    /// An item is new or has another value. `origin`: `host`, `bus`, `file` or `guest`.
    #[zbus(signal)]
    async fn changed(
        emitter: &SignalEmitter<'_>,
        pool: &str,
        key: &str,
        value: &str,
        origin: &str,
    ) -> zbus::Result<()>;

    /// An item is gone.
    #[zbus(signal)]
    async fn removed(emitter: &SignalEmitter<'_>, pool: &str, key: &str, origin: &str) -> zbus::Result<()>;
}

/// Sends signals for all that arrives on `news`, in order, until its sender is gone.
pub async fn announce(connection: Connection, path: &'static str, mut news: mpsc::UnboundedReceiver<News>) {
    let emitter = match SignalEmitter::new(&connection, path) {
        Ok(emitter) => emitter,
        Err(error) => return tracing::error!(%error, path, "signals cannot be sent"),
    };
    while let Some(news) = news.recv().await {
        for notice in &news.notices {
            if let Err(error) = tell(&emitter, notice, news.origin).await {
                // The connection is gone; the shell makes a new one with a new task.
                return tracing::debug!(%error, "signals stop with their connection");
            }
        }
    }
}

async fn tell(emitter: &SignalEmitter<'_>, notice: &Notice, origin: Origin) -> zbus::Result<()> {
    let origin = origin.as_str();
    match notice {
        Notice::Changed { pool, key, value } => Kvp1::changed(emitter, pool.name(), key, value, origin).await,
        Notice::Removed { pool, key } => Kvp1::removed(emitter, pool.name(), key, origin).await,
    }
}

fn writable(pool: &str) -> Result<(), Error> {
    if pool_named(pool)? == Pool::Guest {
        return Ok(());
    }
    Err(Error::ReadOnlyPool(format!("programs in the guest may write the pool guest only, not {pool}")))
}

/// All items, if they are all.
fn whole(pool: Pool, (items, more): (Vec<(String, String)>, bool)) -> Result<Vec<(String, String)>, Error> {
    if more {
        let text = format!("pool {} is too large for one message: read it with ListPage", pool.name());
        return Err(Error::TooLong(text));
    }
    Ok(items)
}

fn no_such_key(pool: Pool, key: &str) -> Error {
    Error::NoSuchKey(format!("pool {} has no key {}", pool.name(), quoted(key)))
}

/// The beginning of what a caller sent: an error as long as its message can be would cost the daemon the bus.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn pool_named(name: &str) -> Result<Pool, Error> {
    let found = Pool::ALL.into_iter().find(|pool| pool.name() == name);
    found.ok_or_else(|| {
        Error::NoSuchPool(format!(
            "no pool is called {}: external, guest, auto, auto-external or auto-internal",
            quoted(name)
        ))
    })
}

/// Text that gets to the host whole: no NUL, which would end it early, and not too long.
fn within(text: &str, what: &str, limit: usize) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::InvalidArgument(format!(
            "{what} holds a NUL character, where the host would cut it"
        )));
    }
    let units = text.encode_utf16().count();
    if units > limit {
        return Err(Error::TooLong(format!(
            "{what} has {units} UTF-16 units; at most {limit} get to the host"
        )));
    }
    Ok(())
}

fn bus_error(error: &PoolError) -> Error {
    let text = error.to_string();
    match error {
        PoolError::NoSuchKey { .. } => Error::NoSuchKey(text),
        PoolError::Full { .. } => Error::Full(text),
        PoolError::Busy { .. } => Error::Busy(text),
        PoolError::TooLong { .. } => Error::TooLong(text),
        PoolError::Invalid { .. } => Error::InvalidArgument(text),
        _ => Error::Failed(text),
    }
}

#[cfg(test)]
mod tests;
