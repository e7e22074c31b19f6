//! The older char device: names in UTF-8, answers of four bytes, a kernel that gives up waiting.

use super::*;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};

use hv_utils_core::testing::{Driver, FakeBus, KernelEnd};

struct Device {
    guest: Guest,
    kernel: KernelEnd,
    _bus: FakeBus,
    _directory: tempfile::TempDir,
}

impl Device {
    async fn new() -> Device {
        let directory = tempfile::tempdir().unwrap();
        let mut bus = FakeBus::new(directory.path()).unwrap();
        bus.offer(Ic::FileCopy).unwrap();
        bus.bind(Ic::FileCopy, Driver::HvUtils).unwrap();
        let mut guest = Guest::new(&settings(), bus.link(Ic::FileCopy, ChannelChoice::Auto).unwrap());
        let kernel = guest.until(bus.char_opened()).await;
        assert_eq!(guest.until(kernel.recv()).await.unwrap(), [1, 0, 0, 0]);
        kernel.send(&[1, 0, 0, 0]).unwrap();
        Device { guest, kernel, _bus: bus, _directory: directory }
    }

    async fn ask(&mut self, message: &[u8]) -> u32 {
        self.kernel.send(message).unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> u32 {
        let answer = self.guest.until(self.kernel.recv()).await.unwrap();
        u32::from_ne_bytes(answer.try_into().expect("four bytes"))
    }
}

/// As the kernel makes it of the host's: the names in UTF-8, in the places of the UTF-16 ones.
fn kernels_start(name: &str, size: u64) -> Vec<u8> {
    let mut message = start("x", size);
    message[36..1076].fill(0);
    message[36..36 + name.len()].copy_from_slice(name.as_bytes());
    message[556..559].copy_from_slice(b"/in");
    message
}

#[tokio::test]
async fn file_comes_with_its_name_in_utf_8() {
    let mut device = Device::new().await;
    let name = "日本語 naïve 🦀.txt";
    assert_eq!(device.ask(&kernels_start(name, 3)).await, 0);
    assert_eq!(device.ask(&encode_write(0, b"abc")).await, 0);
    assert_eq!(device.ask(&complete()).await, 0);
    assert_eq!(device.guest.disk.file(name), Some(b"abc".to_vec()));
    assert_eq!(device.ask(&encode_bare(Operation(9))).await, 0x8000_4005);
}

#[tokio::test]
async fn name_that_the_kernel_may_have_cut_is_refused() {
    let mut device = Device::new().await;
    assert_eq!(device.ask(&kernels_start(&"x".repeat(256), 3)).await, 0x8007_00ce);
    assert_eq!(device.ask(&encode_write(0, b"abc")).await, 0x8007_00ce);
    assert_eq!(device.guest.disk.count(), (0, 0));
}

#[tokio::test]
async fn kernel_that_gave_up_waiting_gets_no_late_answer_and_the_next_copy_begins() {
    let mut device = Device::new().await;
    device.guest.disk.freeze();
    device.kernel.send(&kernels_start("a", 3)).unwrap();
    device.guest.becomes("a copy", |daemon| !daemon.copies.is_empty()).await;
    // After 30 seconds the kernel has told the host that it failed, which cancels and begins anew.
    device.kernel.send(&cancel()).unwrap();
    device.guest.becomes("the cancelled copy", |daemon| daemon.copies.current().is_none()).await;
    device.guest.disk.thaw();
    assert_eq!(device.answer().await, 0, "of CANCEL, and of nothing else");
    assert_eq!(device.ask(&kernels_start("b", 0)).await, 0);
    assert_eq!(device.ask(&complete()).await, 0);
    assert_eq!(device.guest.disk.count(), (1, 0));
    assert_eq!(device.guest.results(), ["the host cancelled it: 0x800703e3 (aborted)", "ok"]);
}

#[tokio::test]
async fn complete_that_takes_longer_than_the_kernel_waits_is_told_to_have_failed_and_nothing_appears() {
    let mut device = Device::new().await;
    assert_eq!(device.ask(&kernels_start("a", 3)).await, 0);
    assert_eq!(device.ask(&encode_write(0, b"abc")).await, 0);
    device.guest.disk.freeze();
    let begin = Instant::now();
    device.kernel.send(&complete()).unwrap();
    device.guest.becomes("COMPLETE that waits", |daemon| daemon.held.is_some()).await;
    let limit = device.guest.daemon.held.as_ref().unwrap().limit.unwrap();
    // Of when it came nothing else is known on a busy machine.
    assert!((begin..=Instant::now()).contains(&(limit - KERNEL_PATIENCE)), "{:?}", limit - begin);
    // From here on time goes on as soon as there is nothing to do.
    tokio::time::pause();
    assert_eq!(device.answer().await, 0x8007_0015);
    let late = Instant::now().checked_duration_since(limit).expect("not before the limit");
    assert!(late < Duration::from_secs(1), "{late:?} after it");
    tokio::time::resume();
    assert_eq!(device.ask(&complete()).await, 0x8007_0015, "it sticks");
    device.guest.disk.thaw();
    device.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(device.guest.disk.count(), (0, 0));
    assert_eq!(
        device.guest.results(),
        ["the disk takes longer than the kernel waits: 0x80070015 (not ready)"]
    );
    assert_eq!(device.ask(&kernels_start("a", 0)).await, 0);
}

/// COMPLETE of a file whose name does not become durable, while `before` is there already.
async fn completed_with_its_name(before: Option<&[u8]>) -> Device {
    let mut device = Device::new().await;
    if let Some(bytes) = before {
        assert_eq!(device.ask(&kernels_start("a", bytes.len() as u64)).await, 0);
        assert_eq!(device.ask(&encode_write(0, bytes)).await, 0);
        assert_eq!(device.ask(&complete()).await, 0);
    }
    assert_eq!(device.ask(&kernels_start("a", 3)).await, 0);
    assert_eq!(device.ask(&encode_write(0, b"abc")).await, 0);
    device.guest.disk.freeze_names();
    device.kernel.send(&complete()).unwrap();
    let disk = device.guest.disk.clone();
    device.guest.becomes("a name", |_| disk.file("a").as_deref() == Some(b"abc")).await;
    device
}

/// That, and then CANCEL.
async fn cancelled_with_its_name(before: Option<&[u8]>) -> Device {
    let mut device = completed_with_its_name(before).await;
    device.kernel.send(&cancel()).unwrap();
    device.guest.becomes("the cancelled copy", |daemon| daemon.copies.current().is_none()).await;
    device.guest.disk.thaw_names();
    device
}

#[tokio::test]
async fn cancel_of_a_file_that_has_another_ones_name_already_is_not_answered_with_success() {
    let mut device = cancelled_with_its_name(Some(b"older")).await;
    assert_eq!(device.answer().await, 0x8000_4005, "it is there");
    assert_eq!(device.guest.results(), ["ok", "ok"]);
    assert_eq!(device.guest.disk.file("a").as_deref(), Some(&b"abc"[..]));
}

#[tokio::test]
async fn name_of_a_file_that_is_cancelled_while_it_becomes_durable_is_taken_away() {
    let mut device = cancelled_with_its_name(None).await;
    assert_eq!(device.answer().await, 0, "nothing is left");
    assert_eq!(device.guest.results(), ["the host cancelled it: 0x800703e3 (aborted)"]);
    assert_eq!(device.guest.disk.count(), (0, 0));
}

#[tokio::test]
async fn cancel_of_a_file_whose_good_end_the_host_was_not_told_is_not_answered_with_success() {
    let mut device = Device::new().await;
    assert_eq!(device.ask(&kernels_start("a", 3)).await, 0);
    assert_eq!(device.ask(&encode_write(0, b"abc")).await, 0);
    device.guest.disk.freeze();
    device.kernel.send(&complete()).unwrap();
    device.guest.becomes("COMPLETE that waits", |daemon| daemon.held.is_some()).await;
    device.guest.disk.thaw();
    let done = loop {
        match ends(device.guest.daemon.worker.done()).await {
            Done::Wrote(_) => {}
            done => break done,
        }
    };
    // The daemon was stopped for longer than the kernel waits, and both are there when it goes on.
    device.kernel.send(&cancel()).unwrap();
    device.guest.daemon.handle(Event::Done(done), &mut device.guest.link);
    assert_eq!(
        device.answer().await,
        0x8000_4005,
        "of CANCEL, and not the OK of COMPLETE: the file is there"
    );
    assert_eq!((device.guest.link.status().stale, device.guest.disk.count()), (1, (1, 0)));
    assert_eq!(device.ask(&cancel()).await, 0, "said once");
    assert_eq!(device.ask(&kernels_start("b", 0)).await, 0);
}

/// COMPLETE of a file whose name does not become durable for so long that it is given up.
async fn given_up_with_its_name(before: Option<&[u8]>) -> Device {
    let mut device = completed_with_its_name(before).await;
    // From here on time goes on as soon as there is nothing to do.
    tokio::time::pause();
    assert_eq!(device.answer().await, 0x8007_0015);
    tokio::time::resume();
    device
}

#[tokio::test]
async fn cancel_after_a_complete_that_was_given_up_is_answered_when_it_is_known_what_is_left() {
    for (before, status, left) in [(None, 0, None), (Some(&b"older"[..]), 0x8000_4005, Some(b"abc".to_vec()))]
    {
        let mut device = given_up_with_its_name(before).await;
        device.kernel.send(&cancel()).unwrap();
        device.guest.becomes("CANCEL that waits", |daemon| daemon.held.is_some()).await;
        device.guest.disk.thaw_names();
        assert_eq!(device.answer().await, status, "{before:?}");
        assert_eq!(device.guest.disk.file("a"), left);
        assert_eq!(device.ask(&cancel()).await, 0, "{before:?}: said once");
    }
}

#[tokio::test]
async fn cancel_of_a_file_that_was_complete_after_it_was_given_up_is_not_answered_with_success() {
    let mut device = given_up_with_its_name(Some(b"older")).await;
    device.guest.disk.thaw_names();
    device.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(device.guest.results(), ["ok", "ok"]);
    assert_eq!(device.ask(&cancel()).await, 0x8000_4005, "it is there");
    assert_eq!(device.ask(&cancel()).await, 0, "said once");
}

#[tokio::test]
async fn cancel_of_a_file_whose_complete_was_asked_for_again_is_not_answered_with_success() {
    let mut device = completed_with_its_name(None).await;
    assert_eq!(device.ask(&complete()).await, 0x8000_4005, "it is on its way");
    device.guest.disk.thaw_names();
    device.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    assert_eq!(device.guest.disk.count(), (1, 0));
    assert_eq!(device.ask(&cancel()).await, 0x8000_4005, "it is there");
}

/// Hears that a future wants to be looked at.
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[tokio::test]
async fn complete_that_was_done_in_time_is_not_given_up_because_it_is_looked_at_late() {
    let mut device = Device::new().await;
    for _ in 0..8 {
        // Of a file without bytes the disk has nothing to tell but its end.
        assert_eq!(device.ask(&kernels_start("a", 0)).await, 0);
        device.guest.disk.freeze();
        device.kernel.send(&complete()).unwrap();
        device.guest.becomes("COMPLETE that waits", |daemon| daemon.held.is_some()).await;
        let Guest { daemon, link, disk, .. } = &mut device.guest;
        // The limit passes when this test says so.
        tokio::time::pause();
        daemon.held.as_mut().unwrap().limit = Some(Instant::now() + Duration::from_millis(50));
        let event = {
            let mut event = pin!(daemon.event());
            let bell = Arc::new(Bell(AtomicBool::new(false)));
            let waker = Waker::from(bell.clone());
            assert!(event.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            // The daemon is stopped, its disk is not.
            disk.thaw();
            let begin = std::time::Instant::now();
            while !bell.0.load(SeqCst) {
                assert!(begin.elapsed() < PATIENCE, "never complete");
                std::thread::sleep(Duration::from_millis(1));
            }
            tokio::time::advance(Duration::from_millis(100)).await;
            // Both are there when it goes on.
            ends(event).await
        };
        tokio::time::resume();
        assert!(matches!(event, Event::Done(Done::Over(..))), "{event:?}");
        daemon.handle(event, link);
        assert_eq!(device.answer().await, 0);
    }
}
