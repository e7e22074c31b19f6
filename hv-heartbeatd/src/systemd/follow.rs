//! The task that asks systemd and listens to it, for as long as a connection lives.
//!
//! While systemd is replaced (`systemctl daemon-reexec`) what was seen stays. Where it does not answer for a while nothing
//! is known any more, and it is asked again until it does: one question at a time, each with the same patience.

use std::collections::BTreeMap;
use std::time::Duration;

use hv_utils_core::bus::units::{self, Ear, Heard, MANAGER, PATH, Row, Systemd, UNIT};
use tokio::sync::watch;
use tokio::time::timeout;
use zbus::{Connection, MatchRule};

use super::seen::{Seen, UnitSeen, Wanted};

/// How long systemd may take for a round of questions; while it reads its files it answers none.
const PATIENCE: Duration = Duration::from_secs(30);
/// Targets that `SystemState` looks at: their jobs and states make it `stopping` and `maintenance`.
const TARGETS: [&str; 3] = ["shutdown.target", "rescue.target", "emergency.target"];

/// What a name of the administrator's stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    name: String,
    /// The unit's own name; an alias is listed by nobody.
    id: String,
    /// Its load state when its files were read.
    load: String,
}

/// What a round of questions led to.
#[derive(Debug)]
enum Answer {
    Told(Seen, Vec<Known>),
    /// There is nobody who could say anything.
    Nobody,
    /// It does not say what it is asked.
    Refused,
    /// Not in time.
    Silent,
}

/// Keeps `seen` as systemd on `bus` says. Ends with the connection.
pub(super) async fn follow(bus: Connection, wanted: Wanted, seen: watch::Sender<Seen>) {
    if let Err(error) = run(&bus, &wanted, &seen).await {
        tracing::debug!(%error, "systemd is not listened to any more");
    }
    seen.send_replace(Seen::silent("the bus is gone"));
}

async fn run(bus: &Connection, wanted: &Wanted, seen: &watch::Sender<Seen>) -> zbus::Result<()> {
    let as_named = |name: &String| Known { name: name.clone(), id: name.clone(), load: String::new() };
    let mut known: Vec<Known> = wanted.units.iter().map(as_named).collect();
    let mut ear = Ear::new(bus, units::manager_rules()?, rules(wanted, &known)?).await?;
    let mut heard = Heard::Manager;
    loop {
        let (answer, mut since) =
            ear.meanwhile(round(bus, wanted, &known, heard == Heard::Manager)).await;
        match answer {
            Answer::Told(now, found) => {
                if ids(&found) != ids(&known) {
                    // What changed before somebody listened is found out by asking once more.
                    since = since.max(Heard::Unit);
                    since = since.max(ear.turn(bus, rules(wanted, &found)?).await?);
                }
                known = found;
                publish(seen, now);
            }
            // It may be about to come back; what was known is still true then, mostly.
            Answer::Nobody if seen.borrow().is_known() => {}
            Answer::Nobody => publish(seen, Seen::silent("systemd is not on the bus")),
            Answer::Refused => publish(seen, Seen::silent("systemd refuses to say")),
            Answer::Silent => {
                publish(seen, Seen::silent("systemd does not answer"));
                since = Heard::Manager;
            }
        }
        heard = match since {
            Heard::Nothing => match ear.next().await {
                Some(heard) => heard,
                None => return Ok(()),
            },
            since => since,
        };
        if bus.is_closed() {
            return Ok(());
        }
    }
}

fn publish(seen: &watch::Sender<Seen>, now: Seen) {
    seen.send_if_modified(|seen| {
        let differs = *seen != now;
        *seen = now;
        differs
    });
}

fn ids(known: &[Known]) -> Vec<&str> {
    known.iter().map(|known| known.id.as_str()).collect()
}

fn rules(wanted: &Wanted, known: &[Known]) -> zbus::Result<Vec<MatchRule<'static>>> {
    let mut rules = units::unit_rules(&ids(known))?;
    if wanted.system {
        rules.extend(units::state_rules()?);
        rules.extend(units::unit_rules(&TARGETS)?);
    }
    Ok(rules)
}

/// Asks how things are; `afresh`: and what the names mean first.
async fn round(bus: &Connection, wanted: &Wanted, known: &[Known], afresh: bool) -> Answer {
    let work = async {
        let systemd = Systemd::on(bus).await?;
        let known = if afresh { resolve(&systemd, wanted).await } else { known.to_vec() };
        Some(ask(&systemd, wanted, &known).await.map(|seen| (seen, known)))
    };
    match timeout(PATIENCE, work).await {
        Ok(Some(Some((seen, known)))) => Answer::Told(seen, known),
        // It may have gone while it was asked.
        Ok(Some(None)) if Systemd::on(bus).await.is_some() => Answer::Refused,
        Ok(_) => Answer::Nobody,
        Err(_) => Answer::Silent,
    }
}

/// Has systemd send its signals, and finds out what the names stand for.
async fn resolve(systemd: &Systemd<'_>, wanted: &Wanted) -> Vec<Known> {
    systemd.subscribe().await;
    let mut known = Vec::new();
    for name in &wanted.units {
        let path = systemd.load(name).await;
        let id = path.as_ref().and_then(|path| units::id(path.as_str()));
        let load = match &path {
            Some(path) => systemd.text(path.as_str(), UNIT, "LoadState").await,
            None => None,
        };
        let load = load.unwrap_or_else(|| "error".to_owned());
        known.push(Known { name: name.clone(), id: id.unwrap_or_else(|| name.clone()), load });
    }
    known
}

async fn ask(systemd: &Systemd<'_>, wanted: &Wanted, known: &[Known]) -> Option<Seen> {
    let system = match wanted.system {
        true => Some(systemd.text(PATH, MANAGER, "SystemState").await?),
        false => None,
    };
    // To ask for no unit would be to ask for all.
    let rows = if known.is_empty() { Vec::new() } else { systemd.list(ids(known)).await? };
    let units: BTreeMap<String, UnitSeen> =
        known.iter().map(|known| (known.name.clone(), unit(known, &rows))).collect();
    Some(Seen { silent: None, system, units })
}

/// A unit that is not among those that are loaded does not run; whether it could is known from when it was loaded for us.
fn unit(known: &Known, rows: &[Row]) -> UnitSeen {
    match rows.iter().find(|row| row.0 == known.id) {
        Some(row) => {
            UnitSeen { load: row.2.clone(), active: row.3.clone(), sub: row.4.clone(), job: row.8.clone() }
        }
        None => UnitSeen { load: known.load.clone(), active: "inactive".to_owned(), ..UnitSeen::default() },
    }
}
