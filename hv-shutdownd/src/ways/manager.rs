//! systemd's manager: over the bus, or over its own socket where there is no bus or the bus does not get through.
//!
//! Its target is the way in order: services are stopped as they wish to be. Its methods `PowerOff` and `Reboot` are not: they
//! begin with what comes after that (`org.freedesktop.systemd1(5)`), which is for those who do not want to wait. A job
//! `replace-irreversibly` is not undone by one that comes later, which is what logind itself asks for.

use std::path::Path;
use std::time::Duration;

use hv_utils_core::wire::shutdown::Action;
use tokio::time::timeout;
use zbus::message::Type as MessageType;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, MatchRule, MessageStream, connection};

use super::calls::{self, Failure, Object};
use super::follow::{Job, Trail};
use super::ladder::Answer;
use super::{Order, PATIENCE};

/// systemd.
pub(super) const SYSTEMD: Object = Object {
    name: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};
/// Where it listens for root alone, below the root.
const SOCKET: &str = "run/systemd/private";

/// Starts the target.
pub(super) async fn start(bus: Option<Connection>, root: &Path, order: &Order) -> Answer {
    let target = match order.action {
        Action::PowerOff => "poweroff.target",
        Action::Restart => "reboot.target",
        Action::Hibernate => "hibernate.target",
    };
    let mut reasons = Vec::new();
    for end in [End::Bus(bus), End::Socket(root)] {
        match ask(end, target).await {
            Ok(job) => return Answer::Yes(Trail::Job(job)),
            Err(why) => reasons.push(why),
        }
    }
    Answer::No(best(&reasons))
}

/// Begins with what comes after the services.
pub(super) async fn at_once(bus: Option<Connection>, root: &Path, order: &Order) -> Answer {
    let method = match order.action {
        Action::PowerOff => "PowerOff",
        Action::Restart => "Reboot",
        Action::Hibernate => return Answer::No("nobody hibernates at once".to_owned()),
    };
    let mut reasons = Vec::new();
    for end in [End::Bus(bus), End::Socket(root)] {
        let asked = async {
            let connection = end.connect().await?;
            calls::call::<_, ()>(&connection, SYSTEMD, method, &(), PATIENCE).await
        };
        match asked.await {
            Ok(()) => return Answer::Yes(Trail::None),
            Err(why) => reasons.push(why),
        }
    }
    Answer::No(best(&reasons))
}

/// What the administrator has done with a unit's file (`enabled`, …). An error of theirs may mean that there is none.
pub(super) async fn unit_file_state(
    bus: &Connection,
    unit: &str,
    patience: Duration,
) -> Result<String, Failure> {
    calls::call(bus, SYSTEMD, "GetUnitFileState", &unit, patience).await
}

/// What systemd itself says, rather than that it was not reached.
fn best(reasons: &[Failure]) -> String {
    let said = reasons.iter().find(|why| matches!(why, Failure::Error(..)));
    said.or(reasons.first()).map_or_else(String::new, Failure::words)
}

/// Where it can be reached.
enum End<'a> {
    Bus(Option<Connection>),
    Socket(&'a Path),
}

impl End<'_> {
    async fn connect(self) -> Result<Connection, Failure> {
        match self {
            Self::Bus(bus) => bus.ok_or(Failure::Nobody),
            Self::Socket(root) => {
                let address = format!("unix:path={}", root.join(SOCKET).display());
                let connect = async { connection::Builder::address(address.as_str()).p2p().build().await };
                Ok(timeout(PATIENCE, connect).await.map_err(|_| Failure::Silent)??)
            }
        }
    }
}

async fn ask(end: End<'_>, target: &str) -> Result<Box<Job>, Failure> {
    let connection = end.connect().await?;
    let ends = timeout(PATIENCE, ends(&connection)).await.map_err(|_| Failure::Silent)??;
    let path: OwnedObjectPath =
        calls::call(&connection, SYSTEMD, "StartUnit", &(target, "replace-irreversibly"), PATIENCE).await?;
    Ok(Job::new(ends, path))
}

/// The ends of jobs, from now on. systemd tells those who have asked for a job without their subscribing.
async fn ends(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(MessageType::Signal)
        .path(SYSTEMD.path)
        .interface(SYSTEMD.interface)
        .member("JobRemoved");
    // Nobody has a name where there is no bus.
    let rule = if connection.is_bus() { rule.sender(SYSTEMD.name) } else { rule };
    MessageStream::for_match_rule(rule.build()?, connection, None).await
}
