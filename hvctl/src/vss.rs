//! `hvctl vss`: what is frozen, what would be, how it went, and doing it by hand, through `org.hvutils.Vss1`.
//!
//! While anything is frozen whoever writes to it waits and cannot be killed. So nothing is written to a file then, and
//! after the answer to a freeze nothing more is asked of anybody. What the host has frozen is thawed only if that is said:
//! it would spoil a backup. A freeze is as slow as the programs that prepare for
//! it, and a person at a terminal may be asked for a password meanwhile.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, fstat};
use serde::Serialize;
use zbus::Proxy;
use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::wire::OwnedVariant;

use crate::age::age;
use crate::args::{Cli, Vss};
use crate::error::{Code, Error, Failure};
use crate::output::{Cell, Output, Paint};
use crate::proxies::connect_for;
use crate::text::escape;

mod plan;
mod record;

use plan::Planned;
use record::Freeze;

/// The program behind Vss1.
pub(crate) const VSSD: &str = "hv-vssd";
const NAME: &str = "org.hvutils.Vss1";
const PATH: &str = "/org/hvutils/Vss1";

/// To look takes an instant.
const LOOK: Duration = Duration::from_secs(30);
/// To freeze takes as long as the administrator's programs are let, and a password.
const CHANGE: Duration = Duration::from_secs(900);
/// How often the history is asked for again while many others ask for it, and how long after.
const AGAIN: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// `"items":[…]`.
#[derive(Debug, Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

/// `hvctl vss status`.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    stand: Stand,
    /// The last freeze that is over.
    last_freeze: Option<Freeze>,
}

/// How it stands. What an older hv-vssd does not tell is empty.
#[derive(Debug, Serialize)]
struct Stand {
    /// `thawed`, `freezing`, `frozen`, `thawing` or `failed`.
    state: String,
    /// Who has asked for the freeze that is under way: `host`, `bus`; empty: none is.
    origin: String,
    /// What is frozen.
    frozen_mounts: Vec<String>,
    /// µs since 1970; 0: nothing is frozen.
    frozen_since: u64,
    /// The same: when it is thawed at the latest.
    deadline: u64,
}

impl Stand {
    /// Whether a backup of the host's would be spoiled by a thaw.
    fn is_the_hosts(&self) -> bool {
        self.origin == "host" && matches!(self.state.as_str(), "freezing" | "frozen")
    }
}

/// `hvctl vss`.
pub(crate) async fn run(verb: &Vss, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let patience = if matches!(verb, Vss::Freeze { .. } | Vss::Thaw { .. }) { CHANGE } else { LOOK };
    let vss = Vss1::connect(cli, patience).await?;
    match verb {
        Vss::Status => status(&vss, output).await,
        Vss::Plan { all } => plan(&vss, *all, output).await,
        Vss::Freeze { time } => freeze(&vss, *time, output).await,
        Vss::Thaw { force } => thaw(&vss, *force, output).await,
        Vss::History { last, verbose } => history(&vss, *last, *verbose, output).await,
    }
}

async fn status(vss: &Vss1, output: &Output) -> Result<(), Failure> {
    let (stand, last_freeze) = (vss.stand().await?, vss.history().await?.pop());
    let status = Status { stand, last_freeze };
    if output.json {
        return output.object("vss-status", &status);
    }
    let stand = &status.stand;
    let paint = match stand.state.as_str() {
        "thawed" => Paint::Green,
        "failed" => Paint::Red,
        _ => Paint::Yellow,
    };
    let mut line = format!("state: {}", output.painted(&escape(&stand.state), paint));
    if let Some(age) = age(stand.frozen_since) {
        line.push_str(&format!(" for {} s", age.as_secs()));
    }
    if stand.deadline != 0 {
        line.push_str(&format!(", thawed in {} s at the latest", seconds_until(stand.deadline)));
    }
    if stand.is_the_hosts() {
        line.push_str(", for the host");
    }
    output.line(&line)?;
    if !stand.frozen_mounts.is_empty() {
        output.line(&format!("frozen: {}", escape(&stand.frozen_mounts.join(", "))))?;
    }
    match &status.last_freeze {
        Some(freeze) => {
            output.line(&format!("last freeze: {}", freeze.sentence()))?;
            freeze.details(output)
        }
        None => output.line("last freeze: none is remembered"),
    }
}

async fn plan(vss: &Vss1, all: bool, output: &Output) -> Result<(), Failure> {
    let plan = vss.plan().await?;
    if output.json {
        return output.object("vss-plan", &Items { items: &plan });
    }
    if plan.is_empty() {
        output.note("no filesystems");
        return Ok(());
    }
    output.table(&["ORDER", "MOUNT", "TYPE", "VERDICT", "REASON"], &plan::rows(&plan, all))?;
    let first = |verdict: &str| plan.iter().find(|planned| planned.verdict == verdict);
    match (first("fail"), first("freeze")) {
        (Some(planned), _) => output.line(&format!(
            "\nA backup is refused because of {}: [vss] on-unfreezable, exclude and exclude-types decide about that.",
            escape(&planned.mount)
        )),
        (None, None) => output.line("\nnothing would be frozen"),
        (None, Some(_)) => Ok(()),
    }
}

