//! systemd over D-Bus, for daemons that want to know how units are: questions, and what is worth a new one.
//!
//! Nothing polls: a signal is a reason to ask again, and what it says is not looked at. Asked is `ListUnitsByPatterns`,
//! which loads no unit: to load one that is not there makes systemd announce it, and forget it again, to everybody who
//! listens; a question that leads to such news would lead to the next question. So `LoadUnit` is for the moments when
//! [`Heard::Manager`] says that what names mean may differ. Interface: `org.freedesktop.systemd1(5)`;
//! ListUnitsByPatterns needs version 230.

mod ear;
mod names;

pub use ear::{Ear, Heard};
pub use names::{id, path};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::match_rule::Builder;
use zbus::message::Type as MessageType;
use zbus::names::OwnedUniqueName;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, DynamicType, MatchRule, OwnedVariant, Type};

/// systemd's name.
pub const NAME: &str = "org.freedesktop.systemd1";
/// The object of its manager.
pub const PATH: &str = "/org/freedesktop/systemd1";
/// The manager's interface.
pub const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// A unit's interface.
pub const UNIT: &str = "org.freedesktop.systemd1.Unit";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";

/// Jobs after which a unit runs. One that is restarted has one all the while, and one that the boot has not come to yet,
/// too.
pub const STARTING: [&str; 3] = ["start", "restart", "reload-or-start"];

/// A row of `ListUnitsByPatterns`: name, description, load state, active state, sub state, followed unit, object; number,
/// type and object of its job.
pub type Row =
    (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// systemd, as one that is asked. By the name of its connection, which nobody can be started for.
#[derive(Debug)]
pub struct Systemd<'a> {
    bus: &'a Connection,
    owner: OwnedUniqueName,
}

impl<'a> Systemd<'a> {
    /// The one on this bus; `None`: there is none.
    pub async fn on(bus: &'a Connection) -> Option<Systemd<'a>> {
        let path = "/org/freedesktop/DBus";
        let answer = bus.call_method(Some(BUS), path, Some(BUS), "GetNameOwner", &NAME).await;
        let owner = answer.ok()?.body().deserialize().ok()?;
        Some(Systemd { bus, owner })
    }

    /// Has it send its signals.
    pub async fn subscribe(&self) {
        // It may know already that we listen; and without it, what others have asked for is heard all the same.
        let _ = self.call::<_, ()>(PATH, MANAGER, "Subscribe", &()).await;
    }

    /// The object of a unit, which is loaded for it; of another name if this is an alias.
    pub async fn load(&self, name: &str) -> Option<OwnedObjectPath> {
        self.call(PATH, MANAGER, "LoadUnit", &name).await
    }

    /// Those of these units that are loaded, by their own names only.
    pub async fn list(&self, ids: Vec<&str>) -> Option<Vec<Row>> {
        let any_state = Vec::<&str>::new();
        self.call(PATH, MANAGER, "ListUnitsByPatterns", &(any_state, ids)).await
    }

    /// A text among the properties of an object.
    pub async fn text(&self, path: &str, interface: &str, property: &str) -> Option<String> {
        let value: OwnedVariant = self.call(path, PROPERTIES, "Get", &(interface, property)).await?;
        String::try_from(value).ok()
    }

    /// An answer of another shape than expected is none.
    async fn call<B, R>(&self, path: &str, interface: &str, method: &str, body: &B) -> Option<R>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let owner = Some(self.owner.as_str());
        let answer = self.bus.call_method(owner, path, Some(interface), method, body).await;
        match answer.and_then(|answer| answer.body().deserialize()) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::trace!(%error, method, "no answer of systemd's");
                None
            }
        }
    }
}

/// That systemd comes or goes, and that it has begun or ended to read its files.
///
/// # Errors
/// None that is known.
pub fn manager_rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let owner = MatchRule::builder().msg_type(MessageType::Signal).sender(BUS).interface(BUS);
    Ok(vec![owner.member("NameOwnerChanged").arg(0, NAME).build()?, signal("Reloading").build()?])
}

/// That one of these units is loaded, and that one differs: state and job are properties.
///
/// # Errors
/// A name that can be in no rule.
pub fn unit_rules(ids: &[&str]) -> zbus::Result<Vec<MatchRule<'static>>> {
    let mut rules = Vec::new();
    for id in ids {
        rules.push(signal("UnitNew").arg(0, (*id).to_owned()).build()?);
        rules.push(changed(path(id), UNIT)?);
    }
    Ok(rules)
}

/// That what systemd says of itself differs: that the boot is over, or anything among its properties (of which
/// `SystemState` has no signal, but `NFailedUnits` has).
///
/// # Errors
/// None that is known.
pub fn state_rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    Ok(vec![signal("StartupFinished").build()?, changed(PATH.to_owned(), MANAGER)?])
}

fn changed(path: String, interface: &'static str) -> zbus::Result<MatchRule<'static>> {
    let properties = MatchRule::builder().msg_type(MessageType::Signal).sender(NAME).path(path);
    properties.interface(PROPERTIES).member("PropertiesChanged").arg(0, interface).build()
}

fn signal(member: &'static str) -> Builder<'static> {
    let manager = MatchRule::builder().msg_type(MessageType::Signal).sender(NAME);
    manager.interface(MANAGER).member(member)
}
