//! What is heard of systemd while nothing is asked, and while a question is under way: a stream that nobody reads would
//! stop the whole connection.

use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use zbus::{Connection, MatchRule, MessageStream};

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    /// Nothing.
    Nothing,
    /// Something about a unit.
    Unit,
    /// systemd came, went, or has read its files.
    Manager,
}

/// Listens.
#[derive(Debug)]
pub struct Ear {
    manager: SelectAll<MessageStream>,
    units: SelectAll<MessageStream>,
}

impl Ear {
    /// Hears systemd itself by the one rules, and units by the others.
    ///
    /// # Errors
    /// The connection ended, or the bus takes no more rules.
    pub async fn new(
        bus: &Connection,
        manager: Vec<MatchRule<'static>>,
        units: Vec<MatchRule<'static>>,
    ) -> zbus::Result<Ear> {
        Ok(Ear { manager: streams(bus, manager).await?, units: streams(bus, units).await? })
    }

    /// The next thing; `None`: the connection is closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Heard> {
        tokio::select! {
            signal = self.manager.next() => signal.map(|_| Heard::Manager),
            signal = self.units.next(), if !self.units.is_empty() => signal.map(|_| Heard::Unit),
        }
    }

    /// Does `work` and takes in signals meanwhile; tells what there was.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> (T, Heard) {
        tokio::pin!(work);
        let mut most = Heard::Nothing;
        loop {
            tokio::select! {
                done = &mut work => return (done, most),
                Some(heard) = self.next() => most = most.max(heard),
            }
        }
    }

    /// Hears of units by other rules from now on; tells what there was meanwhile. What happens to units until then may be
    /// missed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn turn(&mut self, bus: &Connection, units: Vec<MatchRule<'static>>) -> zbus::Result<Heard> {
        let (listening, heard) = self.meanwhile(streams(bus, units)).await;
        self.units = listening?;
        Ok(heard)
    }
}

async fn streams(bus: &Connection, rules: Vec<MatchRule<'static>>) -> zbus::Result<SelectAll<MessageStream>> {
    let mut streams = Vec::new();
    for rule in rules {
        streams.push(MessageStream::for_match_rule(rule, bus, None).await?);
    }
    Ok(select_all(streams))
}
