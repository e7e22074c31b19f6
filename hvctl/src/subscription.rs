//! Changes of hv-kvpd's items, in order, over restarts of the daemon. No printing here.

use zbus::{Connection, Message};

use crate::error::Error;
use crate::output::Item;
use crate::proxies::{Changed, Removed};
use crate::signals::{Heard, Signals, rule};
use hv_utils_core::wire::kvp::Pool;

const BUS_NAME: &str = "org.hvutils.Kvp1";
const OBJECT: &str = "/org/hvutils/Kvp1";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An item is new or has another value.
    Changed {
        /// The item as it is now.
        item: Item,
        /// `host`, `bus`, `file` or `guest`.
        origin: String,
    },
    /// An item is gone.
    Removed {
        /// Pool.
        pool: String,
        /// Key.
        key: String,
        /// `host`, `bus`, `file` or `guest`.
        origin: String,
    },
    /// The daemon left the bus.
    Gone,
    /// The daemon is on the bus, for the first time or again.
    Back,
}

/// The daemon's signals from now on.
#[derive(Debug)]
pub(crate) struct Subscription(Signals);

impl Subscription {
    /// Subscribes; when this returns, no later change is missed. With a pool, the bus sends only its signals.
    pub(crate) async fn new(connection: &Connection, pool: Option<Pool>) -> Result<Subscription, Error> {
        let mut changes = rule(BUS_NAME, OBJECT);
        if let Some(pool) = pool {
            changes = changes.arg(0, pool.name());
        }
        let changes = changes.build().map_err(|error| Error::of_call("the bus", error))?;
        Ok(Subscription(Signals::new(connection, BUS_NAME, changes).await?))
    }

    /// Whether the daemon is on the bus, as far as the notices so far tell.
    pub(crate) fn daemon_is_there(&self) -> bool {
        self.0.daemon_is_there()
    }

    /// The next notice. Cancel safe. To be polled as [`Signals::next`].
    pub(crate) async fn next(&mut self) -> Result<Notice, Error> {
        loop {
            match self.0.next().await? {
                Heard::Gone => return Ok(Notice::Gone),
                Heard::Back => return Ok(Notice::Back),
                Heard::Signal(message) => {
                    if let Some(notice) = notice(&message) {
                        return Ok(notice);
                    }
                }
            }
        }
    }
}

/// What a signal means to us; nothing if it is not formed as it should be.
fn notice(message: &Message) -> Option<Notice> {
    if let Some(signal) = Changed::from_message(message.clone()) {
        let args = signal.args().ok()?;
        let [pool, key, value] = [args.pool, args.key, args.value].map(str::to_owned);
        return Some(Notice::Changed { item: Item { pool, key, value }, origin: args.origin.to_owned() });
    }
    let signal = Removed::from_message(message.clone())?;
    let args = signal.args().ok()?;
    let [pool, key, origin] = [args.pool, args.key, args.origin].map(str::to_owned);
    Some(Notice::Removed { pool, key, origin })
}
