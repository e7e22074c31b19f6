//! When something that failed is tried once more: after a pause that grows, and not at all while nothing has failed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Again {
    pause: Option<Duration>,
    due: Option<Instant>,
}

impl Again {
    /// It has failed now.
    pub(super) fn failed(&mut self) {
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        self.due = Some(Instant::now() + pause);
    }

    /// Whether it is time to try.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Waits until it is; if nothing has failed, for ever. Cancel safe.
    pub(super) async fn wait(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pauses_grow_up_to_a_minute() {
        let mut again = Again::default();
        assert!(!again.is_due());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let begin = Instant::now();
            again.failed();
            assert!(!again.is_due());
            again.wait().await;
            assert!(again.is_due());
            assert_eq!(begin.elapsed().as_secs(), seconds);
        }
    }
}
