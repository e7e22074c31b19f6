//! `hvctl heartbeat`: what the host is told about applications, and telling it something, through `org.hvutils.Heartbeat1`.
//!
//! What is reported holds as long as the connection it was reported on.

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;
use zbus::Connection;
use zbus::wire::OwnedVariant;

use crate::age::{age, ago};
use crate::args::{Cli, Heartbeat};
use crate::error::{Error, Failure};
use crate::hold::{Holder, hold};
use crate::output::{Cell, Output, Paint};
use crate::proxies::{change, connect_for, properties, service_info};

/// The program behind Heartbeat1.
pub(crate) const HEARTBEATD: &str = "hv-heartbeatd";
const NAME: &str = "org.hvutils.Heartbeat1";
const PATH: &str = "/org/hvutils/Heartbeat1";
/// Long enough for a password.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, Serialize)]
struct Source {
    source: String,
    state: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Status {
    application_state: String,
    sequence: u64,
    /// µs since 1970; 0: never.
    last_message: u64,
    channel_state: String,
    sources: Vec<Source>,
}

/// `hvctl heartbeat`.
pub(crate) async fn run(verb: &Heartbeat, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let bus = connect_for(&cli.bus, PATIENCE).await?;
    match verb {
        Heartbeat::Status => status(&bus, output).await,
        Heartbeat::Report { state, why, command } => report(&bus, state.name(), why, command, output).await,
    }
}

async fn status(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let mut all: HashMap<String, OwnedVariant> = properties(bus, NAME, PATH, HEARTBEATD).await?;
    let service = service_info(bus, NAME, PATH, HEARTBEATD).await.unwrap_or_default();
    let rows = all.remove("Sources").and_then(|value| Vec::<(String, String, String)>::try_from(value).ok());
    let rows = rows.unwrap_or_default().into_iter();
    let word = all.get("ApplicationState").and_then(|value| value.downcast_ref::<String>().ok());
    let status = Status {
        application_state: word.unwrap_or_default(),
        sequence: all.get("Sequence").and_then(|value| value.downcast_ref().ok()).unwrap_or(0),
        last_message: service.last_message,
        channel_state: service.channel_state,
        sources: rows.map(|(source, state, why)| Source { source, state, why }).collect(),
    };
    if output.json {
        return output.object("heartbeat-status", &status);
    }
    print(&status, output)
}

fn print(status: &Status, output: &Output) -> Result<(), Failure> {
    if status.channel_state == "kernel" {
        return output.line(
            "applications: the kernel answers the host here, and tells it nothing of them (hvctl driver use uio heartbeat)",
        );
    }
    let state = Cell::new(&status.application_state).paint(paint(&status.application_state));
    let told = if status.sources.is_empty() { ": nobody says anything" } else { "" };
    output.line(&format!("applications: {}{told}", output.painted(state.text(), state.colour())))?;
    match age(status.last_message) {
        Some(age) => output.line(&format!("last heartbeat: {}, number {}", ago(age), status.sequence))?,
        None => output.line("last heartbeat: none so far")?,
    }
    if status.sources.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let cells = |source: &Source| {
        vec![
            Cell::new(&source.source),
            Cell::new(&source.state).paint(paint(&source.state)),
            Cell::new(&source.why),
        ]
    };
    let rows: Vec<Vec<Cell>> = status.sources.iter().map(cells).collect();
    output.table(&["SOURCE", "STATE", "WHY"], &rows)
}

fn paint(state: &str) -> Paint {
    match state {
        "healthy" => Paint::Green,
        "critical" => Paint::Red,
        "stopped" => Paint::Yellow,
        _ => Paint::Plain,
    }
}

async fn report(
    bus: &Connection,
    state: &str,
    why: &str,
    command: &[OsString],
    output: &Output,
) -> Result<(), Failure> {
    crate::proxies::carriable(why)?;
    let take = async || -> Result<(), Error> {
        change(bus, NAME, PATH, HEARTBEATD, "SetApplicationState", &(state, why)).await
    };
    let held = || {
        if output.json {
            return output.object("heartbeat-report", &HashMap::from([("state", state), ("why", why)]));
        }
        output.note(&format!("the host is told: {state}; until Ctrl-C"));
        Ok(())
    };
    let holder = Holder { bus, daemon: HEARTBEATD, name: NAME, path: PATH };
    hold(holder, command, take, held, output).await
}
