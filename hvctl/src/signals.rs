//! Signals of a daemon, in order, over restarts of it.
//!
//! One queue holds the daemon's signals and the bus's news about who owns its name, so that they are seen in the
//! order in which they happened. A signal counts only if it came from the owner of the name: on the system bus
//! anyone may send a signal that looks like one. What they mean is for who listens. No printing here.

use futures_util::StreamExt as _;
use zbus::fdo::{DBusProxy, NameOwnerChanged};
use zbus::match_rule::Builder;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, Message, MessageStream};

use crate::error::Error;

/// What happened.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The daemon sent this.
    Signal(Message),
    /// The daemon left the bus.
    Gone,
    /// The daemon is on the bus, for the first time or again.
    Back,
}

/// A daemon's signals from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    name: &'static str,
    stream: MessageStream,
    owner: Option<OwnedUniqueName>,
    /// The daemon is there again, and that is still to be told.
    back: bool,
}

impl Signals {
    /// Subscribes to what `rule` lets through of the signals of this name; when this returns, no later one is missed.
    pub(crate) async fn new(
        connection: &Connection,
        name: &'static str,
        rule: MatchRule<'_>,
    ) -> Result<Signals, Error> {
        let failed = |error| Error::of_call("the bus", error);
        let stream = MessageStream::from(connection);
        let bus = DBusProxy::builder(connection).cache_properties(CacheProperties::No).build();
        let bus = bus.await.map_err(failed)?;
        for rule in [rule, owner_rule(name).map_err(failed)?] {
            bus.add_match_rule(rule).await.map_err(|error| failed(error.into()))?;
        }
        let owner = match name.try_into() {
            Ok(name) => bus.get_name_owner(name).await.ok(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Signals { name, stream, owner, back: false })
    }

    /// Whether the daemon is on the bus, as far as is known so far.
    pub(crate) fn daemon_is_there(&self) -> bool {
        self.owner.is_some()
    }

    /// The next. Cancel safe. It must be polled while other calls on the same connection are awaited:
    /// the queue is bounded, and a full one stops the connection.
    pub(crate) async fn next(&mut self) -> Result<Heard, Error> {
        if std::mem::take(&mut self.back) {
            return Ok(Heard::Back);
        }
        loop {
            let lost = || Error::no_bus("bus", "the connection was closed");
            let message = self.stream.next().await.ok_or_else(lost)?.map_err(|_| lost())?;
            if message.message_type() == Type::Signal
                && let Some(heard) = self.heard(message)
            {
                return Ok(heard);
            }
        }
    }

    /// Nothing if it is another's.
    fn heard(&mut self, message: Message) -> Option<Heard> {
        let sender = message.header().sender()?.to_owned();
        if sender.as_str() == "org.freedesktop.DBus" {
            return self.owner_changed(message);
        }
        let is_the_daemons = self.owner.as_ref().is_some_and(|owner| *owner.inner() == sender);
        is_the_daemons.then_some(Heard::Signal(message))
    }

    fn owner_changed(&mut self, message: Message) -> Option<Heard> {
        let signal = NameOwnerChanged::from_message(message)?;
        let args = signal.args().ok()?;
        if args.name().as_str() != self.name {
            return None;
        }
        let owner: Option<OwnedUniqueName> = args.new_owner().as_ref().map(|name| name.to_owned().into());
        if owner == self.owner {
            // Subscribing had seen this already.
            return None;
        }
        let before = std::mem::replace(&mut self.owner, owner);
        // One daemon may follow another without a gap. It knows nothing of what that one knew: as with a gap.
        self.back = before.is_some() && self.owner.is_some();
        Some(if before.is_some() { Heard::Gone } else { Heard::Back })
    }
}

/// Signals of an interface on an object of this name; by the well-known name, so that a restart changes nothing.
pub(crate) fn rule(name: &'static str, object: &'static str) -> Builder<'static> {
    MatchRule::builder().msg_type(Type::Signal).sender(name).path(object).interface(name)
}

fn owner_rule(name: &'static str) -> zbus::Result<MatchRule<'static>> {
    let bus = MatchRule::builder().msg_type(Type::Signal).sender("org.freedesktop.DBus");
    bus.interface("org.freedesktop.DBus").member("NameOwnerChanged").arg(0, name).build()
}
