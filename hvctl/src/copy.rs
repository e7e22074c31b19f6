//! `hvctl copy`: files that the host copies into this machine, through `org.hvutils.FileCopy1`. Only to look.
//!
//! `watch` is as `hvctl time watch`: it outlives a restart of the daemon.

use std::collections::HashMap;

use serde::Serialize;
use zbus::Connection;
use zbus::wire::OwnedVariant;

use crate::age::{age, ago};
use crate::args::{Cli, Copy};
use crate::error::{Error, Failure};
use crate::kvp_watch::reader_gone;
use crate::output::{Cell, Output, Paint};
use crate::proxies::{connect, properties, proxy};
use crate::signals::{Heard, Signals, rule};
use crate::text::escape;

const FCOPYD: &str = "hv-fcopyd";
const NAME: &str = "org.hvutils.FileCopy1";
const PATH: &str = "/org/hvutils/FileCopy1";

#[derive(Debug, Serialize)]
struct Active {
    target: String,
    size: u64,
    done: u64,
    percent: u32,
}

#[derive(Debug, Serialize)]
struct Status {
    enabled: bool,
    roots: Vec<String>,
    /// The file that arrives now.
    active: Option<Active>,
}

#[derive(Debug, Serialize)]
struct Copied {
    /// When it ended, µs since 1970.
    when: u64,
    target: String,
    size: u64,
    result: String,
}

/// `hvctl copy`.
pub(crate) async fn run(verb: &Copy, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let bus = connect(&cli.bus).await?;
    match verb {
        Copy::Status => status(&bus, output).await,
        Copy::History => history(&bus, output).await,
        Copy::Watch => watch(&bus, output).await,
    }
}

async fn status(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let mut all: HashMap<String, OwnedVariant> = properties(bus, NAME, PATH, FCOPYD).await?;
    let active = all.remove("Active").and_then(|value| <(String, u64, u64, u32)>::try_from(value).ok());
    let active = active.filter(|active| !active.0.is_empty());
    let status = Status {
        enabled: all.get("Enabled").and_then(|value| value.downcast_ref().ok()).unwrap_or(false),
        roots: all.remove("Roots").and_then(|value| Vec::try_from(value).ok()).unwrap_or_default(),
        active: active.map(|(target, size, done, percent)| Active { target, size, done, percent }),
    };
    if output.json {
        return output.object("copy-status", &status);
    }
    output.line(&match status.enabled {
        true => format!("file copy: {}", output.painted("on", Paint::Green)),
        false => "file copy: off (enabled = true in [file-copy] of hv-utils.toml switches it on)".to_owned(),
    })?;
    output.line(&format!("roots: {}", escape(&status.roots.join(", "))))?;
    output.line(&match &status.active {
        Some(Active { target, size, done, percent }) => {
            format!("now: {}, {percent} % ({} of {})", escape(target), bytes(*done), bytes(*size))
        }
        None => "now: nothing arrives".to_owned(),
    })
}

async fn history(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let failed = |error| Error::of_call(FCOPYD, error);
    let asking = proxy(bus, NAME, PATH, NAME).await.map_err(failed)?;
    let rows: Vec<(u64, String, u64, String)> = asking.call("History", &()).await.map_err(failed)?;
    let copied = |(when, target, size, result)| Copied { when, target, size, result };
    let items: Vec<Copied> = rows.into_iter().map(copied).collect();
    if output.json {
        return output.object("copy-history", &HashMap::from([("items", &items)]));
    }
    if items.is_empty() {
        output.note("the host has copied no file so far");
        return Ok(());
    }
    let cells = |copied: &Copied| {
        vec![
            Cell::new(&age(copied.when).map(ago).unwrap_or_default()),
            Cell::new(&bytes(copied.size)),
            Cell::new(&copied.target),
            Cell::new(&copied.result).paint(paint(&copied.result)),
        ]
    };
    let rows: Vec<Vec<Cell>> = items.iter().map(cells).collect();
    output.table(&["WHEN", "SIZE", "TARGET", "RESULT"], &rows)
}

fn paint(result: &str) -> Paint {
    if result == "ok" { Paint::Green } else { Paint::Red }
}

/// One line of `watch --json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Ready { daemon: bool },
    Started { target: String, size: u64 },
    Finished { target: String, size: u64, result: String },
    DaemonGone { daemon: bool },
    DaemonBack { daemon: bool },
}

async fn watch(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let rule = rule(NAME, PATH).build().map_err(|error| Error::of_call("the bus", error))?;
    let mut signals = Signals::new(bus, NAME, rule).await?;
    report(Event::Ready { daemon: signals.daemon_is_there() }, output)?;
    let mut reader_gone = reader_gone();
    loop {
        tokio::select! {
            heard = signals.next() => {
                if let Some(event) = event_of(heard?) {
                    report(event, output)?;
                }
            }
            _ = &mut reader_gone => return Err(Failure::PipeClosed),
        }
    }
}

/// Nothing if it is none of those, or not formed as it should be.
fn event_of(heard: Heard) -> Option<Event> {
    let message = match heard {
        Heard::Gone => return Some(Event::DaemonGone { daemon: false }),
        Heard::Back => return Some(Event::DaemonBack { daemon: true }),
        Heard::Signal(message) => message,
    };
    let (header, body) = (message.header(), message.body());
    match header.member()?.as_str() {
        "Started" => {
            let (target, size) = body.deserialize().ok()?;
            Some(Event::Started { target, size })
        }
        "Finished" => {
            let (target, size, result) = body.deserialize().ok()?;
            Some(Event::Finished { target, size, result })
        }
        _ => None,
    }
}

fn report(event: Event, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.object("copy-watch", &event);
    }
    match event {
        Event::Started { target, size } => {
            return output.line(&format!("started {} ({})", escape(&target), bytes(size)));
        }
        Event::Finished { target, size, result } => {
            let said = output.painted(&escape(&result), paint(&result));
            return output.line(&format!("finished {} ({}): {said}", escape(&target), bytes(size)));
        }
        Event::Ready { daemon } => {
            output.note("ready: watching files from the host");
            if !daemon {
                output.note(&format!(
                    "{FCOPYD} is not running: files show as soon as it is (systemctl start {FCOPYD})"
                ));
            }
        }
        Event::DaemonGone { .. } => output.note(&format!("{FCOPYD} left the bus: waiting for it")),
        Event::DaemonBack { .. } => output.note(&format!("{FCOPYD} is on the bus")),
    }
    Ok(())
}

/// A size in the largest unit that fits, with a tenth.
fn bytes(size: u64) -> String {
    let mut tenths = u128::from(size) * 10;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if tenths < 10_240 {
            let point = if unit == "B" { String::new() } else { format!(".{}", tenths % 10) };
            return format!("{}{point} {unit}", tenths / 10);
        }
        tenths /= 1024;
    }
    format!("{}.{} TiB", tenths / 10, tenths % 10)
}
