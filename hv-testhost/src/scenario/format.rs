//! The format of a scenario file: TOML tables into types, with everything checked that can be checked before playing.
//!
//! Unknown keys are errors, hex, pools and verbs are read here, and a step has at most one action; so a scenario that
//! loads can be played. `SCENARIOS.md` is this for people.

use std::path::Path;

use hv_utils_core::wire::Ic;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::expect::Expect;
use super::fields::{Accept, Fill, Hex, Mutate, Offers, PacketFields, Request, RingDamage};
use super::messages::{FileCopyMessage, HeartbeatMessage, Message, ShutdownMessage};
use crate::verb::{self, Verb};

/// A scenario that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a scenario.
    #[error("{path}: {message}")]
    Format {
        /// Which file.
        path: String,
        /// What is wrong, and where.
        message: String,
    },
}

/// A scenario: how the host sets itself up, and the steps.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: String,
    /// What it shows, a sentence or two.
    #[serde(default)]
    pub about: String,
    /// Service that is offered.
    #[serde(default = "kvp", deserialize_with = "ic")]
    pub ic: Ic,
    /// Bytes of one ring with its control page.
    #[serde(default = "ring_bytes", deserialize_with = "ring")]
    pub ring_bytes: u32,
    /// Time for everything that is waited for, unless a step says otherwise.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Whether the guest is told about the host after each `negotiate`.
    #[serde(default)]
    pub host_items: bool,
    /// Whether each close makes a new device.
    #[serde(default)]
    pub reoffer_on_close: bool,
    /// Whether a guest is awaited and negotiated with before the first step.
    #[serde(default = "yes")]
    pub negotiate: bool,
    /// Whether each request has transaction ids of its own.
    #[serde(default = "yes")]
    pub rising_ids: bool,
    /// What is done, in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// One thing to do and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// What it is called in reports.
    pub name: String,
    accept: Option<Accept>,
    negotiate: Option<Offers>,
    request: Option<Request>,
    shutdown: Option<ShutdownMessage>,
    heartbeat: Option<HeartbeatMessage>,
    file_copy: Option<FileCopyMessage>,
    raw: Option<Hex>,
    verb: Option<Words>,
    ring: Option<RingDamage>,
    fill: Option<Fill>,
    drain: Option<bool>,
    rescind: Option<bool>,
    offer: Option<bool>,
    signal: Option<bool>,
    silence_ms: Option<u64>,
    /// What is changed in the payload before it is sent.
    #[serde(default)]
    pub mutate: Mutate,
    /// What is changed in the packet around the payload.
    #[serde(default)]
    pub packet: PacketFields,
    /// How many times it is sent.
    #[serde(default = "once")]
    pub repeat: u32,
    /// What must come of it; without it what goes without saying (`status = 0`, versions agreed, exit code 0).
    pub expect: Option<Expect>,
    /// Time for it in milliseconds.
    pub within_ms: Option<u64>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Nothing: only something is expected.
    Nothing,
    /// Close what is open, wait for a guest, greet it like this.
    Accept(Accept),
    /// Send NEGOTIATE with these versions.
    Negotiate(Offers),
    /// Send a KVP request.
    Request(Request),
    /// Send a message of another service.
    Message(Message),
    /// Send a payload.
    Raw(Vec<u8>),
    /// Do what an administrator asks.
    Verb(Verb),
    /// Damage a ring.
    Ring(RingDamage),
    /// Send until there is no more room, reading nothing.
    Fill(Fill),
    /// Read the answers to all that was sent unread.
    Drain,
    /// Take the device away.
    Rescind,
    /// Offer it again.
    Offer,
    /// Interrupt the guest for nothing.
    Signal,
    /// Do nothing for so many milliseconds.
    Silence(u64),
}

impl Step {
    /// What the step does.
    ///
    /// # Errors
    /// It has more than one action, or one that is switched off.
    pub fn action(&self) -> Result<Action, String> {
        let flag = |given: &Option<bool>, name: &str, action: Action| match given {
            Some(false) => Err(format!("{name} = false does nothing: leave it out")),
            Some(true) => Ok(Some(action)),
            None => Ok(None),
        };
        let actions = [
            self.accept.clone().map(Action::Accept),
            self.negotiate.clone().map(Action::Negotiate),
            self.request.clone().map(Action::Request),
            self.shutdown.clone().map(Message::Shutdown).map(Action::Message),
            self.heartbeat.clone().map(Message::Heartbeat).map(Action::Message),
            self.file_copy.clone().map(Message::FileCopy).map(Action::Message),
            self.raw.clone().map(|hex| Action::Raw(hex.0)),
            self.verb.clone().map(|words| Action::Verb(words.0)),
            self.ring.clone().map(Action::Ring),
            self.fill.clone().map(Action::Fill),
            flag(&self.drain, "drain", Action::Drain)?,
            flag(&self.rescind, "rescind", Action::Rescind)?,
            flag(&self.offer, "offer", Action::Offer)?,
            flag(&self.signal, "signal", Action::Signal)?,
            self.silence_ms.map(Action::Silence),
        ];
        let mut given = actions.into_iter().flatten();
        let action = given.next().unwrap_or(Action::Nothing);
        if given.next().is_some() {
            return Err("more than one action: a step does one thing".to_owned());
        }
        if matches!(&action, Action::Verb(Verb::CheckpointVm(ask)) if !ask.snapshots.is_empty()) {
            return Err("a scenario copies no files: leave --snapshot out".to_owned());
        }
        let sends =
            matches!(action, Action::Negotiate(_) | Action::Request(_) | Action::Message(_) | Action::Raw(_));
        if !sends && (self.repeat != 1 || self.is_changed()) {
            let what =
                "mutate, packet and repeat need negotiate, request, shutdown, heartbeat, file-copy or raw";
            return Err(what.to_owned());
        }
        Ok(action)
    }

    /// Whether anything is changed before it is sent.
    pub fn is_changed(&self) -> bool {
        self.mutate != Mutate::default() || self.packet != PacketFields::default()
    }

    /// Whether what is sent is what a host might send: other transaction ids and a wish for a completion are.
    pub fn is_sane(&self) -> bool {
        let mutate = Mutate { transaction_id: None, ..self.mutate.clone() };
        mutate == Mutate::default()
            && self.packet.kind.is_none_or(|kind| kind == 6)
            && self.packet.flags.is_none_or(|flags| flags <= 1)
    }
}

/// A verb written as a line.
#[derive(Debug, Clone)]
struct Words(Verb);

impl Scenario {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// It cannot be read, or is no scenario.
    pub fn load(path: &Path) -> Result<Scenario, LoadError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| LoadError::Io { path: name.clone(), source })?;
        Scenario::parse(&text).map_err(|message| LoadError::Format { path: name, message })
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Scenario, String> {
        let scenario: Scenario = toml::from_str(text).map_err(|error| error.to_string())?;
        for (number, step) in scenario.steps.iter().enumerate() {
            step.action().map_err(|error| format!("step {} ({}): {error}", number + 1, step.name))?;
        }
        Ok(scenario)
    }
}

fn kvp() -> Ic {
    Ic::Kvp
}

fn ring_bytes() -> u32 {
    crate::host::DEFAULT_RING_BYTES
}

fn timeout_ms() -> u64 {
    10_000
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
        let line = String::deserialize(deserializer)?;
        let words = crate::words::split(&line).map_err(de::Error::custom)?;
        Verb::from_words(words).map(Words).map_err(|error| de::Error::custom(crate::usage::explain(&error)))
    }
}

fn ic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ic, D::Error> {
    verb::service(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn ring<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    crate::cli::ring_size(u32::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests;
