//! A daemon's presence on the bus: got when the bus is there, regained when it comes back.
//!
//! The host is served with or without a bus, so all waiting is done in a task of its own and told as events. A
//! connection is made; the daemon registers its objects; only then is the name asked for, so that no early call is
//! lost. A bus that is missing is awaited by [`PathWatch`]; one that refuses connections, or has no socket file to
//! watch, is tried again with growing pauses, a bounded number of times.

use super::choice::socket_path;
use crate::daemon::{Exit, Failure, PathWatch};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use zbus::fdo;
use zbus::{Address, Connection, connection};

/// Pauses between attempts at a bus whose socket is there but does not answer yet.
const SOON: Pauses = Pauses { first: Duration::from_millis(50), attempts: 6 };

/// Pauses between attempts at a bus that cannot be watched for: about two minutes in all.
const LATER: Pauses = Pauses { first: Duration::from_secs(1), attempts: 7 };

/// Growing pauses, each twice the one before.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    first: Duration,
    attempts: u32,
}

/// What became of the daemon's presence on the bus.
#[derive(Debug)]
pub(crate) enum Event {
    /// Connected. Register objects, then call [`Presence::registered`].
    Connected(Connection),
    /// The daemon has its name.
    Named,
    /// The bus is not there; it is being waited for. The reason is for the log.
    Absent(String),
    /// The bus does not let this daemon in, or another has its name.
    Refused(Failure),
    /// The connection ended; a new one is being sought.
    Lost,
}

