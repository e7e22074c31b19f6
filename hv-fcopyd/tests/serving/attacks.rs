//! Every way out of the root that a name, a link or a rename could be. Each is refused with the status that is written here,
//! and nothing comes to be anywhere.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{NONE, WHATEVER, World, raw_start};

const PATH_NOT_FOUND: u32 = 0x8007_0003;
const DENIED: u32 = 0x8007_0005;
const INVALID_NAME: u32 = 0x8007_007b;
const TOO_LONG: u32 = 0x8007_00ce;

async fn enabled() -> World {
    World::new("enabled = true").await
}

#[tokio::test]
async fn dots_in_the_path_are_refused_wherever_they_lead() {
    let mut world = enabled().await;
    fs::create_dir(world.root("dir")).unwrap();
    for below in
        ["/..", "/../outside", "/dir/..", "/dir/../dir", "/./dir", "/dir/.", "/..//", "/x/../../outside"]
    {
        assert_eq!(world.begin(below, "a", WHATEVER).await, DENIED, "{below}");
    }
    // Three dots are a name.
    assert_eq!(world.copy("/...", "..a", b"abc", WHATEVER).await, 0);
    assert_eq!(fs::read(world.root(".../..a")).unwrap(), b"abc");
}

#[tokio::test]
async fn file_name_is_one_component_and_no_dots() {
    let mut world = enabled().await;
    let outside = world.path("outside/a").display().to_string();
    for name in [".", "..", "/", "a/", "/a", "dir/a", "../a", "../outside/a", "/etc/passwd", &outside] {
        assert_eq!(world.begin("", name, WHATEVER).await, INVALID_NAME, "{name}");
    }
    world.is_untouched();
}

#[tokio::test]
async fn without_a_file_name_the_path_has_it() {
    let mut world = enabled().await;
    assert_eq!(world.copy("/a", "", b"abc", NONE).await, 0);
    assert_eq!(world.copy("/b/", "", b"abc", NONE).await, 0);
    assert_eq!(world.names(), ["a", "b"]);
    // The root itself is no file, and its parent no root.
    assert_eq!(world.begin("", "", WHATEVER).await, DENIED);
    assert_eq!(world.begin("/", "", WHATEVER).await, DENIED);
    assert_eq!(world.begin_at("/", "").await, INVALID_NAME);
    assert_eq!(world.begin_at("", "").await, INVALID_NAME);
    assert_eq!(world.begin("/..", "", WHATEVER).await, DENIED);
}

#[tokio::test]
async fn slashes_that_are_doubled_or_last_mean_nothing() {
    let mut world = enabled().await;
    assert_eq!(world.copy("//dir///", "a", b"abc", WHATEVER).await, 0);
    assert_eq!(fs::read(world.root("dir/a")).unwrap(), b"abc");
}

#[tokio::test]
async fn path_that_is_not_absolute_is_no_path() {
    let mut world = enabled().await;
    for path in ["", "in", "./in", "../in", "~", "C:\\in", "\\\\host\\in", "\\in", " /in", "file:///in"] {
        assert_eq!(world.begin_at(path, "a").await, INVALID_NAME, "{path:?}");
    }
    world.is_untouched();
}

#[tokio::test]
async fn path_outside_of_the_roots_is_refused() {
    let mut world = enabled().await;
    fs::create_dir(world.path("in2")).unwrap();
    let besides = [world.path("outside"), world.path("in2"), world.path("i"), world.path("")];
    for path in besides {
        assert_eq!(world.begin_at(path.to_str().unwrap(), "a").await, DENIED, "{}", path.display());
    }
    for path in ["/", "/etc", "/tmp", "/root/.ssh", "/IN"] {
        assert_eq!(world.begin_at(path, "hv-fcopyd-test").await, DENIED, "{path}");
    }
    world.is_untouched();
    assert_eq!(fs::read_dir(world.path("in2")).unwrap().count(), 0);
}

