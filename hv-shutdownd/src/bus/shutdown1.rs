//! `org.hvutils.Shutdown1`: what the host has asked for and what became of it; and to inhibit that.
//!
//! Anyone may read. To inhibit asks polkit (`org.hvutils.shutdown.inhibit`), and is refused while something is under way, which
//! it could not stop any more, and where the kernel serves the channel, which asks nobody.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::bus::{Authority, Error};
use tokio::time::timeout;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedFd, interface};

use super::board::{Board, Shown};
use crate::history::Row;
use crate::inhibit::{Denied, Held, Inhibitors};

/// The interface's name.
pub const SHUTDOWN1: &str = "org.hvutils.Shutdown1";
/// The polkit action that allows to inhibit.
const INHIBIT: &str = "org.hvutils.shutdown.inhibit";
/// How long it may take to find out whether the guest can hibernate.
const PATIENCE: Duration = Duration::from_secs(3);

/// `LastRequest`: when, action, forced, reason, timeout, text.
type RequestShown = (u64, String, bool, u32, u32, String);
/// One of `History()`: the same, and what became of it.
type RowShown = (u64, String, bool, u32, u32, String, String);
/// One of `Inhibitors`: who, why, uid, since.
type HeldShown = (String, String, u32, u64);

/// An answer on its way: nothing, or why not.
type Found = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Finds out whether the guest can hibernate, or why not.
#[derive(Clone)]
pub struct Capable(Arc<dyn Fn() -> Found + Send + Sync>);

impl Capable {
    /// By this question.
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Capable
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Capable(Arc::new(move || Box::pin(ask())))
    }
}

impl fmt::Debug for Capable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capable")
    }
}

/// The interface object.
#[derive(Debug)]
pub struct Shutdown1 {
    board: Board,
    inhibitors: Inhibitors,
    capable: Capable,
    authority: Authority,
}

impl Shutdown1 {
    /// The interface over what the service publishes; `authority` decides who may inhibit.
    #[must_use]
    pub fn new(board: Board, inhibitors: Inhibitors, capable: Capable, authority: Authority) -> Shutdown1 {
        Shutdown1 { board, inhibitors, capable, authority }
    }

    /// Whether there is any sense in an inhibitor now.
    fn inhibitable(&self) -> Result<(), Error> {
        let shown = self.board.shown();
        if shown.kernel {
            let why = "the kernel answers the host here, and asks nobody: give the channel to hv-shutdownd \
                       (hvctl driver use uio shutdown)";
            return Err(Error::NotSupported(why.to_owned()));
        }
        if shown.pending {
            let why = "a request of the host is under way: it cannot be inhibited any more";
            return Err(Error::Busy(why.to_owned()));
        }
        Ok(())
    }
}

#[interface(name = "org.hvutils.Shutdown1", introspection_docs = false)]
impl Shutdown1 {
    /// A request was accepted, and is not over.
    #[zbus(property)]
    fn pending(&self) -> bool {
        self.board.shown().pending
    }

    /// The last request: when, `poweroff|reboot|hibernate`, forced, reason code, timeout, text.
    #[zbus(property)]
    fn last_request(&self) -> RequestShown {
        last_request(&self.board.shown())
    }

    /// What became of it; empty before the first.
    #[zbus(property)]
    fn outcome(&self) -> String {
        outcome(&self.board.shown())
    }

    /// Who inhibits what is not forced: who, why, uid, since when.
    #[zbus(property)]
    fn inhibitors(&self) -> Vec<HeldShown> {
        inhibitors(&self.inhibitors.held())
    }

    /// Whether the guest can hibernate for the host, or why not. Found out when it is asked for.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn can_hibernate(&self) -> (bool, String) {
        match timeout(PATIENCE, (self.capable.0)()).await {
            Ok(Ok(())) => (true, String::new()),
            Ok(Err(why)) => (false, text(&why)),
            Err(_) => (false, "nobody has said in time whether it can".to_owned()),
        }
    }

    /// Refuses what the host does not force, until every copy of the descriptor is closed.
    async fn inhibit(
        &self,
        who: &str,
        why: &str,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<OwnedFd, Error> {
        self.inhibitable()?;
        let uid = self.authority.admit(bus, &call, INHIBIT).await?;
        // polkit may have asked a person, who has taken their time.
        self.inhibitable()?;
        match self.inhibitors.take(who, why, uid) {
            Ok(end) => {
                tracing::info!(uid, "inhibited by {}", crate::inhibit::sentence(who, why));
                Ok(OwnedFd::from(end))
            }
            Err(Denied::Text(why)) => Err(Error::InvalidArgument(why)),
            Err(Denied::Full(why)) => Err(Error::Busy(why)),
            Err(denied @ Denied::Pipe(_)) => Err(Error::Failed(denied.to_string())),
        }
    }

    /// The last requests, the oldest first.
    fn history(&self) -> Vec<RowShown> {
        self.board.rows().iter().map(|known| row(known)).collect()
    }

    /// A request was accepted, and nothing is done about it yet.
    #[zbus(signal)]
    pub(super) async fn requested(
        emitter: &SignalEmitter<'_>,
        when: u64,
        kind: &str,
        forced: bool,
        reason: u32,
        timeout: u32,
        text: &str,
    ) -> zbus::Result<()>;
}

pub(super) fn last_request(shown: &Shown) -> RequestShown {
    let last = shown.last.as_ref();
    last.map(|row| (row.when, row.action.clone(), row.forced, row.reason, row.timeout, text(&row.text)))
        .unwrap_or_default()
}

pub(super) fn outcome(shown: &Shown) -> String {
    shown.last.as_ref().map(|row| text(&row.outcome)).unwrap_or_default()
}

pub(super) fn inhibitors(held: &[Held]) -> Vec<HeldShown> {
    held.iter().map(|held| (held.who.clone(), held.why.clone(), held.uid, held.since)).collect()
}

fn row(row: &Row) -> RowShown {
    let (action, outcome) = (text(&row.action), text(&row.outcome));
    (row.when, action, row.forced, row.reason, row.timeout, text(&row.text), outcome)
}

/// A text that a bus carries: it hangs up on who sends a NUL.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
