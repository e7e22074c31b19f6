//! `hvctl shutdown`: what the host has asked for, what became of it, and having it refused, through `org.hvutils.Shutdown1`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use serde::Serialize;
use zbus::Connection;
use zbus::wire::{OwnedFd, OwnedVariant};

use crate::age::{age, ago};
use crate::args::{Cli, Shutdown};
use crate::error::{Code, Error, Failure};
use crate::hold::{Holder, hold};
use crate::output::{Cell, Output, Paint};
use crate::proxies::{carriable, change, connect_for, properties, proxy, service_info};
use crate::text::escape;

/// The program behind Shutdown1.
pub(crate) const SHUTDOWND: &str = "hv-shutdownd";
const NAME: &str = "org.hvutils.Shutdown1";
const PATH: &str = "/org/hvutils/Shutdown1";
/// Long enough for a password.
const PATIENCE: Duration = Duration::from_secs(180);
/// Windows' SHTDN_REASON_FLAG_PLANNED.
const PLANNED: u32 = 0x8000_0000;

/// One of `History()`: when, kind, forced, reason, timeout, text, outcome.
type Row = (u64, String, bool, u32, u32, String, String);

#[derive(Debug, Serialize)]
struct Request {
    when: u64,
    kind: String,
    forced: bool,
    reason: u32,
    timeout: u32,
    text: String,
    outcome: String,
}

impl From<Row> for Request {
    fn from((when, kind, forced, reason, timeout, text, outcome): Row) -> Request {
        Request { when, kind, forced, reason, timeout, text, outcome }
    }
}

#[derive(Debug, Serialize)]
struct Inhibitor {
    who: String,
    why: String,
    uid: u32,
    since: u64,
}

#[derive(Debug, Serialize)]
struct Status {
    pending: bool,
    channel_state: String,
    can_hibernate: bool,
    /// Why not; empty: it can.
    why_not_hibernate: String,
    inhibitors: Vec<Inhibitor>,
    /// The oldest first.
    requests: Vec<Request>,
}

/// `hvctl shutdown`.
pub(crate) async fn run(verb: &Shutdown, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let bus = connect_for(&cli.bus, PATIENCE).await?;
    match verb {
        Shutdown::Status => status(&bus, output).await,
        Shutdown::Inhibit { who, why, command } => inhibit(&bus, who.as_deref(), why, command, output).await,
    }
}

async fn status(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let mut all: HashMap<String, OwnedVariant> = properties(bus, NAME, PATH, SHUTDOWND).await?;
    let asking = proxy(bus, NAME, PATH, NAME).await;
    let asking = asking.map_err(|error| Error::of_call(SHUTDOWND, error))?;
    let requests: Vec<Row> =
        asking.call("History", &()).await.map_err(|error| Error::of_call(SHUTDOWND, error))?;
    let service = service_info(bus, NAME, PATH, SHUTDOWND).await.unwrap_or_default();
    let rows =
        all.remove("Inhibitors").and_then(|value| Vec::<(String, String, u32, u64)>::try_from(value).ok());
    let hibernate = all.remove("CanHibernate").and_then(|value| <(bool, String)>::try_from(value).ok());
    let (can_hibernate, why_not_hibernate) = hibernate.unwrap_or_default();
    let rows = rows.unwrap_or_default().into_iter();
    let status = Status {
        pending: all.get("Pending").and_then(|value| value.downcast_ref().ok()).unwrap_or(false),
        channel_state: service.channel_state,
        can_hibernate,
        why_not_hibernate,
        inhibitors: rows.map(|(who, why, uid, since)| Inhibitor { who, why, uid, since }).collect(),
        requests: requests.into_iter().map(Request::from).collect(),
    };
    if output.json { output.object("shutdown-status", &status) } else { print(&status, output) }
}

fn print(status: &Status, output: &Output) -> Result<(), Failure> {
    if status.channel_state == "kernel" {
        return output.line("the kernel powers off by itself when the host asks, and asks nobody (hvctl driver use uio shutdown)");
    }
    let pending = match status.pending {
        true => output.painted("yes: this machine is on its way", Paint::Yellow),
        false => "no".to_owned(),
    };
    output.line(&format!("pending: {pending}"))?;
    output.line(&match status.can_hibernate {
        true => "hibernate: possible".to_owned(),
        false => format!("hibernate: not possible: {}", escape(&status.why_not_hibernate)),
    })?;
    if status.inhibitors.is_empty() {
        output.line("inhibitors: none")?;
    }
    if status.requests.is_empty() {
        output.line("requests: none so far")?;
    }
    if !status.inhibitors.is_empty() {
        output.line("")?;
        let cells = |held: &Inhibitor| {
            vec![
                Cell::new(&held.who),
                Cell::new(&held.uid.to_string()),
                Cell::new(&when(held.since)),
                Cell::new(&held.why),
            ]
        };
        let rows: Vec<Vec<Cell>> = status.inhibitors.iter().map(cells).collect();
        output.table(&["INHIBITOR", "USER", "SINCE", "WHY"], &rows)?;
    }
    if status.requests.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let rows: Vec<Vec<Cell>> = status.requests.iter().map(cells).collect();
    output.table(&["WHEN", "REQUEST", "REASON", "TEXT", "OUTCOME"], &rows)
}

fn cells(request: &Request) -> Vec<Cell> {
    let forced = if request.forced { ", forced" } else { "" };
    let reason = match request.reason {
        PLANNED => "planned".to_owned(),
        reason => format!("0x{reason:08x}"),
    };
    let paint = match request.outcome.split(':').next() {
        Some("refused") => Paint::Yellow,
        Some("failed") => Paint::Red,
        _ => Paint::Plain,
    };
    vec![
        Cell::new(&when(request.when)),
        Cell::new(&format!("{}{forced}", request.kind)),
        Cell::new(&reason),
        Cell::new(&request.text),
        Cell::new(&request.outcome).paint(paint),
    ]
}

fn when(micros: u64) -> String {
    age(micros).map(ago).unwrap_or_default()
}

async fn inhibit(
    bus: &Connection,
    who: Option<&str>,
    why: &str,
    command: &[OsString],
    output: &Output,
) -> Result<(), Failure> {
    let program = command.first().and_then(|first| Path::new(first).file_name());
    let program = program.map_or_else(|| "hvctl".into(), |name| name.to_string_lossy());
    let who = who.unwrap_or(&program);
    carriable(who)?;
    carriable(why)?;
    // It must not be open in what is run: a program that it leaves behind would hold it on.
    let take = async || -> Result<OwnedFd, Error> {
        let fd: OwnedFd = change(bus, NAME, PATH, SHUTDOWND, "Inhibit", &(who, why)).await?;
        fcntl_setfd(&fd, FdFlags::CLOEXEC).map_err(|error| {
            Error::new(Code::Failed, "Failed", format!("cannot keep the inhibitor to hvctl: {error}"))
        })?;
        Ok(fd)
    };
    let held = || {
        if output.json {
            return output.object("shutdown-inhibit", &HashMap::from([("who", who), ("why", why)]));
        }
        output.note("the host's requests are refused unless forced; until Ctrl-C");
        Ok(())
    };
    let holder = Holder { bus, daemon: SHUTDOWND, name: NAME, path: PATH };
    hold(holder, command, take, held, output).await
}