#[tokio::test]
async fn symbolic_link_in_the_path_is_not_followed() {
    let mut world = enabled().await;
    fs::create_dir(world.root("dir")).unwrap();
    let links = [
        ("absolute", world.path("outside")),
        ("relative", "../outside".into()),
        ("within", "dir".into()),
        ("nowhere", "missing".into()),
        ("to-nowhere-outside", world.path("outside/missing")),
        ("itself", "itself".into()),
    ];
    for (name, to) in &links {
        symlink(to, world.root(name)).unwrap();
        for below in [format!("/{name}"), format!("/{name}/x"), format!("/dir/../{name}")] {
            assert_eq!(world.begin(&below, "a", WHATEVER).await, DENIED, "{below}");
        }
    }
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(world.root("dir")).unwrap().count(), 0);
    assert_eq!(world.names().len(), links.len() + 1);
}

#[tokio::test]
async fn symbolic_link_with_the_files_name_is_not_replaced_and_not_followed() {
    let mut world = enabled().await;
    fs::write(world.path("outside/file"), "theirs").unwrap();
    fs::write(world.root("file"), "theirs").unwrap();
    let links = [
        ("outside", world.path("outside/file")),
        ("directory", world.path("outside")),
        ("within", "file".into()),
        ("nowhere", world.path("outside/new")),
    ];
    for (name, to) in links {
        symlink(&to, world.root(name)).unwrap();
        for flags in [NONE, WHATEVER] {
            assert_eq!(world.begin("", name, flags).await, DENIED, "{name}");
        }
        assert_eq!(fs::read_link(world.root(name)).unwrap(), to);
    }
    assert_eq!(fs::read(world.path("outside/file")).unwrap(), b"theirs");
    assert_eq!(fs::read(world.root("file")).unwrap(), b"theirs");
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 1);
}

#[tokio::test]
async fn parent_that_becomes_a_link_meanwhile_gets_nothing_and_neither_does_what_it_leads_to() {
    let mut world = enabled().await;
    for (name, makes) in [("made", true), ("there", false)] {
        if !makes {
            fs::create_dir(world.root(name)).unwrap();
        }
        let below = format!("/{name}");
        assert_eq!(world.begin(&below, "a", WHATEVER).await, 0);
        assert_eq!(world.host.write(0, b"abc").await, 0);
        fs::rename(world.root(name), world.path("moved")).unwrap();
        symlink(world.path("outside"), world.root(name)).unwrap();
        assert_eq!(world.host.complete().await, DENIED, "{name}");
        // That answer is that of the copy, until the next one.
        assert_eq!(world.host.complete().await, DENIED, "{name}");
        assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 0);
        // The directory that was made for it goes, if it can be found; else it is left empty.
        assert_eq!(fs::read_dir(world.path("moved")).map_or(0, Iterator::count), 0);
        let _ = fs::remove_dir(world.path("moved"));
        fs::remove_file(world.root(name)).unwrap();
    }
}

