//! When a pool that could not be read is tried again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hv_utils_core::wire::kvp::Pool;
use tokio::time::Instant;

use super::{Retry, Unread};

fn unread() -> (Arc<Unread>, Retry) {
    let unread = Arc::new(Unread::default());
    (Arc::clone(&unread), Retry::new(unread))
}

#[tokio::test(start_paused = true)]
async fn nothing_unread_means_no_timer() {
    let (unread, mut retry) = unread();
    unread.set(Pool::Guest, true);
    unread.set(Pool::Guest, false);
    let waited = tokio::time::timeout(Duration::from_secs(3600), retry.due()).await;
    assert!(waited.is_err());
}

#[tokio::test(start_paused = true)]
async fn failed_read_is_tried_again_with_growing_pauses_until_it_succeeds() {
    let (unread, mut retry) = unread();
    unread.set(Pool::Guest, true);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let start = Instant::now();
        assert_eq!(retry.due().await, [Pool::Guest]);
        pauses.push(start.elapsed().as_millis());
    }
    assert_eq!(pauses[..4], [250, 500, 1_000, 2_000]);
    assert_eq!(pauses[11], 60_000);
    unread.set(Pool::Guest, false);
    assert!(retry.due().now_or_never().is_none());
    unread.set(Pool::External, true);
    let start = Instant::now();
    assert_eq!(retry.due().await, [Pool::External]);
    assert_eq!(start.elapsed().as_millis(), 250);
}

#[tokio::test(start_paused = true)]
async fn waiting_that_is_cancelled_again_and_again_still_comes_to_its_end() {
    let (unread, mut retry) = unread();
    unread.set(Pool::Guest, true);
    let mut cancelled = 0;
    while tokio::time::timeout(Duration::from_millis(100), retry.due()).await.is_err() {
        cancelled += 1;
    }
    assert_eq!(cancelled, 2);
}
