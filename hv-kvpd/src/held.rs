//! A request of the host that cannot be decided yet, and how long that may last.
//!
//! Hyper-V Replica sends an adapter's configuration at the first contact; this daemon may be up before the adapter's
//! driver is. Not here: what is waited for, and what comes of it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long a request is held. Together with the time that hv-netapply has it stays within the kernel's 30 seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// A request, held since then.
#[derive(Debug)]
pub(crate) struct Held<T> {
    /// When the host sent it.
    pub(crate) since: Instant,
    /// It.
    pub(crate) what: T,
}

/// Waits until what is held, if anything is, has been held for too long. Cancel safe.
pub(crate) async fn lapsed<T>(held: Option<&Held<T>>) {
    match held {
        Some(held) => sleep_until(held.since + LIMIT).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_held_lapses_after_ten_seconds() {
        let held = Held { since: Instant::now(), what: () };
        lapsed(Some(&held)).await;
        assert_eq!(held.since.elapsed().as_secs(), 10);
        assert!(tokio::time::timeout(LIMIT * 10, lapsed::<()>(None)).await.is_err());
    }
}
