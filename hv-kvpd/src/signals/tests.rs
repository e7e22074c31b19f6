//! What becomes of signals that nobody fetches.

use hv_utils_core::wire::kvp::Pool;
use tokio::sync::mpsc;

use super::{BACKLOG_LIMIT, News, Signals};
use crate::pool::Notice;
use crate::shared::Origin;

fn notice(value: usize) -> Vec<Notice> {
    vec![Notice::Changed { pool: Pool::External, key: "Key".into(), value: "v".repeat(value) }]
}

fn drained(received: &mut mpsc::UnboundedReceiver<News>) -> usize {
    std::iter::from_fn(|| received.try_recv().ok()).count()
}

#[test]
fn bus_that_takes_no_signals_does_not_let_memory_grow() {
    let signals = Signals::default();
    let (news, mut received) = mpsc::unbounded_channel();
    signals.lead_to(news);
    for _ in 0..100_000 {
        signals.announce(notice(2_000), Origin::Host);
    }
    let kept = drained(&mut received);
    assert!(kept * 2_000 <= BACKLOG_LIMIT + 2_131, "{kept}");
    assert!(kept > 1_000, "{kept}");
    signals.announce(notice(1), Origin::Host);
    assert_eq!(drained(&mut received), 1);
}

#[test]
fn large_edit_from_outside_is_told_whole_if_nothing_waits() {
    let signals = Signals::default();
    let (news, mut received) = mpsc::unbounded_channel();
    signals.lead_to(news);
    let all: Vec<_> = (0..5_000).flat_map(|_| notice(2_000)).collect();
    signals.announce(all, Origin::File);
    signals.announce(notice(1), Origin::Host);
    assert_eq!(received.try_recv().unwrap().notices.len(), 5_000);
    assert!(received.try_recv().is_err());
}

#[test]
fn connection_that_is_gone_leaves_no_backlog_to_the_next() {
    let signals = Signals::default();
    let (news, received) = mpsc::unbounded_channel();
    signals.lead_to(news);
    signals.announce((0..5_000).flat_map(|_| notice(2_000)).collect(), Origin::File);
    drop(received);
    let (news, mut received) = mpsc::unbounded_channel();
    signals.lead_to(news);
    signals.announce(notice(1), Origin::Host);
    assert_eq!(drained(&mut received), 1);
}
