//! What runs the hooks of one round: systemd or the daemon.
//!
//! Decided when a freeze begins, and remembered: what began as a unit is ended as one, also if the bus has gone meanwhile and
//! has to come again first. A `thaw` is run by the daemon rather than not at all.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::direct::{self, Left};
use super::job::{Job, Outcome};
use super::systemd::Systemd;
use super::{Hooks, Runner};

/// How long a thaw waits for the bus over which its freeze was run.
pub(super) const BUS_PATIENCE: Duration = Duration::from_secs(10);
/// How often systemd is looked for on a bus that is there.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) enum Means {
    Systemd(Systemd),
    /// The daemon itself.
    Direct,
    /// Nothing: why.
    None(String),
}

/// What ran the `freeze` of those that have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Systemd,
    Daemon,
}

impl Means {
    /// Runs a hook to its end.
    pub(super) async fn run(&self, job: &Job<'_>) -> (Outcome, Option<Left>) {
        match self {
            Self::Systemd(systemd) => systemd.run(job).await,
            Self::Direct => direct::run(job).await,
            Self::None(why) => (Outcome::not_started(why), None),
        }
    }

    /// `None`: nothing is run.
    pub(super) fn by(&self) -> Option<By> {
        match self {
            Self::Systemd(_) => Some(By::Systemd),
            Self::Direct => Some(By::Daemon),
            Self::None(_) => None,
        }
    }
}

impl Hooks {
    /// For a round of `freeze`, and for what others have begun.
    pub(super) async fn means(&self) -> Means {
        let means = match self.options.runner {
            Runner::Direct => Means::Direct,
            Runner::Auto if !is_directory(&self.booted) => Means::Direct,
            Runner::Auto | Runner::Systemd => match self.systemd().await {
                Ok(systemd) => Means::Systemd(systemd),
                Err(why) if self.options.runner == Runner::Systemd => Means::None(why),
                Err(why) => {
                    self.once(format!("hooks run as children of the daemon, inside its sandbox: {why}"));
                    Means::Direct
                }
            },
        };
        ready(means).await
    }

    /// For the rounds after a `freeze`.
    pub(super) async fn means_back(&self) -> Means {
        let begun_by = self.state().begun_by;
        match begun_by {
            None => self.means().await,
            Some(By::Daemon) => Means::Direct,
            Some(By::Systemd) => match self.systemd_in_time().await {
                Ok(systemd) => ready(Means::Systemd(systemd)).await,
                Err(why) => {
                    tracing::warn!(
                        "hooks that began as units go on as children of the daemon, inside its sandbox: {why}"
                    );
                    Means::Direct
                }
            },
        }
    }

    async fn systemd(&self) -> Result<Systemd, String> {
        let bus = self.bus.borrow().clone();
        Systemd::find(bus, self.stopping.clone()).await
    }

    /// Waits for it.
    async fn systemd_in_time(&self) -> Result<Systemd, String> {
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
        let found = timeout(self.patience, look).await;
        found.map_err(|_| why)
    }

    /// Once there is a bus again: what the hooks of a freeze that is over have left with systemd is ended.
    pub(super) fn tidy(&self) {
        let mut state = self.state();
        if let (true, true, Ok(runtime)) = (state.begun.is_empty(), state.units_left, Handle::try_current()) {
            let hooks = self.clone();
            let work = async move {
                if let Ok(systemd) = hooks.systemd().await {
                    hooks.stop_units(&systemd).await;
                }
            };
            state.tidying = Some(runtime.spawn(work));
        }
    }

    /// Ends everything that hooks have left with systemd.
    pub(super) async fn stop_units(&self, systemd: &Systemd) {
        let result = systemd.stop_all(&[]).await;
        self.state().units_left = result.is_err();
        if let Err(why) = result {
            tracing::warn!("what hooks have left running was not ended by systemd: {why}");
        }
    }
}

/// What was given up before has ended first.
async fn ready(means: Means) -> Means {
    if let Means::Systemd(systemd) = &means {
        systemd.stopped().await;
    }
    means
}

fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
