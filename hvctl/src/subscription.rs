//! Signals of hv-kvpd, in order, over restarts of the daemon.
//!
//! One queue holds the daemon's signals and the bus's news about who owns its name, so that they are seen in the
//! order in which they happened. A signal counts only if it came from the owner of the name: on the system bus
//! anyone may send a signal that looks like one. No printing here.

use futures_util::StreamExt as _;
use zbus::fdo::{DBusProxy, NameOwnerChanged};
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, Message, MessageStream};

use crate::error::Error;
use crate::output::Item;
use crate::proxies::{Changed, Removed};
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
pub(crate) struct Subscription {
    stream: MessageStream,
    owner: Option<OwnedUniqueName>,
}

impl Subscription {
    /// Subscribes; when this returns, no later change is missed. With a pool, the bus sends only its signals.
    pub(crate) async fn new(connection: &Connection, pool: Option<Pool>) -> Result<Subscription, Error> {
        let failed = |error| Error::of_call("the bus", error);
        let stream = MessageStream::from(connection);
        let bus = DBusProxy::builder(connection).cache_properties(CacheProperties::No).build();
        let bus = bus.await.map_err(failed)?;
        for rule in rules(pool).map_err(failed)? {
            bus.add_match_rule(rule).await.map_err(|error| failed(error.into()))?;
        }
        let owner = match BUS_NAME.try_into() {
            Ok(name) => bus.get_name_owner(name).await.ok(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Subscription { stream, owner })
    }

    /// Whether the daemon is on the bus, as far as the notices so far tell.
    pub(crate) fn daemon_is_there(&self) -> bool {
        self.owner.is_some()
    }

    /// The next notice. Cancel safe. It must be polled while other calls on the same connection are awaited:
    /// the queue is bounded, and a full one stops the connection.
    pub(crate) async fn next(&mut self) -> Result<Notice, Error> {
        loop {
            let lost = || Error::no_bus("bus", "the connection was closed");
            let message = self.stream.next().await.ok_or_else(lost)?.map_err(|_| lost())?;
            if message.message_type() == Type::Signal
                && let Some(notice) = self.notice(&message)
            {
                return Ok(notice);
            }
        }
    }

    /// What a signal means to us; nothing if it is another's, or not formed as it should be.
    fn notice(&mut self, message: &Message) -> Option<Notice> {
        let sender = message.header().sender()?.to_owned();
        if sender.as_str() == "org.freedesktop.DBus" {
            return self.owner_changed(message);
        }
        if self.owner.as_ref().is_none_or(|owner| *owner.inner() != sender) {
            return None;
        }
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

    fn owner_changed(&mut self, message: &Message) -> Option<Notice> {
        let signal = NameOwnerChanged::from_message(message.clone())?;
        let args = signal.args().ok()?;
        if args.name().as_str() != BUS_NAME {
            return None;
        }
        let owner: Option<OwnedUniqueName> = args.new_owner().as_ref().map(|name| name.to_owned().into());
        if owner == self.owner {
            // Subscribing had seen this already.
            return None;
        }
        self.owner = owner;
        Some(if self.owner.is_some() { Notice::Back } else { Notice::Gone })
    }
}

/// What the bus is asked to send: the daemon's signals (by its well-known name, so a restart changes nothing)
/// and the changes of that name's owner.
fn rules(pool: Option<Pool>) -> zbus::Result<[MatchRule<'static>; 2]> {
    let mut signals =
        MatchRule::builder().msg_type(Type::Signal).sender(BUS_NAME).path(OBJECT).interface(BUS_NAME);
    if let Some(pool) = pool {
        signals = signals.arg(0, pool.name());
    }
    let owner = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, BUS_NAME);
    Ok([signals.build()?, owner.build()?])
}
