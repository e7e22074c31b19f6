//! What the administrator allows: off, size, rate; and another opinion while a copy is under way.

use super::*;
use std::num::NonZeroU64;

#[tokio::test]
async fn switched_off_everything_is_refused_and_nothing_is_touched() {
    let mut setup = Setup::new(&Settings { enabled: false, ..settings() }).await;
    for body in [start("a", 0), encode_write(0, b""), complete(), start("b", 1)] {
        assert_eq!(setup.ask(&body).await, 0x8007_0032);
    }
    assert_eq!(setup.guest.disk.count(), (0, 0));
    assert!(!setup.guest.daemon.board.shown().enabled);
}

#[tokio::test]
async fn file_that_is_too_large_is_refused_at_its_start() {
    let mut setup = Setup::new(&Settings { max_file: 100, ..settings() }).await;
    for size in [101, 1 << 63, u64::MAX] {
        assert_eq!(setup.ask(&start("a", size)).await, 0x8007_00df);
        assert_eq!(setup.ask(&complete()).await, 0x8007_00df);
    }
    assert_eq!(setup.ask(&start("a", 100)).await, 0);
    assert_eq!(setup.ask(&cancel()).await, 0);
    assert_eq!(
        setup.guest.results()[0],
        "it has 101 bytes, and max-file-mib allows 100: 0x800700df (file too large)"
    );
}

#[tokio::test(start_paused = true)]
async fn host_is_held_to_the_rate_by_late_answers() {
    const RATE: u64 = 64 * 1024;
    let mut setup = Setup::new(&Settings { max_rate: NonZeroU64::new(RATE), ..settings() }).await;
    let size = 10 * RATE;
    assert_eq!(setup.ask(&start("a", size)).await, 0);
    let begin = Instant::now();
    for number in 0..size.div_ceil(6144) {
        let bytes = (size - number * 6144).min(6144);
        assert_eq!(setup.ask(&encode_write(number * 6144, &vec![1; bytes as usize])).await, 0);
    }
    // On the clock of this test, which stands still while anything is done, but not while the other thread does it.
    assert!(begin.elapsed() >= Duration::from_millis(9_890), "{:?}", begin.elapsed());
    assert_eq!(setup.ask(&complete()).await, 0);
}

#[tokio::test]
async fn what_is_switched_off_meanwhile_ends_and_what_is_allowed_meanwhile_is_for_the_next() {
    let mut setup = Setup::new(&settings()).await;
    assert_eq!(setup.ask(&start("a", 10)).await, 0);
    setup.guest.daemon.reload(Settings { max_file: 5, ..settings() }).await.unwrap();
    assert_eq!(setup.ask(&encode_write(0, b"0123456789")).await, 0);
    assert_eq!(setup.ask(&complete()).await, 0);
    assert_eq!(setup.ask(&start("b", 10)).await, 0x8007_00df);
    assert_eq!(setup.ask(&start("b", 5)).await, 0);
    setup.guest.daemon.reload(Settings { enabled: false, ..settings() }).await.unwrap();
    assert_eq!(setup.ask(&encode_write(0, b"01")).await, 0x8007_0032);
    setup.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(setup.guest.disk.count(), (1, 0));
    assert!(!setup.guest.daemon.board.shown().enabled);
}
