//! Knows when a connection leaves the bus.
//!
//! The rule is for that one name: who asks for all of them is woken by every program that ends. It is in force before the
//! bus is asked whether the name is still there, so one that went before anybody listened is not waited for.

use futures_util::StreamExt;
use tokio::task::JoinHandle;
use zbus::message::Type as MessageType;
use zbus::{Connection, MatchRule, MessageStream};

const BUS: &str = "org.freedesktop.DBus";

/// The end of a connection, to come.
#[derive(Debug)]
pub struct Leaving(Box<MessageStream>);

/// A task that waits for it; ends with the value.
#[derive(Debug)]
pub struct Guard(JoinHandle<()>);

impl Leaving {
    /// Of the connection with this unique name. `None`: it is gone already.
    ///
    /// # Errors
    /// The bus does not say, or does not take another rule.
    pub async fn of(bus: &Connection, name: &str) -> zbus::Result<Option<Leaving>> {
        let rule = MatchRule::builder().msg_type(MessageType::Signal).sender(BUS).interface(BUS);
        let rule = rule.member("NameOwnerChanged").arg(0, name.to_owned()).build()?;
        // A unique name changes its owner once after it was given: when it is taken away.
        let stream = MessageStream::for_match_rule(rule, bus, None).await?;
        let answer = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &name);
        let is_there: bool = answer.await?.body().deserialize()?;
        Ok(is_there.then_some(Leaving(Box::new(stream))))
    }

    /// Does `then` when it is gone, or when the bus is: nobody would say so any more. Needs a tokio runtime.
    #[must_use]
    pub fn then<F>(mut self, then: F) -> Guard
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Guard(tokio::spawn(async move {
            // Whatever comes: a signal, an error, the end of the stream.
            self.0.next().await;
            then.await;
        }))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}
