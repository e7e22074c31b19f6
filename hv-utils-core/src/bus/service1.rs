//! `org.hvutils.Service1`, on the root object of every daemon: is it in touch with the host, and how.
//!
//! State that changes rarely is published as it changes, all of one change in one signal, by a task of its own:
//! a bus that does not read must not hold up the host. Counters change with every message and have no signal;
//! they are fetched from the daemon's loop at the moment they are read.

use super::authority::Authority;
use super::error::Error;
use crate::channel::LinkStatus;
use crate::wire::Version;
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo, interface};

/// The interface's name.
pub const SERVICE1: &str = "org.hvutils.Service1";

/// What is published as it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    transport: &'static str,
    channel: &'static str,
    framework: Option<Version>,
    message: Option<Version>,
}

impl From<&LinkStatus> for State {
    fn from(status: &LinkStatus) -> Self {
        Self {
            transport: status.transport.map_or("", |transport| transport.as_str()),
            channel: status.state.as_str(),
            framework: status.framework,
            message: status.message,
        }
    }
}

impl State {
    /// One line for `systemctl status` and the log.
    pub(crate) fn line(&self) -> String {
        match (self.transport, self.message) {
            ("", _) => format!("channel {}", self.channel),
            (transport, None) => format!("channel {} on {transport}", self.channel),
            (transport, Some(version)) => {
                format!("channel {} on {transport}, version {version}", self.channel)
            }
        }
    }

    /// What has changed since `old`, as D-Bus sees it.
    fn changed_since(&self, old: &Self) -> HashMap<&'static str, Variant<'static>> {
        let pairs = [
            ("Transport", text(self.transport), self.transport != old.transport),
            ("ChannelState", text(self.channel), self.channel != old.channel),
            ("FrameworkVersion", version(self.framework).into(), self.framework != old.framework),
            ("MessageVersion", version(self.message).into(), self.message != old.message),
        ];
        pairs.into_iter().filter(|(.., changed)| *changed).map(|(name, value, _)| (name, value)).collect()
    }
}

fn text(text: &'static str) -> Variant<'static> {
    Variant::from(text)
}

fn version(version: Option<Version>) -> String {
    version.map(|version| version.to_string()).unwrap_or_default()
}

/// What changes with every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    received: u64,
    rejected: u64,
    last_message: u64,
}

impl From<&LinkStatus> for Counters {
    fn from(status: &LinkStatus) -> Self {
        Self { received: status.received, rejected: status.rejected, last_message: status.last_message }
    }
}

/// What is asked of the daemon's loop.
#[derive(Debug)]
pub(crate) enum Question {
    /// The counters, as they are now.
    Counters(oneshot::Sender<Counters>),
    /// To let go of the raw channel for so long; the answer says whether there was one.
    Release(Duration, oneshot::Sender<bool>),
}

/// The longest time for which a channel can be let go of.
const MAX_RELEASE_SECS: u32 = 60;

/// The object behind the interface.
#[derive(Debug)]
pub(crate) struct Service1 {
    state: watch::Receiver<State>,
    questions: mpsc::Sender<Question>,
    authority: Authority,
}

impl Service1 {
    pub(crate) fn new(
        state: watch::Receiver<State>,
        questions: mpsc::Sender<Question>,
        authority: Authority,
    ) -> Self {
        Self { state, questions, authority }
    }

    fn state(&self) -> State {
        *self.state.borrow()
    }

    async fn counters(&self) -> fdo::Result<Counters> {
        let (question, answer) = oneshot::channel();
        self.ask(Question::Counters(question), answer).await.map_err(fdo::Error::Failed)
    }

    async fn ask<T>(&self, question: Question, answer: oneshot::Receiver<T>) -> Result<T, String> {
        let asked = self.questions.send(question).await.is_ok();
        match answer.await {
            Ok(answer) if asked => Ok(answer),
            _ => Err("the daemon is stopping".to_owned()),
        }
    }
}

#[interface(name = "org.hvutils.Service1", introspection_docs = false)]
impl Service1 {
    /// Closes the raw channel and leaves its device alone for so long, unless it comes back as another one: so that its
    /// driver can be changed, which Linux does not survive well while the device is open. Root only.
    async fn release(
        &self,
        seconds: u32,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Error> {
        self.authority.root(bus, &call).await?;
        let time = Duration::from_secs(u64::from(seconds.min(MAX_RELEASE_SECS)));
        let (question, answer) = oneshot::channel();
        match self.ask(Question::Release(time, question), answer).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NotSupported("there is no raw channel to let go of".to_owned())),
            Err(why) => Err(Error::Busy(why)),
        }
    }

    /// Version of the daemon.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// `uio`, `hv_utils`, `sim`, or "" without a channel.
    #[zbus(property)]
    fn transport(&self) -> &'static str {
        self.state().transport
    }

    /// `closed`, `negotiating`, `ready`, `kernel` or `failed`.
    #[zbus(property)]
    fn channel_state(&self) -> &'static str {
        self.state().channel
    }

    /// "3.0"; "" where it is not negotiated or not told.
    #[zbus(property)]
    fn framework_version(&self) -> String {
        version(self.state().framework)
    }

    /// "5.0"; "" where it is not negotiated or not told.
    #[zbus(property)]
    fn message_version(&self) -> String {
        version(self.state().message)
    }

    /// Messages from the host since the daemon's start.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn messages_received(&self) -> fdo::Result<u64> {
        Ok(self.counters().await?.received)
    }

    /// Those of them that made no sense: dropped, or answered by an error without being looked into.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn messages_rejected(&self) -> fdo::Result<u64> {
        Ok(self.counters().await?.rejected)
    }

    /// When the last message came: µs, `CLOCK_REALTIME`, 0 = never.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn last_message(&self) -> fdo::Result<u64> {
        Ok(self.counters().await?.last_message)
    }
}

/// Publishes changes of `states` on `path` until the connection or the daemon ends.
pub(crate) async fn publish(bus: Connection, path: &'static str, mut states: watch::Receiver<State>) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    let name = zbus::names::InterfaceName::from_static_str_unchecked(SERVICE1);
    let mut told = *states.borrow_and_update();
    while states.changed().await.is_ok() {
        let state = *states.borrow_and_update();
        let changed = state.changed_since(&told);
        told = state;
        if changed.is_empty() {
            continue;
        }
        let sent =
            fdo::Properties::properties_changed(&emitter, name.clone(), changed, Cow::Borrowed(&[])).await;
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
