//! Both flags of a START, in every combination with what is there.

use std::fs;

use crate::support::{CREATE, NONE, OVERWRITE, WHATEVER, World};

#[tokio::test]
async fn each_combination_of_flags_and_of_what_is_there_has_its_status() {
    let mut world = World::new("enabled = true").await;
    fs::create_dir(world.root("there")).unwrap();
    // Flags; the file is there; its directory is missing.
    let table = [
        (NONE, 0, 0x8007_0050, 0x8007_0003),
        (OVERWRITE, 0, 0, 0x8007_0003),
        (CREATE, 0, 0x8007_0050, 0),
        (WHATEVER, 0, 0, 0),
    ];
    for (row, (flags, free, taken, missing)) in table.into_iter().enumerate() {
        for below in ["", "/there"] {
            let [new, old] = ["new", "old"].map(|name| format!("{name}{row}"));
            let path = |name: &str| world.root(below.trim_start_matches('/')).join(name);
            let (new_path, old_path) = (path(&new), path(&old));
            assert_eq!(world.copy(below, &new, b"abc", flags).await, free, "{flags:?}");
            assert_eq!(fs::read(new_path).unwrap(), b"abc");
            fs::write(&old_path, "theirs").unwrap();
            assert_eq!(world.copy(below, &old, b"abc", flags).await, taken, "{flags:?}");
            let expected: &[u8] = if taken == 0 { b"abc" } else { b"theirs" };
            assert_eq!(fs::read(old_path).unwrap(), expected, "{flags:?}");
        }
        let below = format!("/missing{row}/x");
        assert_eq!(world.copy(&below, "a", b"abc", flags).await, missing, "{flags:?}");
        let made = world.root(&format!("missing{row}"));
        assert_eq!(made.exists(), missing == 0, "{flags:?}");
        if missing == 0 {
            assert_eq!(fs::read(made.join("x/a")).unwrap(), b"abc");
        }
    }
}

#[tokio::test]
async fn second_copy_without_the_flag_is_refused_before_any_byte() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("", "a", b"first", NONE).await, 0);
    assert_eq!(world.begin("", "a", NONE).await, 0x8007_0050);
    assert_eq!(world.begin("", "a", CREATE).await, 0x8007_0050);
    assert_eq!(fs::read(world.root("a")).unwrap(), b"first");
}

#[tokio::test]
async fn file_that_is_replaced_by_a_smaller_one_is_as_small_and_was_whole_until_then() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("", "a", &[1; 20_000], NONE).await, 0);
    assert_eq!(world.begin("", "a", OVERWRITE).await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0);
    assert_eq!(fs::read(world.root("a")).unwrap(), [1; 20_000]);
    assert_eq!(world.host.complete().await, 0);
    assert_eq!(fs::read(world.root("a")).unwrap(), b"abc");
    assert_eq!(world.names(), ["a"]);
    assert_eq!(world.copy("", "a", b"", OVERWRITE).await, 0);
    assert_eq!(fs::read(world.root("a")).unwrap(), b"");
}

#[tokio::test]
async fn file_that_is_replaced_is_another_file_for_who_has_it_open_or_linked() {
    let mut world = World::new("enabled = true").await;
    fs::write(world.root("a"), "theirs").unwrap();
    fs::hard_link(world.root("a"), world.path("outside/b")).unwrap();
    assert_eq!(world.copy("", "a", b"abc", OVERWRITE).await, 0);
    assert_eq!(fs::read(world.path("outside/b")).unwrap(), b"theirs");
    assert_eq!(fs::read(world.root("a")).unwrap(), b"abc");
}

#[tokio::test]
async fn directories_that_were_made_go_again_with_a_copy_that_does_not_come() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.begin("/x/y/z", "a", CREATE).await, 0);
    assert!(world.root("x/y/z").is_dir());
    assert_eq!(world.host.cancel().await, 0);
    world.is_untouched();
    // But not one that somebody uses meanwhile.
    assert_eq!(world.begin("/x/y/z", "a", CREATE).await, 0);
    fs::write(world.root("x/theirs"), "theirs").unwrap();
    assert_eq!(world.host.cancel().await, 0);
    assert_eq!(fs::read_dir(world.root("x")).unwrap().count(), 1);
}

#[tokio::test]
async fn flags_that_nobody_knows_mean_nothing() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0);
    let mut start = hv_utils_core::wire::fcopy::encode_start(&world.what("", "a", NONE)).unwrap();
    start[1076..1080].copy_from_slice(&0xffff_fffc_u32.to_le_bytes());
    assert_eq!(world.host.ask(&start).await, 0x8007_0050);
}
