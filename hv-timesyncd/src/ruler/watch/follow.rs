//! The task that asks systemd and listens to it, for as long as a connection lives.
//!
//! While a question is under way signals are taken in: a stream that nobody reads would stop the whole connection. Where
//! systemd does not answer, or is replaced (`systemctl daemon-reexec`), what was known stays: to take a client for gone
//! that runs would mean to steer against it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::timeout;
use zbus::match_rule::Builder;
use zbus::message::Type as MessageType;
use zbus::names::OwnedUniqueName;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, DynamicType, MatchRule, MessageStream, Type};

use super::units::{self, Units, names, path};
use crate::ruler::Clients;

pub(super) const NAME: &str = "org.freedesktop.systemd1";
pub(super) const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
const BUS: &str = "org.freedesktop.DBus";

/// How long systemd may take for a round of questions; while it reads its files it answers none.
const PATIENCE: Duration = Duration::from_secs(60);

/// A row of `ListUnitsByPatterns`: name, description, load state, active state, sub state, followed unit, object; number,
/// type and object of its job.
pub(super) type Row =
    (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// What a round of questions led to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Told(Clients, Units),
    /// There is nobody who could say anything.
    Nobody,
    /// No answer in time.
    Silent,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    Nothing,
    /// Something about a unit.
    Unit,
    /// systemd came, went, or has read its files.
    Manager,
}

/// Keeps `known` as systemd on `bus` says. Ends with the connection.
pub(super) async fn follow(bus: Connection, known: watch::Sender<Option<Clients>>) {
    if let Err(error) = run(&bus, &known).await {
        tracing::debug!(%error, "NTP clients are not looked for on the bus any more");
    }
}

async fn run(bus: &Connection, known: &watch::Sender<Option<Clients>>) -> zbus::Result<()> {
    let mut units = Units::default();
    let manager = streams(bus, manager_rules()?).await?;
    let mut ear = Ear { manager, units: streams(bus, unit_rules(&units)?).await? };
    let mut heard = Heard::Manager;
    let mut is_news = true;
    loop {
        let (answer, mut since) = ear.meanwhile(round(bus, &units, heard == Heard::Manager)).await;
        if let Answer::Told(_, found) = &answer
            && *found != units
        {
            let (listening, _) = ear.meanwhile(streams(bus, unit_rules(found)?)).await;
            (ear.units, units) = (listening?, found.clone());
            // What changed before somebody listened is found out by asking once more.
            since = since.max(Heard::Unit);
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
        let owner = owner(bus).await?;
        let units = if afresh { resolve(bus, &owner).await } else { units.clone() };
        Some((ask(bus, &owner, &units).await?, units))
    };
    match timeout(PATIENCE, work).await {
        Ok(Some((clients, units))) => Answer::Told(clients, units),
        Ok(None) => Answer::Nobody,
        Err(_) => Answer::Silent,
    }
}

/// Has systemd send its signals, and finds out the units' own names.
async fn resolve(bus: &Connection, systemd: &OwnedUniqueName) -> Units {
    // It may know already that we listen; and without it, what others have asked for is heard all the same.
    let _ = call::<_, ()>(bus, systemd, "Subscribe", &()).await;
    let mut units = Units::default();
    for (name, client) in names() {
        let unit: Option<OwnedObjectPath> = call(bus, systemd, "LoadUnit", &name).await;
        if let Some(id) = unit.and_then(|unit| units::id(unit.as_str())) {
            units.learn(id, client);
        }
    }
    units
}

async fn ask(bus: &Connection, systemd: &OwnedUniqueName, units: &Units) -> Option<Clients> {
    let any_state = Vec::<&str>::new();
    let rows: Vec<Row> = call(bus, systemd, "ListUnitsByPatterns", &(any_state, units.ids())).await?;
    let add = |clients, row: &Row| units.add(clients, &row.0, &row.3, &row.8);
    Some(rows.iter().fold(Clients::default(), add))
}

/// systemd by the name of its connection, which nobody can be started for.
async fn owner(bus: &Connection) -> Option<OwnedUniqueName> {
    let answer = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "GetNameOwner", &NAME).await;
    answer.ok()?.body().deserialize().ok()
}

/// An answer of another shape than expected is none.
async fn call<B, R>(bus: &Connection, owner: &OwnedUniqueName, method: &str, body: &B) -> Option<R>
where
    B: Serialize + DynamicType,
    R: DeserializeOwned + Type,
{
    let answer = bus.call_method(Some(owner.as_str()), PATH, Some(MANAGER), method, body).await;
    match answer.and_then(|answer| answer.body().deserialize()) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::trace!(%error, method, "no answer of systemd's");
            None
        }
    }
}

/// What is listened to.
struct Ear {
    manager: SelectAll<MessageStream>,
    units: SelectAll<MessageStream>,
}

impl Ear {
    /// `None`: the connection is closed.
    async fn next(&mut self) -> Option<Heard> {
        tokio::select! {
            signal = self.manager.next() => signal.map(|_| Heard::Manager),
            signal = self.units.next() => signal.map(|_| Heard::Unit),
        }
    }

    /// Does `work` and takes in signals meanwhile; tells what there was.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> (T, Heard) {
        tokio::pin!(work);
        let mut most = Heard::Nothing;
        loop {
            tokio::select! {
                done = &mut work => return (done, most),
                Some(heard) = self.next() => most = most.max(heard),
            }
        }
    }
}

/// That systemd comes or goes, and that it has begun or ended to read its files.
fn manager_rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let owner = MatchRule::builder().msg_type(MessageType::Signal).sender(BUS).interface(BUS);
    Ok(vec![owner.member("NameOwnerChanged").arg(0, NAME).build()?, signal("Reloading").build()?])
}

/// That one of these units is loaded, and that one differs: state and job are properties.
fn unit_rules(units: &Units) -> zbus::Result<Vec<MatchRule<'static>>> {
    let mut rules = Vec::new();
    for id in units.ids() {
        rules.push(signal("UnitNew").arg(0, id.to_owned()).build()?);
        let properties = MatchRule::builder().msg_type(MessageType::Signal).sender(NAME).path(path(id));
        let properties = properties.interface("org.freedesktop.DBus.Properties").member("PropertiesChanged");
        rules.push(properties.arg(0, UNIT).build()?);
    }
    Ok(rules)
}

fn signal(member: &'static str) -> Builder<'static> {
    let manager = MatchRule::builder().msg_type(MessageType::Signal).sender(NAME);
    manager.interface(MANAGER).member(member)
}

async fn streams(bus: &Connection, rules: Vec<MatchRule<'static>>) -> zbus::Result<SelectAll<MessageStream>> {
    let mut streams = Vec::new();
    for rule in rules {
        streams.push(MessageStream::for_match_rule(rule, bus, None).await?);
    }
    Ok(select_all(streams))
}
