//! What runs the hooks of one round: systemd or the daemon.
//!
//! Decided when a freeze begins, and remembered: what began as a unit is ended as one, also if the bus has gone meanwhile and
//! has to come again first. A `thaw` is run by the daemon rather than not at all.

use std::time::Duration;

use hv_utils_core::hooks::{Means, Systemd};
use tokio::runtime::Handle;

use super::Hooks;

/// How long a thaw waits for the bus over which its freeze was run.
pub(super) const BUS_PATIENCE: Duration = Duration::from_secs(10);

/// What ran the `freeze` of those that have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Systemd,
    Daemon,
}

/// `None`: nothing is run.
pub(super) fn by(means: &Means) -> Option<By> {
    match means {
        Means::Systemd(_) => Some(By::Systemd),
        Means::Direct => Some(By::Daemon),
        Means::None(_) => None,
    }
}

impl Hooks {
    /// For the rounds after a `freeze`.
    pub(super) async fn means_back(&self) -> Means {
        let begun_by = self.state().begun_by;
        match begun_by {
            None => self.runners.means().await,
            Some(By::Daemon) => Means::Direct,
            Some(By::Systemd) => match self.runners.systemd_in_time(self.patience).await {
                Ok(systemd) => Means::Systemd(systemd).ready().await,
                Err(why) => {
                    tracing::warn!(
                        "hooks that began as units go on as children of the daemon, inside its sandbox: {why}"
                    );
                    Means::Direct
                }
            },
        }
    }

    /// Once there is a bus again: what the hooks of a freeze that is over have left with systemd is ended.
    pub(super) fn tidy(&self) {
        let mut state = self.state();
        if let (true, true, Ok(runtime)) = (state.begun.is_empty(), state.units_left, Handle::try_current()) {
            let hooks = self.clone();
            let work = async move {
                if let Ok(systemd) = hooks.runners.systemd().await {
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
