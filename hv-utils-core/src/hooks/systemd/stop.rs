//! How units come to their end that have not come to it: given up, left running, or lost with the bus.
//!
//! A round of hooks that was dropped cannot wait, and a bus that has gone cannot be asked: such work is kept in [`Stopping`],
//! which outlives both, and is waited for, or done, before anything else is asked of systemd.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zbus::wire::OwnedObjectPath;

use super::{Removed, Systemd, bus_gone, unit};
use crate::hooks::job::GRACE;

/// What systemd says where a unit is gone.
const NO_SUCH_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";
/// How long a round waits for what was given up before it.
const WAIT: Duration = Duration::from_secs(5);

/// Units that have to end, and the work that ends them. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<Mutex<Work>>);

#[derive(Debug, Default)]
struct Work {
    under_way: Vec<JoinHandle<()>>,
    /// Those that could not be stopped, the bus being gone.
    owed: Vec<String>,
}

impl Stopping {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops a unit, unless it has come to its end.
pub(super) struct Guard<'a> {
    systemd: &'a Systemd,
    unit: Option<String>,
}

impl<'a> Guard<'a> {
    pub(super) fn new(systemd: &'a Systemd, unit: String) -> Self {
        Self { systemd, unit: Some(unit) }
    }

    /// It has.
    pub(super) fn done(&mut self) {
        self.unit = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // Without a runtime the whole process ends; the unit ends when its time is over.
        if let (Some(unit), Ok(runtime)) = (self.unit.take(), Handle::try_current()) {
            let systemd = self.systemd.clone();
            // What goes wrong with it is told when it is tried again.
            let work = runtime.spawn(async move { drop(systemd.stop(&unit).await) });
            self.systemd.stopping.lock().under_way.push(work);
        }
    }
}

impl Systemd {
    /// Stops what hooks have left running, those of a daemon before us too; with `states` only units in one of them. All are
    /// tried.
    ///
    /// # Errors
    /// The first of what went wrong, a sentence.
    pub async fn stop_all(&self, states: &[&str]) -> Result<(), String> {
        // Name, description, three states, what it follows, path, job: id, type, path.
        type Unit =
            (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);
        let pattern = unit::pattern(self.owner);
        let asked = (states, &[pattern.as_str()][..]);
        let units: Vec<Unit> = match timeout(self.patience, self.manager("ListUnitsByPatterns", &asked)).await
        {
            Ok(Ok(units)) => units,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("systemd does not answer".to_owned()),
        };
        let ends = join_all(units.iter().map(|unit| self.stop(&unit.0))).await;
        ends.into_iter().collect()
    }

    /// Stops one that has not come to its end, and waits until it has.
    async fn stop(&self, unit: &str) -> Result<(), String> {
        let result = match timeout(GRACE + self.patience, self.ask_to_stop(unit)).await {
            Ok(Err(zbus::Error::MethodError(name, ..))) if name.as_str() == NO_SUCH_UNIT => Ok(()),
            Ok(Err(error)) => {
                if matches!(error, zbus::Error::InputOutput(_)) {
                    self.stopping.lock().owed.push(unit.to_owned());
                }
                Err(format!("{unit}: {error}"))
            }
            Ok(Ok(())) => Ok(()),
            Err(_) => Err(format!("{unit} does not end")),
        };
        self.forget(unit).await;
        result
    }

    async fn ask_to_stop(&self, unit: &str) -> zbus::Result<()> {
        let mut ends = self.ends(unit).await?;
        let job: OwnedObjectPath = self.manager("StopUnit", &(unit, "replace")).await?;
        while let Some(end) = ends.next().await {
            // Its start is a job, too, which ends by this.
            if end?.body().deserialize::<Removed>()?.1 == job {
                return Ok(());
            }
        }
        Err(bus_gone())
    }

    /// Waits until all that was given up has ended, with bounds, and stops what a bus that went has kept from it.
    pub async fn stopped(&self) {
        let work = async {
            loop {
                let under_way = std::mem::take(&mut self.stopping.lock().under_way);
                if under_way.is_empty() {
                    break;
                }
                join_all(under_way).await;
            }
            let owed = std::mem::take(&mut self.stopping.lock().owed);
            for result in join_all(owed.iter().map(|unit| self.stop(unit))).await {
                if let Err(why) = result {
                    tracing::warn!("a hook that was given up may still run: {why}");
                }
            }
        };
        if timeout(WAIT, work).await.is_err() {
            tracing::warn!("a hook that was given up has not ended within {} s", WAIT.as_secs());
        }
    }
}
