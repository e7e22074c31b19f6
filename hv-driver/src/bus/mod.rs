//! `org.hvutils.Driver1`: what the components are bound to, and changing it, for programs in the guest.
//!
//! Started by the bus for a call and gone again when nobody calls for a while. Anyone may look; a change asks polkit
//! (`org.hvutils.driver.change`). The work itself is plain code that takes seconds, so each call has a thread of its own;
//! the lock in the run directory keeps them, and everybody else, one at a time.

mod daemons;

#[cfg(test)]
mod tests;

pub use daemons::OnBus;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hv_utils_core::bus::{Authority, BusChoice, Error as BusError};
use hv_utils_core::daemon::Exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use zbus::message::Header;
use zbus::{Connection, connection, fdo, interface};

use crate::components::{Component, names};
use crate::config::Place;
use crate::engine::Choice;
use crate::error::{Error, Kind};
use crate::service::{Daemons, Roots, Unasked, Worker, mend, show};
use crate::show::Row;

/// The name on the bus.
pub const BUS_NAME: &str = "org.hvutils.Driver1";
/// The root object.
pub const OBJECT: &str = "/org/hvutils/Driver1";
/// The polkit action that allows changes.
const CHANGE: &str = "org.hvutils.driver.change";
/// Longest list of names that is looked at.
const MOST_NAMES: usize = 16;

/// What the interface works with.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Where everything is.
    pub roots: Roots,
    /// Where the configuration is.
    pub place: Place,
    /// The bus, for questions to daemons.
    pub bus: BusChoice,
}

/// How busy it is.
#[derive(Debug, Default)]
struct Activity {
    calls: AtomicU32,
    changed: Notify,
}

/// A call under way.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.calls.fetch_add(1, Ordering::SeqCst);
        activity.changed.notify_one();
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_one();
    }
}

/// The interface object.
#[derive(Debug)]
struct Driver1 {
    shop: Shop,
    authority: Authority,
    activity: Arc<Activity>,
}

impl Driver1 {
    /// Does `work` on a thread of its own.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(Shop) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, BusError> {
        let busy = Busy::new(&self.activity);
        let (done, outcome) = oneshot::channel();
        let shop = self.shop.clone();
        let spawned = std::thread::Builder::new().spawn(move || {
            let result = work(shop);
            drop(busy);
            // A caller that has left the bus does not wait for its answer any more.
            let _ = done.send(result);
        });
        spawned.map_err(|error| BusError::Failed(format!("cannot start a thread: {error}")))?;
        match outcome.await {
            Ok(result) => Ok(result?),
            Err(_) => Err(BusError::Failed("the work ended without a result; the log tells more".to_owned())),
        }
    }
}

#[interface(name = "org.hvutils.Driver1")]
impl Driver1 {
    /// Every component: service, instance, driver, choice, wanted driver, reason, until the next boot, mapped bytes.
    #[zbus(out_args("components"))]
    async fn show(&self) -> Result<Vec<Row>, BusError> {
        self.work(|shop| show(&shop.roots, &shop.place)).await
    }

    /// Moves components as chosen and keeps the choice; none named means all. Returns what they came to.
    #[zbus(name = "Use", out_args("results"))]
    async fn choose(
        &self,
        components: Vec<String>,
        choice: &str,
        runtime: bool,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Vec<Row>, BusError> {
        let choice =
            choice.parse::<Choice>().map_err(|error| BusError::InvalidArgument(error.to_string()))?;
        let named = named(&components)?;
        let busy = Busy::new(&self.activity);
        self.authority.check(connection, &header, CHANGE).await?;
        let rows = self.work(move |shop| {
            let on_bus = OnBus::new(&shop.bus);
            let daemons: &dyn Daemons = on_bus.as_ref().map_or(&Unasked, |on_bus| on_bus);
            let mut worker = Worker::begin(&shop.roots, shop.place.settings()?, daemons)?;
            worker.choose(&named, choice, (!runtime).then_some(&shop.place))?;
            worker.rows(&named)
        });
        let rows = rows.await;
        drop(busy);
        rows
    }
}

fn named(names_given: &[String]) -> Result<Vec<Component>, BusError> {
    if names_given.len() > MOST_NAMES {
        return Err(BusError::InvalidArgument(format!("too many components; there are {}", names())));
    }
    let component = |name: &String| {
        // Not the text itself: it may be as long as a message.
        Component::named(name)
            .ok_or_else(|| BusError::InvalidArgument(format!("no component is called that: {}", names())))
    };
    names_given.iter().map(component).collect()
}

/// Serves until nobody has called for `idle`, or until asked to stop; a change that is under way is finished first.
///
/// # Errors
/// The bus is not there or does not let us have the name.
pub fn serve(shop: Shop, idle: Duration) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::refused(format!("cannot start the event loop: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(Box::pin(run(shop, idle)))
}

async fn run(shop: Shop, idle: Duration) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::refused(format!("cannot handle signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    // Before anybody calls: it may be why this one was started.
    mend(&shop.roots);
    let activity = Arc::<Activity>::default();
    let connection = appear(&shop, &activity).await?;
    loop {
        let busy = activity.calls.load(Ordering::SeqCst) > 0;
        tokio::select! {
            () = activity.changed.notified() => {}
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = connection.closed() => break,
            () = tokio::time::sleep(idle), if !busy => break,
        }
    }
    // Who calls from now on has the bus start another one. Who has called already is still served.
    let _ = connection.release_name(BUS_NAME).await;
    while activity.calls.load(Ordering::SeqCst) > 0 {
        activity.changed.notified().await;
    }
    connection.graceful_shutdown().await;
    Ok(())
}

async fn appear(shop: &Shop, activity: &Arc<Activity>) -> Result<Connection, Error> {
    let there = |what: &str| Error::unavailable(format!("{what}: --bus names another one"));
    let address =
        shop.bus.address().map_err(|error| there(&format!("{} is not known: {error}", shop.bus)))?;
    let address = address.ok_or_else(|| there("there is nothing to serve on without a bus"))?;
    let object = Driver1 { shop: shop.clone(), authority: Authority::new(), activity: Arc::clone(activity) };
    let built = connection::Builder::address(address).serve_at(OBJECT, object).build().await;
    let connection = built.map_err(|error| there(&format!("cannot reach {}: {error}", shop.bus)))?;
    let flags = fdo::RequestNameFlags::DO_NOT_QUEUE;
    match connection.request_name_with_flags(BUS_NAME, flags).await {
        Ok(fdo::RequestNameReply::PrimaryOwner | fdo::RequestNameReply::AlreadyOwner) => Ok(connection),
        Ok(_) | Err(zbus::Error::NameTaken) => {
            let text = format!("{BUS_NAME} is taken on the bus: another instance serves");
            Err(Error::new(Kind::Exit(Exit::Busy), text))
        }
        Err(error) => {
            let text =
                format!("the bus does not let this user own {BUS_NAME} ({error}): is its policy installed?");
            Err(Error::new(Kind::Exit(Exit::NotPermitted), text))
        }
    }
}
