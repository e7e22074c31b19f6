//! What an instance before this one has left: a freeze that it did not see to the end, and filesystems that did not thaw.
//!
//! Found by [`recover`] before anything else is done. Not here: `--recover`, which is [`crate::rescue`].

use std::time::Duration;

use hv_utils_core::bus::BusChoice;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Vssd;
use crate::backup::Backup;
use crate::freeze::{After, Leftover, recover};
use crate::rescue::roots;

/// How long the hooks of a freeze before our time wait for a bus, over which they would be run.
const BUS_PATIENCE: Duration = Duration::from_secs(10);

/// Between two attempts to thaw what was left.
const RESCUE_PAUSE: Duration = Duration::from_secs(5);

impl Vssd {
    /// Tries again to thaw what an instance before this one has left, until nothing is frozen.
    fn keep_rescuing(&self) -> JoinHandle<()> {
        let (common, boot_id) = (self.context.common.clone(), self.boot_id.clone());
        tokio::task::spawn_blocking(move || {
            let left = || recover(&common.run_dir, &roots(&common), &boot_id, After::Forget);
            while left().is_ok_and(|left| left.is_some_and(|left| !left.stuck.is_empty())) {
                std::thread::sleep(RESCUE_PAUSE);
            }
        })
    }

    /// A freeze before our time: it is told, and the hooks that still wait for their thaw are run.
    pub(super) fn recovered(&mut self, leftover: Option<Leftover>) {
        let begun = self.hooks.left_behind();
        if leftover.is_none() && begun.is_none() {
            return;
        }
        let stuck = leftover.as_ref().map(|leftover| leftover.stuck.as_slice()).unwrap_or_default();
        if !stuck.is_empty() {
            self.rescue = Some(self.keep_rescuing());
        }
        for stuck in stuck {
            tracing::error!("left frozen by an instance before this one: {stuck}");
        }
        tracing::warn!("an instance before this one ended during a freeze");
        let report = leftover.map_or_else(Backup::without_record, |leftover| leftover.report);
        self.engine.recovered(report.origin);
        let mut bus = self.bus.subscribe();
        let wait = if self.context.common.bus == BusChoice::None { Duration::ZERO } else { BUS_PATIENCE };
        let bus = async move {
            let _ = timeout(wait, bus.wait_for(Option::is_some)).await;
        };
        self.backup = Some(Backup::recovered(report, &self.hooks, begun.unwrap_or_default(), bus));
    }
}