#[tokio::test]
async fn parent_that_is_replaced_by_another_directory_meanwhile_gets_nothing() {
    let mut world = enabled().await;
    fs::create_dir(world.root("dir")).unwrap();
    assert_eq!(world.begin("/dir", "a", WHATEVER).await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0);
    fs::rename(world.root("dir"), world.path("outside/dir")).unwrap();
    fs::create_dir(world.root("dir")).unwrap();
    assert_eq!(world.host.complete().await, DENIED);
    assert_eq!(fs::read_dir(world.root("dir")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(world.path("outside/dir")).unwrap().count(), 0);
}

#[tokio::test]
async fn link_that_appears_with_the_files_name_meanwhile_stays_what_it_is() {
    let mut world = enabled().await;
    fs::write(world.path("outside/file"), "theirs").unwrap();
    assert_eq!(world.begin("", "a", WHATEVER).await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0);
    symlink(world.path("outside/file"), world.root("a")).unwrap();
    assert_eq!(world.host.complete().await, DENIED);
    assert_eq!(fs::read_link(world.root("a")).unwrap(), world.path("outside/file"));
    assert_eq!(fs::read(world.path("outside/file")).unwrap(), b"theirs");
}

#[tokio::test]
async fn nul_within_a_name_is_refused_and_not_taken_for_its_end() {
    let mut world = enabled().await;
    let root = world.path("in").display().to_string();
    for name in ["a\0b", "a\0/../../outside/a", "\0a", "a\0\0b"] {
        assert_eq!(world.begin("", name, WHATEVER).await, INVALID_NAME, "{name:?}");
        let path = format!("{root}/{name}");
        assert_eq!(world.begin_at(&path, "a").await, INVALID_NAME, "{path:?}");
    }
    world.is_untouched();
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_no_text() {
    let mut world = enabled().await;
    let path: Vec<u16> = world.path("in").to_str().unwrap().encode_utf16().collect();
    for name in [[0xd83e, 0x61], [0xdd80, 0x61], [0x61, 0xd83e]] {
        assert_eq!(world.host.ask(&raw_start(&name, &path)).await, INVALID_NAME, "{name:04x?}");
    }
    assert_eq!(world.host.ask(&raw_start(&[0x61], &[0x2f, 0xd83e])).await, INVALID_NAME);
    world.is_untouched();
}

#[tokio::test]
async fn name_that_is_too_long_is_refused_in_part_and_as_a_whole() {
    let mut world = enabled().await;
    // 256 bytes, of which the host sees 128 characters.
    let component = "é".repeat(128);
    assert_eq!(world.begin("", &component, WHATEVER).await, TOO_LONG);
    assert_eq!(world.begin(&format!("/{component}"), "a", WHATEVER).await, TOO_LONG);
    assert_eq!(world.begin(&format!("/dir/{component}/x"), "a", WHATEVER).await, TOO_LONG);
    let most = format!("{}x", "é".repeat(127));
    assert_eq!(world.copy(&format!("/{most}"), &most, b"abc", WHATEVER).await, 0);
    assert_eq!(fs::read(world.root(&most).join(&most)).unwrap(), b"abc");
    fs::remove_dir_all(world.root(&most)).unwrap();
    // A field without an end.
    let endless = [0x61; 260];
    let path: Vec<u16> = world.path("in").to_str().unwrap().encode_utf16().collect();
    assert_eq!(world.host.ask(&raw_start(&endless, &path)).await, TOO_LONG);
    let mut endless_path = [0x2f; 260];
    endless_path[..path.len()].copy_from_slice(&path);
    assert_eq!(world.host.ask(&raw_start(&[0x61], &endless_path)).await, TOO_LONG);
    world.is_untouched();
}

#[tokio::test]
async fn path_of_as_many_directories_as_fit_is_made_and_taken_away_again() {
    let mut world = enabled().await;
    let units = world.path("in").to_str().unwrap().encode_utf16().count();
    let below = "/x".repeat((259 - units) / 2);
    assert_eq!(world.begin(&below, "a", NONE).await, PATH_NOT_FOUND);
    assert_eq!(world.begin(&below, "a", WHATEVER).await, 0);
    assert_eq!(world.host.cancel().await, 0);
    world.is_untouched();
}

#[tokio::test]
async fn what_follows_a_refusal_is_refused_for_the_same_reason() {
    let mut world = enabled().await;
    assert_eq!(world.begin("/..", "a", WHATEVER).await, DENIED);
    assert_eq!(world.host.write(0, b"abc").await, DENIED);
    assert_eq!(world.host.complete().await, DENIED);
    assert_eq!(world.host.cancel().await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0x8000_4005);
    assert_eq!(world.host.complete().await, 0x8000_4005);
    world.is_untouched();
}
