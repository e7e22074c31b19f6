//! Calls of other daemons over a bus, each bounded in time: what is common to all of them.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use zbus::wire::OwnedVariant;
use zbus::{Connection, DBusError as _, DynamicType, Type};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";
/// What buses say of a name that nobody has.
const NOBODY: [&str; 2] =
    ["org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"];
/// And of one who went, or let the bus wait too long.
const SILENT: [&str; 3] = [
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.Timeout",
    "org.freedesktop.DBus.Error.TimedOut",
];

/// Who is called, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    /// Its name; whoever is at the other end is meant on a connection without a bus.
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) interface: &'static str,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody has the name.
    Nobody,
    /// It took too long.
    Silent,
    /// An error of theirs: its name and a sentence.
    Error(String, String),
    /// The bus has gone, or says what cannot be understood.
    Bus(zbus::Error),
}

impl Failure {
    /// Whether it is this error.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Error(said, _) if said == name)
    }

    /// As the end of a sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Nobody => "it is not on the bus".to_owned(),
            Self::Silent => "it does not answer".to_owned(),
            Self::Error(_, said) => super::order::bounded(said),
            Self::Bus(error) => super::order::bounded(&error.to_string()),
        }
    }
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        let (name, said) = match &error {
            zbus::Error::MethodError(name, said, _) => (name.to_string(), said.clone()),
            zbus::Error::FDO(error) => (error.name().to_string(), error.description().map(str::to_owned)),
            _ => return Self::Bus(error),
        };
        match name.as_str() {
            known if NOBODY.contains(&known) => Self::Nobody,
            known if SILENT.contains(&known) => Self::Silent,
            _ => Self::Error(name.clone(), said.unwrap_or(name)),
        }
    }
}

/// Calls a method.
pub(super) async fn call<B, R>(
    bus: &Connection,
    object: Object,
    method: &str,
    body: &B,
    patience: Duration,
) -> Result<R, Failure>
where
    B: Serialize + DynamicType + Sync,
    R: DeserializeOwned + Type,
{
    let name = bus.is_bus().then_some(object.name);
    let call = bus.call_method(name, object.path, Some(object.interface), method, body);
    let reply = timeout(patience, call).await.map_err(|_| Failure::Silent)?;
    Ok(reply.and_then(|reply| reply.body().deserialize())?)
}

/// Reads a property.
pub(super) async fn get<T>(
    bus: &Connection,
    object: Object,
    property: &str,
    patience: Duration,
) -> Result<T, Failure>
where
    T: TryFrom<OwnedVariant>,
    T::Error: Into<zbus::Error>,
{
    let properties = Object { interface: PROPERTIES, ..object };
    let body = (object.interface, property);
    let value: OwnedVariant = call(bus, properties, "Get", &body, patience).await?;
    T::try_from(value).map_err(|error| Failure::from(error.into()))
}

/// Whether somebody has the name now; nobody is started by the question.
pub(super) async fn is_there(bus: &Connection, name: &str, patience: Duration) -> Result<bool, Failure> {
    let object = Object { name: BUS, path: "/org/freedesktop/DBus", interface: BUS };
    call(bus, object, "NameHasOwner", &name, patience).await
}
