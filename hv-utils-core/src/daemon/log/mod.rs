//! Logging of a daemon: where messages go, in which form, from which level on.
//!
//! One subscriber is installed at the very start, so that what is wrong with the configuration can be said, and is
//! adjusted when the configuration is known, at SIGHUP and over D-Bus (`LogControl1`). It is tracing's registry, a
//! reloadable level and one small layer of ours; no filter language, no time zone, no buffering.

mod held;
mod journal;
mod level;
mod record;
mod text;

#[cfg(test)]
mod tests;

pub use level::{Level, UnknownLevel};

use held::Held;
use journal::Journal;
use record::Record;
use rustix::fs::Stat;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;
use text::Lead;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{Registry, reload};

/// The form of the log, as the command line and the configuration name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// The journal where standard error is the journal, else text.
    #[default]
    Auto,
    /// Lines for people on standard error.
    Text,
    /// One JSON object per line on standard error.
    Json,
    /// The journal's native protocol.
    Journald,
}

/// The words for the forms.
pub const FORMATS: [(&str, Format); 4] =
    [("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json), ("journald", Format::Journald)];

/// A word that names no form of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use auto, text, json or journald")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format).ok_or(UnknownFormat)
    }
}

/// Where messages go, as `LogControl1` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// What the format chooses.
    Auto,
    /// The journal.
    Journal,
    /// Standard error.
    Console,
    /// Nowhere.
    Null,
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(name: &str) -> Result<Self, UnknownTarget> {
        match name {
            "auto" => Ok(Self::Auto),
            "journal" => Ok(Self::Journal),
            "console" => Ok(Self::Console),
            "null" => Ok(Self::Null),
            _ => Err(UnknownTarget),
        }
    }
}

/// A word that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use auto, journal, console or null")]
pub struct UnknownTarget;

/// Why a log setting could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal does not answer.
    #[error("the journal cannot be reached at {}: {_0}", journal::SOCKET)]
    Journal(#[source] io::Error),
}

/// The installed log, to be adjusted.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
    filter: reload::Handle<LevelFilter, Registry>,
}

#[derive(Debug)]
struct Shared {
    name: &'static str,
    sink: RwLock<Sink>,
    settings: Mutex<Settings>,
    /// While messages are held back.
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    level: Level,
    format: Format,
}

#[derive(Debug)]
enum Sink {
    Text(Lead),
    Json,
    Journal(Journal),
    Null,
}

impl Log {
    /// Installs the log of this process: level info, form auto. Only the first call of a process takes effect.
    #[must_use]
    pub fn install(name: &'static str) -> Self {
        let (log, subscriber) = Self::new(name);
        // A second one in the same process (tests) writes where the first does.
        let _ = tracing::subscriber::set_global_default(subscriber);
        log
    }

    fn new(name: &'static str) -> (Self, impl Subscriber) {
        let settings = Settings { level: Level::Info, format: Format::Auto };
        let sink = sink(name, settings.format, Target::Auto).unwrap_or(Sink::Text(Lead::Time));
        let (sink, lasting) = (RwLock::new(sink), Mutex::new(settings));
        let shared = Arc::new(Shared { name, sink, settings: lasting, held: Mutex::default() });
        let (layer, filter) = reload::Layer::new(settings.level.filter());
        let subscriber = Registry::default().with(layer).with(Output(Arc::clone(&shared)));
        (Self { shared, filter }, subscriber)
    }

    /// Applies level and form together.
    ///
    /// # Errors
    /// The journal was asked for and is not there; the level is applied, and messages go on as before.
    pub fn configure(&self, level: Level, format: Format) -> Result<(), LogError> {
        self.set_level(level);
        self.settings().format = format;
        self.set_target(Target::Auto)
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.settings().level
    }

    /// Sets the level.
    pub fn set_level(&self, level: Level) {
        self.settings().level = level;
        // Fails only when the subscriber is gone, and then nobody listens.
        let _ = self.filter.reload(level.filter());
    }

    /// Where messages go, in `LogControl1`'s words.
    #[must_use]
    pub fn target(&self) -> &'static str {
        match *self.shared.sink.read().unwrap_or_else(PoisonError::into_inner) {
            Sink::Text(_) | Sink::Json => "console",
            Sink::Journal(_) => "journal",
            Sink::Null => "null",
        }
    }

    /// Sends messages elsewhere.
    ///
    /// # Errors
    /// The journal was asked for and is not there; messages go on as before.
    pub fn set_target(&self, target: Target) -> Result<(), LogError> {
        let format = self.settings().format;
        let sink = sink(self.shared.name, format, target).map_err(LogError::Journal)?;
        *self.shared.sink.write().unwrap_or_else(PoisonError::into_inner) = sink;
        Ok(())
    }

    /// Writes nothing until [`release`](Self::release): whoever has frozen the disk that the log is on must not wait for it.
    /// A bounded number of messages is kept; of the others only how many there were.
    pub fn hold(&self) {
        self.shared.held().get_or_insert_with(Held::new);
    }

    /// Writes what was held back, each with its own time where the form has one, and goes on as before.
    pub fn release(&self) {
        let Some(held) = self.shared.held().take() else { return };
        let missed = held.missed();
        for (record, at) in held.into_records() {
            self.shared.write(&record, at);
        }
        if missed > 0 {
            tracing::warn!(
                "{missed} messages before this one were not kept: too many while nothing could be written"
            );
        }
    }

    /// The name under which the journal files our messages.
    #[must_use]
    pub fn identifier(&self) -> &'static str {
        self.shared.name
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer that writes.
struct Output(Arc<Shared>);

impl<S: Subscriber> Layer<S> for Output {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let now = SystemTime::now();
        if let Some(held) = self.0.held().as_mut() {
            return held.keep(|| Record::of(event), now);
        }
        self.0.write(&Record::of(event), now);
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, record: &Record, at: SystemTime) {
        let line = match &*self.sink.read().unwrap_or_else(PoisonError::into_inner) {
            Sink::Null => return,
            Sink::Journal(journal) if journal.send(record) => return,
            Sink::Journal(_) => text::text(record, Lead::Priority, at),
            Sink::Json => text::json(record, at),
            Sink::Text(lead) => text::text(record, *lead, at),
        };
        // Without a standard error there is nowhere left to say so.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

fn sink(name: &'static str, format: Format, target: Target) -> io::Result<Sink> {
    let journal = || Journal::connect(Path::new(journal::SOCKET), name).map(Sink::Journal);
    match (target, format) {
        (Target::Null, _) => Ok(Sink::Null),
        (Target::Journal, _) | (Target::Auto, Format::Journald) => journal(),
        (_, Format::Json) => Ok(Sink::Json),
        (Target::Auto, Format::Auto) if stderr_is_journal() => {
            Ok(journal().unwrap_or(Sink::Text(Lead::Priority)))
        }
        _ => Ok(Sink::Text(lead())),
    }
}

fn lead() -> Lead {
    if stderr_is_journal() {
        Lead::Priority
    } else if io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        Lead::Coloured
    } else {
        Lead::Time
    }
}

/// Whether standard error is the stream that `JOURNAL_STREAM` names (`device:inode`, systemd.exec(5)). The
/// variable alone does not tell: it is inherited by whoever is started with another standard error.
fn stderr_is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| is_stream(&stream, &stat))
}

fn is_stream(stream: &str, stat: &Stat) -> bool {
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}