/// The handle of the task that keeps the daemon on the bus.
#[derive(Debug)]
pub(crate) struct Presence {
    events: mpsc::Receiver<Event>,
    registered: Arc<Notify>,
    retry: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Presence {
    /// Starts to seek `name` on the bus at `address`.
    pub(crate) fn seek(address: Address, name: &'static str) -> Self {
        let (sender, events) = mpsc::channel(1);
        let registered = Arc::new(Notify::new());
        let retry = Arc::new(Notify::new());
        let keeper = Keeper {
            address,
            name,
            events: sender,
            registered: Arc::clone(&registered),
            retry: Arc::clone(&retry),
        };
        Self { events, registered, retry, task: tokio::spawn(keeper.keep()) }
    }

    /// The next event. Cancel safe. Never ends by itself.
    pub(crate) async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// The objects are registered on the connection of the last [`Event::Connected`].
    pub(crate) fn registered(&self) {
        self.registered.notify_one();
    }

    /// Tries again now, if nothing else would.
    pub(crate) fn retry(&self) {
        self.retry.notify_one();
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    address: Address,
    name: &'static str,
    events: mpsc::Sender<Event>,
    registered: Arc<Notify>,
    retry: Arc<Notify>,
}

/// A connection that held for this long was a good one: its loss is answered by a new one at once.
const LASTING: Duration = Duration::from_secs(10);
/// First pause after a connection that did not last.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest pause between two connections that do not last.
const LONGEST: Duration = Duration::from_secs(10);

/// How soon to call again. A bus that hangs up as soon as it sees us would else be called without end.
#[derive(Debug, Default)]
struct Pace(Duration);

impl Pace {
    /// The pause after a connection that held for `lasted`.
    fn after(&mut self, lasted: Duration) -> Duration {
        self.0 = if lasted < LASTING { (self.0 * 2).clamp(SHORTEST, LONGEST) } else { Duration::ZERO };
        self.0
    }
}

/// Nobody listens any more: the daemon ends.
struct Over;

impl Keeper {
    async fn keep(self) {
        let mut pace = Pace::default();
        loop {
            let began = Instant::now();
            if self.once().await.is_err() {
                return;
            }
            tokio::time::sleep(pace.after(began.elapsed())).await;
        }
    }

    /// From no connection to a connection and back.
    async fn once(&self) -> Result<(), Over> {
        let bus = self.connected().await?;
        self.tell(Event::Connected(bus.clone())).await?;
        self.registered.notified().await;
        loop {
            let event = match request_name(&bus, self.name).await {
                Ok(()) => Event::Named,
                Err(_) if bus.is_closed() => break,
                Err(failure) => Event::Refused(failure),
            };
            let named = matches!(event, Event::Named);
            self.tell(event).await?;
            tokio::select! {
                () = bus.closed() => break,
                () = self.retry.notified(), if !named => {}
            }
        }
        self.tell(Event::Lost).await
    }

    /// A connection, however long it takes.
    async fn connected(&self) -> Result<Connection, Over> {
        // Without a watch at first: mostly the bus is there, and to close an inotify descriptor takes the kernel
        // longer than all the rest of a start.
        if let Ok(bus) = connect(&self.address).await {
            return Ok(bus);
        }
        let mut told = false;
        loop {
            let watch = socket_path(&self.address).and_then(|path| PathWatch::new(&path).ok());
            let error = match self.persist(if watch.is_some() { SOON } else { LATER }, &mut told).await? {
                Ok(bus) => return Ok(bus),
                Err(error) => error,
            };
            if let Some(failure) = denied(&error, &self.address) {
                self.tell(Event::Refused(failure)).await?;
            }
            self.wait(watch).await;
        }
    }

    /// Attempts with pauses while there is something to be tried; tells the first that failed.
    async fn persist(&self, pauses: Pauses, told: &mut bool) -> Result<zbus::Result<Connection>, Over> {
        let mut pause = pauses.first;
        for _ in 0..pauses.attempts {
            let error = match connect(&self.address).await {
                Ok(bus) => return Ok(Ok(bus)),
                Err(error) => error,
            };
            if denied(&error, &self.address).is_some() {
                return Ok(Err(error));
            }
            if !std::mem::replace(told, true) {
                self.tell(Event::Absent(reason(&error))).await?;
            }
            if missing(&error) {
                return Ok(Err(error));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(connect(&self.address).await)
    }

    async fn wait(&self, watch: Option<PathWatch>) {
        let changed = async {
            match &watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.retry.notified() => {}
            changed = changed => if let Err(error) = changed {
                tracing::warn!(%error, "the bus cannot be watched for; SIGHUP makes the daemon try again");
                self.retry.notified().await;
            },
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Over> {
        self.events.send(event).await.map_err(|_| Over)
    }
}

async fn connect(address: &Address) -> zbus::Result<Connection> {
    connection::Builder::address(address.clone()).build().await
}

/// Asks for the name: not in a queue, and nobody may take it from us.
async fn request_name(bus: &Connection, name: &str) -> Result<(), Failure> {
    const BUS: &str = "org.freedesktop.DBus";
    let arguments = (name, fdo::RequestNameFlags::DO_NOT_QUEUE);
    let reply =
        bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "RequestName", &arguments).await;
    match reply.and_then(|reply| reply.body().deserialize::<fdo::RequestNameReply>()) {
        Ok(fdo::RequestNameReply::PrimaryOwner | fdo::RequestNameReply::AlreadyOwner) => Ok(()),
        Ok(_) => Err(Failure::new(
            Exit::Busy,
            format!("{name} is taken on the bus: another instance runs; stop it first"),
        )),
        Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::AccessDenied(_)) => Err(Failure::new(
            Exit::NotPermitted,
            format!(
                "the bus does not let this user own {name}: install its policy file, or run as the daemon's user"
            ),
        )),
        Err(error) => Err(Failure::internal(format!("cannot get the name {name} on the bus: {error}"))),
    }
}

/// The failure, if the bus is there but not for us.
fn denied(error: &zbus::Error, address: &Address) -> Option<Failure> {
    let denied = match error {
        zbus::Error::Connection(error, _) | zbus::Error::InputOutput(error) => {
            error.kind() == std::io::ErrorKind::PermissionDenied
        }
        // zbus tells a refused user from other trouble with the handshake by text only.
        zbus::Error::Handshake(text) => text.contains("rejected"),
        zbus::Error::FDO(error) => matches!(**error, fdo::Error::AccessDenied(_) | fdo::Error::AuthFailed(_)),
        _ => false,
    };
    denied.then(|| {
        let reason = reason(error);
        Failure::new(Exit::NotPermitted, format!("the bus at {address} does not let this user in: {reason}"))
    })
}

/// Whether there is no socket, so that trying again soon makes no sense.
fn missing(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::Connection(error, _) if error.kind() == std::io::ErrorKind::NotFound)
}

fn reason(error: &zbus::Error) -> String {
    match error {
        zbus::Error::Connection(error, _) | zbus::Error::InputOutput(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
