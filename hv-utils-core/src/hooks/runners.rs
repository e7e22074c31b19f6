//! What runs hooks: systemd where it runs the machine and can be reached, else the daemon itself.
//!
//! Which of them it is, is found anew whenever it is asked for: a bus comes and goes. What is said about it is said once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::direct::{self, Left};
use super::job::{Job, Outcome};
use super::systemd::{Stopping, Systemd};

/// There where systemd is the first process (`sd_booted(3)`).
const BOOTED: &str = "/run/systemd/system";
/// How often systemd is looked for on a bus that is there.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// So many sentences are remembered; then they may be said again.
const SAID: usize = 256;

/// Whose hooks they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The daemon, for people: `hv-vssd`.
    pub daemon: &'static str,
    /// With what the names of its units begin: `hv-vss-hook`. No other owner's may begin so.
    pub units: &'static str,
}

/// What runs a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runner {
    /// systemd where it runs the machine and can be reached, else the daemon itself.
    #[default]
    Auto,
    /// systemd; without it every hook fails.
    Systemd,
    /// The daemon itself: inside its sandbox.
    Direct,
}

/// What runs the hooks of one round.
#[derive(Debug)]
pub enum Means {
    /// Each is a unit of its own.
    Systemd(Systemd),
    /// The daemon itself.
    Direct,
    /// Nothing: why.
    None(String),
}

impl Means {
    /// Runs a hook to its end. Dropped, it ends the hook, with what that has started.
    pub async fn run(&self, job: &Job<'_>) -> (Outcome, Option<Left>) {
        match self {
            Self::Systemd(systemd) => systemd.run(job).await,
            Self::Direct => direct::run(job).await,
            Self::None(why) => (Outcome::not_started(why), None),
        }
    }

    /// What was given up before has ended first.
    pub async fn ready(self) -> Self {
        if let Self::Systemd(systemd) = &self {
            systemd.stopped().await;
        }
        self
    }
}

/// Finds what runs hooks. Clones are the same.
#[derive(Debug, Clone)]
pub struct Runners {
    owner: Owner,
    runner: Runner,
    booted: PathBuf,
    bus: Arc<watch::Sender<Option<zbus::Connection>>>,
    /// Units of hooks that were given up, and have not ended yet.
    stopping: Stopping,
    /// What was said already, each once.
    said: Arc<Mutex<BTreeSet<String>>>,
}

impl Runners {
    /// Nothing is looked for yet.
    #[must_use]
    pub fn new(owner: Owner, runner: Runner) -> Self {
        Self {
            owner,
            runner,
            booted: BOOTED.into(),
            bus: Arc::new(watch::Sender::new(None)),
            stopping: Stopping::default(),
            said: Arc::default(),
        }
    }

    /// The same, with another directory that tells by being there that systemd runs the machine: for tests.
    #[must_use]
    pub fn booted_at(self, booted: &Path) -> Self {
        Self { booted: booted.to_path_buf(), ..self }
    }

    /// The bus that the daemon is on now: systemd is asked over it, if it is there.
    pub fn over(&self, bus: zbus::Connection) {
        self.bus.send_replace(Some(bus));
    }

    /// What runs a round now.
    pub async fn means(&self) -> Means {
        let means = match self.runner {
            Runner::Direct => Means::Direct,
            Runner::Auto if !is_directory(&self.booted) => Means::Direct,
            Runner::Auto | Runner::Systemd => match self.systemd().await {
                Ok(systemd) => Means::Systemd(systemd),
                Err(why) if self.runner == Runner::Systemd => Means::None(why),
                Err(why) => {
                    self.once(format!("hooks run as children of the daemon, inside its sandbox: {why}"));
                    Means::Direct
                }
            },
        };
        means.ready().await
    }

    /// systemd, if it can be reached now.
    ///
    /// # Errors
    /// Why it cannot: a sentence.
    pub async fn systemd(&self) -> Result<Systemd, String> {
        let bus = self.bus.borrow().clone();
        Systemd::find(self.owner, bus, self.stopping.clone()).await
    }

    /// Waits for systemd for as long as `patience`.
    ///
    /// # Errors
    /// Why it cannot be reached even then: a sentence.
    pub async fn systemd_in_time(&self, patience: Duration) -> Result<Systemd, String> {
        let mut bus = self.bus.subscribe();
        let mut why = String::new();
        let look = async {
            loop {
                bus.mark_unchanged();
                match self.systemd().await {
                    Ok(systemd) => break systemd,
                    Err(reason) => why = reason,
                }
                // Another bus, or the same with systemd back on it.
                let _ = timeout(LOOK_AGAIN, bus.changed()).await;
            }
        };
        let found = timeout(patience, look).await;
        found.map_err(|_| why)
    }

    /// Warns of something once.
    pub fn once(&self, what: String) {
        let mut said = self.said_so_far();
        if said.contains(&what) {
            return;
        }
        tracing::warn!("{what}");
        if said.len() >= SAID {
            said.clear();
        }
        said.insert(what);
    }

    /// What was said once.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said_so_far().iter().cloned().collect()
    }

    fn said_so_far(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests;
