//! What arrives: the bytes, the name, the mode and the owner.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::process::{getegid, geteuid};

use crate::support::{CREATE, NONE, OVERWRITE, WHATEVER, World};

/// Bytes that are nowhere the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

#[tokio::test]
async fn file_of_ten_mib_is_the_same_byte_for_byte() {
    let mut world = World::new("enabled = true").await;
    let bytes = noise(10 << 20);
    assert_eq!(world.copy("", "big", &bytes, NONE).await, 0);
    assert!(fs::read(world.root("big")).unwrap() == bytes);
    assert_eq!(world.names(), ["big"]);
}

#[tokio::test]
async fn file_of_any_length_around_a_piece_is_the_same() {
    let mut world = World::new("enabled = true").await;
    for length in [0, 1, 6143, 6144, 6145, 12_288, 12_289] {
        let bytes = noise(length);
        assert_eq!(world.copy("", "a", &bytes, OVERWRITE).await, 0, "{length}");
        assert_eq!(fs::read(world.root("a")).unwrap(), bytes, "{length}");
    }
    assert_eq!(world.names(), ["a"]);
}

#[tokio::test]
async fn pieces_come_in_any_order_and_a_gap_is_no_file() {
    let mut world = World::new("enabled = true").await;
    let nine =
        |world: &World, name| hv_utils_core::wire::fcopy::Start { size: 9, ..world.what("", name, NONE) };
    let start = nine(&world, "a");
    assert_eq!(world.host.start(&start).await, 0);
    for (offset, data) in [(6, "ghi"), (0, "abc"), (0, "abc"), (3, "def")] {
        assert_eq!(world.host.write(offset, data.as_bytes()).await, 0);
    }
    assert_eq!(world.host.complete().await, 0);
    assert_eq!(fs::read(world.root("a")).unwrap(), b"abcdefghi");
    let start = nine(&world, "gap");
    assert_eq!(world.host.start(&start).await, 0);
    assert_eq!(world.host.write(6, b"ghi").await, 0);
    assert_eq!(world.host.complete().await, 0x8007_0026);
    let start = nine(&world, "nothing");
    assert_eq!(world.host.start(&start).await, 0);
    assert_eq!(world.host.complete().await, 0x8007_0026);
    for offset in [7, 9, 10, u64::MAX - 1, u64::MAX] {
        let start = nine(&world, "beyond");
        assert_eq!(world.host.start(&start).await, 0);
        assert_eq!(world.host.write(offset, b"ghi").await, 0x8007_0057, "{offset}");
        assert_eq!(world.host.write(0, b"abc").await, 0x8007_0057, "{offset}");
        assert_eq!(world.host.complete().await, 0x8007_0057, "{offset}");
    }
    assert_eq!(world.names(), ["a"]);
}

#[tokio::test]
async fn names_of_any_script_are_the_bytes_that_the_host_meant() {
    let mut world = World::new("enabled = true").await;
    let long = format!("{}é", "x".repeat(253));
    let names = [
        "\u{e9}",
        "e\u{301}",
        "日本語.txt",
        "🦀👩\u{200d}👧",
        " a b ",
        "-rf",
        "a\\b",
        "..\\..\\c",
        "new\nline",
        "\u{202e}txt.exe",
        "\u{feff}",
        &long,
    ];
    for name in names {
        assert_eq!(world.copy("", name, name.as_bytes(), NONE).await, 0, "{name:?}");
        assert_eq!(fs::read(world.root(name)).unwrap(), name.as_bytes());
    }
    assert_eq!(world.copy("/Ä/Ω", "ß", b"abc", CREATE).await, 0);
    assert_eq!(fs::read(world.root("Ä/Ω/ß")).unwrap(), b"abc");
    let (_, log) = world.end();
    let log: String = log.chars().filter(|char| *char != '\n').collect();
    assert!(!log.chars().any(|char| char.is_control() || char == '\u{202e}'), "{log:?}");
}

#[tokio::test]
async fn mode_and_owner_are_what_the_administrator_says() {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("other owners need root: it is its own here");
    }
    let (user, group) = if is_root { (12_345, 23_456) } else { (geteuid().as_raw(), getegid().as_raw()) };
    let keys =
        format!("enabled = true\nmode = \"0640\"\ndirectory-mode = \"0711\"\nowner = \"{user}:{group}\"");
    let mut world = World::new(&keys).await;
    fs::write(world.root("old"), "theirs").unwrap();
    fs::set_permissions(world.root("old"), fs::Permissions::from_mode(0o6777)).unwrap();
    assert_eq!(world.copy("/x/y", "new", b"abc", CREATE).await, 0);
    assert_eq!(world.copy("", "old", b"abc", OVERWRITE).await, 0);
    for (path, mode) in [("x", 0o711), ("x/y", 0o711), ("x/y/new", 0o640), ("old", 0o640)] {
        let is = fs::metadata(world.root(path)).unwrap();
        assert_eq!((is.mode() & 0o7777, is.uid(), is.gid()), (mode, user, group), "{path}");
    }
    // A directory that is there keeps what it has.
    let root = fs::metadata(world.root("")).unwrap();
    assert_eq!((root.uid(), root.gid()), (geteuid().as_raw(), getegid().as_raw()));
}

#[tokio::test]
async fn mode_and_owner_are_the_usual_ones_where_nobody_says() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("/x", "a", b"abc", WHATEVER).await, 0);
    for (path, mode) in [("x", 0o755), ("x/a", 0o644)] {
        let is = fs::metadata(world.root(path)).unwrap();
        assert_eq!((is.mode() & 0o7777, is.uid()), (mode, geteuid().as_raw()), "{path}");
    }
}
