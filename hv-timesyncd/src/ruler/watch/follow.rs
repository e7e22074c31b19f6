//! The task that asks systemd and listens to it, for as long as a connection lives.
//!
//! Where systemd does not answer, or is replaced (`systemctl daemon-reexec`), what was known stays: to take a client for
//! gone that runs would mean to steer against it.

use std::time::Duration;

use hv_utils_core::bus::units::{self as systemd, Ear, Heard, Row, Systemd};
use tokio::sync::watch;
use tokio::time::timeout;
use zbus::Connection;

use super::units::{Units, names};
use crate::ruler::Clients;

/// How long systemd may take for a round of questions; while it reads its files it answers none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a round of questions led to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Told(Clients, Units),
    /// There is nobody who could say anything.
    Nobody,
    /// No answer in time.
    Silent,
}

/// Keeps `known` as systemd on `bus` says. Ends with the connection.
pub(super) async fn follow(bus: Connection, known: watch::Sender<Option<Clients>>) {
    if let Err(error) = run(&bus, &known).await {
        tracing::debug!(%error, "NTP clients are not looked for on the bus any more");
    }
}

async fn run(bus: &Connection, known: &watch::Sender<Option<Clients>>) -> zbus::Result<()> {
    let mut units = Units::default();
    let mut ear = Ear::new(bus, systemd::manager_rules()?, systemd::unit_rules(&units.ids())?).await?;
    let mut heard = Heard::Manager;
    let mut is_news = true;
    loop {
        let (answer, mut since) = ear.meanwhile(round(bus, &units, heard == Heard::Manager)).await;
        if let Answer::Told(_, found) = &answer
            && *found != units
        {
            // What changed before somebody listened is found out by asking once more.
            since = since.max(Heard::Unit);
            since = since.max(ear.turn(bus, systemd::unit_rules(&found.ids())?).await?);
            units = found.clone();
        }
        if is_news && answer == Answer::Nobody {
            tracing::debug!("nobody says on this bus which NTP clients run");
        }
        is_news = answer != Answer::Nobody;
        publish(known, &answer);
        heard = match since {
            Heard::Nothing => match ear.next().await {
                Some(heard) => heard,
                None => return Ok(()),
            },
            since => since,
        };
    }
}

fn publish(known: &watch::Sender<Option<Clients>>, answer: &Answer) {
    known.send_if_modified(|known| {
        let now = match answer {
            Answer::Told(clients, _) => Some(*clients),
            Answer::Nobody => known.or(Some(Clients::default())),
            Answer::Silent => *known,
        };
        std::mem::replace(known, now) != now
    });
}

/// Asks which clients run, of these units; `afresh`: and of which first.
async fn round(bus: &Connection, units: &Units, afresh: bool) -> Answer {
    let work = async {
        let systemd = Systemd::on(bus).await?;
        let units = if afresh { resolve(&systemd).await } else { units.clone() };
        let rows = systemd.list(units.ids()).await?;
        let add = |clients, row: &Row| units.add(clients, &row.0, &row.3, &row.8);
        Some((rows.iter().fold(Clients::default(), add), units))
    };
    match timeout(PATIENCE, work).await {
        Ok(Some((clients, units))) => Answer::Told(clients, units),
        Ok(None) => Answer::Nobody,
        Err(_) => Answer::Silent,
    }
}

/// Has systemd send its signals, and finds out the units' own names.
async fn resolve(systemd: &Systemd<'_>) -> Units {
    systemd.subscribe().await;
    let mut units = Units::default();
    for (name, client) in names() {
        if let Some(id) = systemd.load(name).await.and_then(|unit| systemd::id(unit.as_str())) {
            units.learn(id, client);
        }
    }
    units
}