/// Whether standard output is a file, which may be frozen with everything else.
fn is_to_a_file() -> bool {
    fstat(io::stdout()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

async fn freeze(vss: &Vss1, time: Option<u32>, output: &Output) -> Result<(), Failure> {
    // 0: as long as the daemon allows.
    vss.change("Freeze", &(time.unwrap_or(0),)).await?;
    // The output may be a file, and that may be frozen by now.
    if output.json && !is_to_a_file() {
        return output.object("vss-freeze", &Nothing {});
    }
    if output.terminal && !output.json {
        return output.line("frozen; to thaw: hvctl vss thaw");
    }
    Ok(())
}

async fn thaw(vss: &Vss1, force: bool, output: &Output) -> Result<(), Failure> {
    if !force && vss.stand().await?.is_the_hosts() {
        let message = "this freeze is the host's: to thaw it now would spoil its backup";
        let error = Error::new(Code::Failed, "HostsFreeze", message);
        return Err(error
            .hint("hvctl vss status shows how long it lasts at most; hvctl vss thaw --force ends it")
            .into());
    }
    vss.change("Thaw", &()).await?;
    if output.json { output.object("vss-thaw", &Nothing {}) } else { output.line("thawed") }
}

/// An answer that has no more to tell than its kind.
#[derive(Debug, Serialize)]
struct Nothing {}

async fn history(vss: &Vss1, last: bool, verbose: bool, output: &Output) -> Result<(), Failure> {
    let mut freezes = vss.history().await?;
    if last {
        freezes.drain(..freezes.len().saturating_sub(1));
    }
    if output.json {
        return output.object("vss-history", &Items { items: &freezes });
    }
    if freezes.is_empty() {
        output.note("nothing has been frozen so far");
        return Ok(());
    }
    if !last && !verbose {
        let cells: Vec<Vec<Cell>> = freezes.iter().map(Freeze::cells).collect();
        return output.table(&record::HEADING, &cells);
    }
    for (index, freeze) in freezes.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        output.line(&freeze.sentence())?;
        freeze.details(output)?;
    }
    Ok(())
}

/// Whole seconds from now until `micros` since 1970; 0 if that is past.
fn seconds_until(micros: u64) -> u64 {
    let then = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
    then.and_then(|then| then.duration_since(SystemTime::now()).ok()).map_or(0, |left| left.as_secs())
}

/// Vss1 on a connection.
struct Vss1 {
    proxy: Proxy<'static>,
}

impl Vss1 {
    async fn connect(cli: &Cli, patience: Duration) -> Result<Vss1, Error> {
        let bus = connect_for(&cli.bus, patience).await?;
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&bus);
        let builder = builder.destination(NAME).path(PATH).interface(NAME);
        let proxy = builder.cache_properties(CacheProperties::No).build().await.map_err(failed)?;
        Ok(Vss1 { proxy })
    }

    /// All properties in one call, so that they fit together. Of the last freeze the history tells more.
    async fn stand(&self) -> Result<Stand, Error> {
        let bus = self.proxy.connection();
        let properties =
            Proxy::new(bus, NAME, PATH, "org.freedesktop.DBus.Properties").await.map_err(failed)?;
        let mut all: HashMap<String, OwnedVariant> =
            properties.call("GetAll", &(NAME,)).await.map_err(failed)?;
        let number = |name: &str| all.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or(0);
        let (frozen_since, deadline) = (number("FrozenSince"), number("Deadline"));
        let word = |name: &str| all.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let (state, origin) = (word("State"), word("Origin"));
        let mounts = all.remove("FrozenMounts").and_then(|value| Vec::<String>::try_from(value).ok());
        Ok(Stand { state, origin, frozen_mounts: mounts.unwrap_or_default(), frozen_since, deadline })
    }

    async fn plan(&self) -> Result<Vec<Planned>, Error> {
        self.proxy.call("Plan", &()).await.map_err(failed)
    }

    async fn history(&self) -> Result<Vec<Freeze>, Error> {
        let ask = async || self.proxy.call("History", &()).await.map_err(failed);
        let mut answer: Result<Vec<HashMap<String, OwnedVariant>>, Error> = ask().await;
        // Many may ask for it at a time; each is answered in an instant.
        for _ in 0..AGAIN {
            if answer.as_ref().is_err_and(|error| error.short_name() == "Busy") {
                tokio::time::sleep(PAUSE).await;
                answer = ask().await;
            }
        }
        let dicts = answer?;
        Ok(dicts.into_iter().map(Freeze::from).collect())
    }

    async fn change<B>(&self, method: &str, body: &B) -> Result<(), Error>
    where
        B: Serialize + zbus::DynamicType,
    {
        let interactive = io::stdin().is_terminal();
        let flags = if interactive { MethodFlags::ALLOW_INTERACTIVE_AUTH } else { MethodFlags::empty() };
        let answer = self.proxy.call_with_flags::<_, _, ()>(method, flags, body).await;
        answer.map(drop).map_err(|error| {
            let error = failed(error);
            if method == "Thaw" && error.short_name() == "NotAuthorized" {
                // polkit is not asked: it may hang on what is to be thawed.
                return error.hint("run it as root; others may thaw only what they have had frozen");
            }
            error
        })
    }
}

fn failed(error: zbus::Error) -> Error {
    Error::of_call(VSSD, error)
}
