//! May this caller do that: polkit where there is one, else root.
//!
//! Root may do everything without being asked, and so may the daemon's own user: it owns the files the daemon
//! keeps and could replace the daemon itself. Anyone else needs polkit's consent for the action; where polkit is
//! not on the bus and cannot be started, nobody else may. The caller is who the bus says it is: a caller without
//! a sender, or one the bus cannot identify, is refused. What must be decided while other programs may hang asks nobody
//! but the message bus ([`Authority::identify`]).

use super::Error;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;
use zbus::message::{Flags, Header};
use zbus::names::UniqueName;
use zbus::{Connection, DBusError, Variant};

/// polkit's answer must come within this, unless a person is asked.
const POLKIT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a person may take to type a password.
const PERSON_PATIENCE: Duration = Duration::from_secs(120);

/// How long [`Authority::identify`] waits for the message bus: it answers from memory, but to all in turn, and many calls
/// at once keep it busy. As long as callers commonly wait.
const BUS_PATIENCE: Duration = Duration::from_secs(25);

/// `CheckAuthorization` may ask a person.
const ALLOW_USER_INTERACTION: u32 = 1;

/// Decides who may change things. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority {
    /// The user this process acts as.
    own: u32,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// The rules for this process.
    #[must_use]
    pub fn new() -> Self {
        Self::acting_as(rustix::process::geteuid().as_raw())
    }

    fn acting_as(own: u32) -> Self {
        Self { own }
    }

    /// Whether the caller of a method may do what polkit calls `action`.
    ///
    /// # Errors
    /// [`Error::NotAuthorized`] with the reason.
    pub async fn check(&self, bus: &Connection, call: &Header<'_>, action: &str) -> Result<(), Error> {
        self.admit(bus, call, action).await.map(drop)
    }

    /// As [`check`](Self::check), and tells which user the caller is.
    ///
    /// # Errors
    /// [`Error::NotAuthorized`] with the reason.
    pub async fn admit(&self, bus: &Connection, call: &Header<'_>, action: &str) -> Result<u32, Error> {
        let caller = caller(call)?;
        let user = user(bus, &caller).await?;
        if !self.trusts(user) {
            let interactive = call.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
            polkit(bus, &caller, action, interactive).await?;
        }
        Ok(user)
    }

    /// Which user the caller is. polkit is never asked, nor any other program but the message bus, which has just delivered
    /// the call and answers from memory: for what must not wait for somebody who may hang.
    ///
    /// # Errors
    /// [`Error::NotAuthorized`]: nobody knows, or the bus has not said so in 25 s.
    pub async fn identify(bus: &Connection, call: &Header<'_>) -> Result<u32, Error> {
        let caller = caller(call)?;
        let Ok(user) = timeout(BUS_PATIENCE, user(bus, &caller)).await else {
            return Err(refused("the bus does not say in time who the caller is: try again"));
        };
        user
    }

    /// Whether the caller is root, for what is nobody else's business.
    ///
    /// # Errors
    /// [`Error::NotAuthorized`] with the reason.
    pub async fn root(&self, bus: &Connection, call: &Header<'_>) -> Result<(), Error> {
        if self.trusts(user(bus, &caller(call)?).await?) {
            return Ok(());
        }
        Err(refused("only root may do this"))
    }

    /// Whether this user may do everything: root, and that of this process.
    #[must_use]
    pub fn trusts(&self, user: u32) -> bool {
        user == 0 || user == self.own
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::NotAuthorized(why.into())
}

fn caller<'a>(call: &'a Header<'_>) -> Result<UniqueName<'a>, Error> {
    call.sender()
        .map(|sender| sender.as_ref())
        .ok_or_else(|| refused("the caller is not known: use the message bus"))
}

/// The user behind a bus name, from the bus itself.
async fn user(bus: &Connection, caller: &UniqueName<'_>) -> Result<u32, Error> {
    const BUS: &str = "org.freedesktop.DBus";
    let reply = bus
        .call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "GetConnectionUnixUser", &caller.as_str())
        .await
        .and_then(|reply| reply.body().deserialize::<u32>());
    reply.map_err(|error| refused(format!("the bus does not say who the caller is: {error}")))
}

async fn polkit(
    bus: &Connection,
    caller: &UniqueName<'_>,
    action: &str,
    interactive: bool,
) -> Result<(), Error> {
    let (flags, patience) =
        if interactive { (ALLOW_USER_INTERACTION, PERSON_PATIENCE) } else { (0, POLKIT_PATIENCE) };
    let verdict = match timeout(patience, ask_polkit(bus, caller, action, flags)).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(error)) => {
            tracing::debug!(%error, action, "polkit could not be asked");
            return Err(refused(unanswered(&error, action)));
        }
        Err(_) => {
            return Err(refused(format!("polkit did not answer in time ({action}): try again, or as root")));
        }
    };
    let why = match verdict {
        Verdict { consent: true, .. } => return Ok(()),
        Verdict { challenge: true, .. } => {
            format!("{action} needs a password: allow interaction, or use root")
        }
        _ => format!("polkit does not allow it: see the rules for {action}, or use root"),
    };
    Err(refused(why))
}

/// polkit's answer.
struct Verdict {
    consent: bool,
    /// A password would help.
    challenge: bool,
}

async fn ask_polkit(
    bus: &Connection,
    caller: &UniqueName<'_>,
    action: &str,
    flags: u32,
) -> zbus::Result<Verdict> {
    let subject = ("system-bus-name", HashMap::from([("name", Variant::from(caller.as_str()))]));
    let details: HashMap<&str, &str> = HashMap::new();
    let answer = bus
        .call_method(
            Some("org.freedesktop.PolicyKit1"),
            "/org/freedesktop/PolicyKit1/Authority",
            Some("org.freedesktop.PolicyKit1.Authority"),
            "CheckAuthorization",
            &(subject, action, details, flags, ""),
        )
        .await?;
    let (consent, challenge, _details): (bool, bool, HashMap<String, String>) =
        answer.body().deserialize()?;
    Ok(Verdict { consent, challenge })
}

/// Why polkit did not decide: it is not there, or it answered with an error, which is for the administrator.
fn unanswered(error: &zbus::Error, action: &str) -> String {
    /// How a bus says that nobody has the name, or can be started for it.
    const ABSENT: [&str; 3] = ["ServiceUnknown", "NameHasNoOwner", "Spawn."];
    let (name, text) = match error {
        zbus::Error::MethodError(name, text, _) => (name.as_str().to_owned(), text.as_deref()),
        // The names that zbus knows.
        zbus::Error::FDO(error) => (error.name().to_string(), error.description()),
        error => return format!("polkit could not be asked about {action} ({error}): try again, or as root"),
    };
    let kind = name.strip_prefix("org.freedesktop.DBus.Error.");
    if kind.is_some_and(|kind| ABSENT.iter().any(|absent| kind.starts_with(absent))) {
        return format!("only root may do this here ({action}): polkit is not available");
    }
    let text = text.unwrap_or_default();
    format!("polkit cannot decide about {action} ({name}: {text}): is its policy installed? Root may do it")
}

#[cfg(test)]
mod tests;
