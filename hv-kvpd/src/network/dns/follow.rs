//! The task that asks the services on the bus and follows them, for as long as a connection lives.
//!
//! What it learns is published when it differs. A service that does not answer in time counts as one that knows
//! nothing, until it says something again. While a question is under way, signals are taken in: a stream that nobody
//! reads would stop the whole connection.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use tokio::sync::watch;
use tokio::time::timeout;
use zbus::match_rule::Builder;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream};

use super::ask::Service;
use super::manager::{self, Subject};
use super::{Servers, resolved};
use crate::network::Interfaces;

/// How long a service may take to answer all questions.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a round of questions led to.
#[derive(Debug, Default)]
struct Learnt {
    servers: Servers,
    subjects: Vec<Subject>,
}

/// Keeps `found` as the services on `bus` say, for the interfaces that matter. `nudges` changes when there is another
/// reason to ask again. Ends with the connection.
pub(super) async fn follow(
    bus: Connection,
    mut interfaces: watch::Receiver<Interfaces>,
    mut nudges: watch::Receiver<u64>,
    found: watch::Sender<Servers>,
) {
    if let Err(error) = run(&bus, &mut interfaces, &mut nudges, &found).await {
        tracing::debug!(%error, "DNS servers are not asked for on the bus any more");
    }
    // With the bus goes what was known from it.
    publish(&found, Servers::default());
}

async fn run(
    bus: &Connection,
    interfaces: &mut watch::Receiver<Interfaces>,
    nudges: &mut watch::Receiver<u64>,
    found: &watch::Sender<Servers>,
) -> zbus::Result<()> {
    let mut standing = streams(bus, standing_rules()?).await?;
    let mut subjects = Vec::new();
    let mut objects = SelectAll::new();
    loop {
        let wanted = interfaces.borrow_and_update().clone();
        nudges.borrow_and_update();
        let (learnt, mut again) = meanwhile(ask(bus, &wanted), &mut standing, &mut objects).await;
        if learnt.subjects != subjects {
            let listening = streams(bus, object_rules(&learnt.subjects)?);
            let (listening, _) = meanwhile(listening, &mut standing, &mut objects).await;
            objects = listening?;
            // What changed before somebody listened is found out by asking once more.
            again = true;
            subjects = learnt.subjects;
        }
        publish(found, learnt.servers);
        if !again {
            tokio::select! {
                signal = standing.next() => if signal.is_none() { return Ok(()) },
                Some(_) = objects.next() => {}
                changed = interfaces.changed() => if changed.is_err() { return Ok(()) },
                nudged = nudges.changed() => if nudged.is_err() { return Ok(()) },
            }
        }
    }
}

/// Does `work` and takes in signals meanwhile; tells whether there were any.
async fn meanwhile<T>(
    work: impl Future<Output = T>,
    standing: &mut SelectAll<MessageStream>,
    objects: &mut SelectAll<MessageStream>,
) -> (T, bool) {
    tokio::pin!(work);
    let mut any = false;
    loop {
        tokio::select! {
            done = &mut work => return (done, any),
            Some(_) = standing.next() => any = true,
            Some(_) = objects.next() => any = true,
        }
    }
}

fn publish(found: &watch::Sender<Servers>, servers: Servers) {
    found.send_if_modified(|known| {
        let differs = *known != servers;
        *known = servers;
        differs
    });
}

async fn ask(bus: &Connection, interfaces: &Interfaces) -> Learnt {
    let resolved = async {
        match Service::named(bus, resolved::NAME).await {
            Some(service) => resolved::ask(&service, interfaces).await,
            None => Servers::default(),
        }
    };
    let servers = timeout(PATIENCE, resolved).await.unwrap_or_default();
    if !servers.is_empty() {
        return Learnt { servers, subjects: Vec::new() };
    }
    let manager = async {
        match Service::named(bus, manager::NAME).await {
            Some(service) => manager::ask(&service, interfaces).await,
            None => (Servers::default(), Vec::new()),
        }
    };
    let (servers, subjects) = timeout(PATIENCE, manager).await.unwrap_or_default();
    Learnt { servers, subjects }
}

/// What is listened to always: that a service comes or goes, that resolved's list changes, and that NetworkManager has
/// another device.
fn standing_rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let owner =
        |name| signal("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged").arg(0, name);
    let device = |member| signal(manager::NAME, manager::NAME, member).path(manager::PATH);
    Ok(vec![
        owner(resolved::NAME).build()?,
        owner(manager::NAME).build()?,
        properties(resolved::NAME, resolved::PATH, resolved::MANAGER).build()?,
        device("DeviceAdded").build()?,
        device("DeviceRemoved").build()?,
    ])
}

fn object_rules(subjects: &[Subject]) -> zbus::Result<Vec<MatchRule<'_>>> {
    subjects.iter().map(|(path, interface)| properties(manager::NAME, path, interface).build()).collect()
}

fn signal<'m>(sender: &'static str, interface: &'static str, member: &'static str) -> Builder<'m> {
    MatchRule::builder().msg_type(Type::Signal).sender(sender).interface(interface).member(member)
}

fn properties<'m>(sender: &'static str, path: &'m str, interface: &'static str) -> Builder<'m> {
    signal(sender, "org.freedesktop.DBus.Properties", "PropertiesChanged").path(path).arg(0, interface)
}

async fn streams(bus: &Connection, rules: Vec<MatchRule<'_>>) -> zbus::Result<SelectAll<MessageStream>> {
    let mut streams = Vec::new();
    for rule in rules {
        streams.push(MessageStream::for_match_rule(rule.to_owned(), bus, None).await?);
    }
    Ok(select_all(streams))
}
