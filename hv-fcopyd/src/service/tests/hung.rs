//! A disk that hangs: only the copy waits, and what waits is bounded.

use super::*;
use crate::engine::MOST_OPEN;
use crate::gather::{MOST_AWAY, PIECE_BYTES};

#[tokio::test]
async fn start_waits_for_the_disk_and_the_loop_does_not() {
    let mut setup = Setup::new(&settings()).await;
    setup.guest.disk.freeze();
    setup.ask_in_vain(&start("a", 3)).await;
    // The loop serves: a negotiation is answered, and ends what waits.
    setup.negotiate().await;
    setup.ask_in_vain(&start("b", 3)).await;
    setup.guest.disk.thaw();
    assert_eq!(setup.answer().await, 0);
    assert_eq!(setup.ask(&encode_write(0, b"abc")).await, 0);
    assert_eq!(setup.ask(&complete()).await, 0);
    assert_eq!(setup.guest.disk.count(), (1, 0));
    assert_eq!(setup.guest.results(), ["the host negotiated anew: 0x800703e3 (aborted)", "ok"]);
}

#[tokio::test]
async fn host_waits_when_so_much_is_on_its_way_and_goes_on_when_the_disk_does() {
    let mut setup = Setup::new(&settings()).await;
    let size = 4 * PIECE_BYTES as u64;
    assert_eq!(setup.ask(&start("a", size)).await, 0);
    setup.guest.disk.freeze();
    let writes: Vec<_> =
        (0..size / 6144).map(|number| encode_write(number * 6144, &[number as u8; 6144])).collect();
    let (last, before) = ((MOST_AWAY + 1) * 42 - 1, setup.guest.disk.writes());
    for body in &writes[..last] {
        assert_eq!(setup.ask(body).await, 0);
    }
    setup.ask_in_vain(&writes[last]).await;
    assert_eq!(setup.guest.disk.writes(), before, "nothing goes on");
    setup.guest.disk.thaw();
    assert_eq!(setup.answer().await, 0);
    for body in &writes[last + 1..] {
        assert_eq!(setup.ask(body).await, 0);
    }
    assert_eq!(setup.ask(&complete()).await, 0);
    let expected: Vec<u8> = (0..size / 6144).flat_map(|number| [number as u8; 6144]).collect();
    assert_eq!(setup.guest.disk.file("a"), Some(expected));
    assert_eq!(setup.guest.disk.writes(), 4);
}

#[tokio::test]
async fn copy_that_is_cancelled_before_the_disk_goes_on_does_not_appear() {
    let mut setup = Setup::new(&settings()).await;
    assert_eq!(setup.ask(&start("a", 3)).await, 0);
    assert_eq!(setup.ask(&encode_write(0, b"abc")).await, 0);
    setup.guest.disk.freeze();
    setup.ask_in_vain(&complete()).await;
    setup.negotiate().await;
    setup.guest.disk.thaw();
    setup.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(setup.guest.disk.count(), (0, 0));
    assert_eq!(setup.guest.results(), ["the host negotiated anew: 0x800703e3 (aborted)"]);
}

#[tokio::test]
async fn host_that_begins_again_and_again_is_refused_at_last() {
    let mut setup = Setup::new(&settings()).await;
    setup.guest.disk.freeze();
    for _ in 0..MOST_OPEN {
        setup.host.send(&start("a", 3)).await;
        // One that is cancelled before the disk's thread looks at it ends without the disk, and hangs nowhere.
        let disk = setup.guest.disk.clone();
        setup.guest.becomes("a disk that hangs", |_| disk.is_waited_for()).await;
        setup.negotiate().await;
    }
    assert_eq!(setup.ask(&start("a", 3)).await, 0x8007_00aa);
    assert_eq!(setup.ask(&encode_write(0, b"x")).await, 0x8007_00aa);
    setup.guest.disk.thaw();
    setup.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(setup.ask(&start("a", 0)).await, 0);
    assert_eq!(setup.ask(&complete()).await, 0);
    assert_eq!(setup.guest.disk.count(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_ever_and_whoever_waits_is_told() {
    let mut setup = Setup::new(&settings()).await;
    setup.guest.disk.freeze();
    setup.ask_in_vain(&start("a", 3)).await;
    // The clock leaps, the disk's thread does not: one that has not begun yet would give the copy up at once.
    let disk = setup.guest.disk.clone();
    setup.guest.becomes("a disk that hangs", |_| disk.is_waited_for()).await;
    let begin = Instant::now();
    ends(setup.guest.daemon.stop(&mut setup.guest.link)).await;
    assert_eq!(begin.elapsed(), STOP_PATIENCE);
    assert_eq!(ends(setup.host.answer()).await.0, 0x8007_03e3);
    setup.guest.disk.thaw();
}
