//! What the administrator does not want: anything at all, too much, too large, the rest of the disk.

use std::fs;

use hv_utils_core::wire::fcopy::Start;
use rustix::fs::statvfs;

use crate::support::{NONE, OVERWRITE, WHATEVER, World};

const NOT_SUPPORTED: u32 = 0x8007_0032;
const DISK_FULL: u32 = 0x8007_0070;
const TOO_LARGE: u32 = 0x8007_00df;

#[tokio::test]
async fn without_a_word_in_the_configuration_nothing_is_taken_and_the_log_says_so_once() {
    let mut world = World::new("").await;
    for name in ["a", "b", "c"] {
        assert_eq!(world.copy("", name, b"abc", WHATEVER).await, NOT_SUPPORTED);
    }
    assert_eq!(world.begin("/..", "a", WHATEVER).await, NOT_SUPPORTED);
    world.is_untouched();
    let (code, log) = world.end();
    assert_eq!(code, Some(0));
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(lines("switches it on"), 1, "{log}");
    assert_eq!(lines("is refused"), 1, "{log}");
}

#[tokio::test]
async fn file_of_the_greatest_size_is_taken_and_one_byte_more_is_not() {
    let mut world = World::new("enabled = true\nmax-file-mib = 1").await;
    let most = vec![7; 1 << 20];
    assert_eq!(world.copy("", "a", &most, NONE).await, 0);
    for size in [(1 << 20) + 1, 1 << 40, u64::MAX] {
        let start = Start { size, ..world.what("", "b", NONE) };
        assert_eq!(world.host.start(&start).await, TOO_LARGE, "{size}");
    }
    assert_eq!(world.names(), ["a"]);
}

#[tokio::test]
async fn what_is_to_stay_free_stays_free() {
    const TEST: &str = "what_is_to_stay_free_stays_free";
    let free_mib = |path: &std::path::Path| {
        let room = statvfs(path).unwrap();
        (room.f_bavail * room.f_frsize) >> 20
    };
    let free = free_mib(&std::env::temp_dir());
    // More than is free, and more than becomes free while other tests end.
    let wanted = free + 65_536;
    if wanted > 1_048_576 {
        eprintln!("{TEST}: skipped, the disk has more free than min-free-mib can say");
        return;
    }
    let mut world = World::new(&format!("enabled = true\nmin-free-mib = {wanted}")).await;
    fs::write(world.root("old"), "theirs").unwrap();
    assert_eq!(world.copy("", "a", b"abc", NONE).await, DISK_FULL);
    assert_eq!(world.copy("", "empty", b"", NONE).await, DISK_FULL);
    assert_eq!(world.copy("", "old", b"abc", OVERWRITE).await, DISK_FULL);
    // The directories that were made for it are gone, too.
    assert_eq!(world.copy("/x/y", "a", b"abc", WHATEVER).await, DISK_FULL);
    assert_eq!(world.names(), ["old"]);
    assert_eq!(fs::read(world.root("old")).unwrap(), b"theirs");
}

#[tokio::test]
async fn file_that_the_disk_has_no_room_for_is_refused_before_any_byte() {
    let mut world = World::new("enabled = true\nmax-file-mib = 1048576").await;
    let room = statvfs(world.root("")).unwrap();
    let size = room.f_bavail * room.f_frsize + (64 << 30);
    if size > 1 << 40 {
        eprintln!("file_that_the_disk_has_no_room_for_is_refused_before_any_byte: skipped, it has");
        return;
    }
    let start = Start { size, ..world.what("", "a", NONE) };
    assert_eq!(world.host.start(&start).await, DISK_FULL);
    world.is_untouched();
}

#[tokio::test]
async fn copy_that_is_cancelled_forgotten_or_whose_host_comes_back_anew_leaves_nothing() {
    let mut world = World::new("enabled = true").await;
    fs::write(world.root("old"), "theirs").unwrap();
    assert_eq!(world.begin("", "old", OVERWRITE).await, 0);
    assert_eq!(world.host.write(0, b"ab").await, 0);
    assert_eq!(world.host.cancel().await, 0);
    assert_eq!(world.host.complete().await, 0x8000_4005);
    assert_eq!(world.host.cancel().await, 0);
    // The host begins another one.
    assert_eq!(world.begin("/x", "forgotten", WHATEVER).await, 0);
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0);
    // The host was restored.
    assert_eq!(world.begin("/x", "forgotten", WHATEVER).await, 0);
    world.host.negotiate().await;
    assert_eq!(world.host.write(0, b"abc").await, 0x8000_4005);
    assert_eq!(world.copy("", "b", b"abc", NONE).await, 0);
    assert_eq!(world.names(), ["a", "b", "old"]);
    assert_eq!(fs::read(world.root("old")).unwrap(), b"theirs");
}
