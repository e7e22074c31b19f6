//! What is no file and cannot become one: devices, pipes, sockets, directories, and what is the kernel's own.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::support::{NONE, OVERWRITE, WHATEVER, World};

const DENIED: u32 = 0x8007_0005;
const DIRECTORY: u32 = 0x8007_010b;

#[tokio::test]
async fn what_has_the_files_name_and_is_no_file_stays() {
    let mut world = World::new("enabled = true").await;
    mknodat(CWD, world.root("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _listens = UnixListener::bind(world.root("socket")).unwrap();
    fs::create_dir(world.root("directory")).unwrap();
    fs::create_dir(world.root("full")).unwrap();
    fs::write(world.root("full/file"), "theirs").unwrap();
    let mut names = vec!["fifo", "socket", "directory", "full"];
    // /dev/null and /dev/loop0. Who is not root cannot make any.
    for (name, kind, device) in
        [("char", FileType::CharacterDevice, makedev(1, 3)), ("block", FileType::BlockDevice, makedev(7, 0))]
    {
        match mknodat(CWD, world.root(name), kind, Mode::RWXU, device) {
            Ok(()) => names.push(name),
            Err(error) => eprintln!("no {name} device, which needs root: {error}"),
        }
    }
    for name in &names {
        for flags in [NONE, OVERWRITE, WHATEVER] {
            assert_eq!(world.begin("", name, flags).await, DENIED, "{name} {flags:?}");
            assert_eq!(world.begin(&format!("/{name}/"), "", flags).await, DENIED, "{name} {flags:?}");
        }
    }
    for name in names.iter().filter(|name| !matches!(**name, "directory" | "full")) {
        // As the path itself, and as a directory on the way.
        assert_eq!(world.begin(&format!("/{name}"), "a", WHATEVER).await, DENIED, "{name}");
        assert_eq!(world.begin(&format!("/{name}/x"), "a", WHATEVER).await, DIRECTORY, "{name}");
    }
    assert!(fs::symlink_metadata(world.root("fifo")).unwrap().file_type().is_fifo());
    assert!(fs::symlink_metadata(world.root("socket")).unwrap().file_type().is_socket());
    assert_eq!(fs::read(world.root("full/file")).unwrap(), b"theirs");
    assert_eq!(world.names().len(), names.len());
}

#[tokio::test]
async fn path_that_is_a_file_is_that_file_and_never_a_directory() {
    let mut world = World::new("enabled = true").await;
    fs::write(world.root("file"), "theirs").unwrap();
    assert_eq!(world.copy("/file", "a", b"abc", NONE).await, 0x8007_0050);
    assert_eq!(world.copy("/file/x", "a", b"abc", WHATEVER).await, DIRECTORY);
    assert_eq!(fs::read(world.root("file")).unwrap(), b"theirs");
    assert_eq!(world.copy("/file", "a", b"abc", OVERWRITE).await, 0);
    assert_eq!(fs::read(world.root("file")).unwrap(), b"abc");
    assert_eq!(world.names(), ["file"]);
}

#[tokio::test]
async fn something_else_that_takes_the_name_meanwhile_stays() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.begin("", "a", WHATEVER).await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0);
    fs::create_dir(world.root("a")).unwrap();
    assert_eq!(world.host.complete().await, DENIED);
    assert!(world.root("a").is_dir());
    // And a file, which may not be replaced.
    assert_eq!(world.begin("", "b", NONE).await, 0);
    assert_eq!(world.host.write(0, b"abc").await, 0);
    fs::write(world.root("b"), "theirs").unwrap();
    assert_eq!(world.host.complete().await, 0x8007_0050);
    assert_eq!(fs::read(world.root("b")).unwrap(), b"theirs");
    assert_eq!(world.names(), ["a", "b"]);
}

#[tokio::test]
async fn kernels_own_filesystems_are_no_place_for_files_even_where_the_root_is_everything() {
    let mut world = World::with_roots(|_| vec!["/".into()]).await;
    for path in [
        "/proc",
        "/proc/sys/kernel",
        "/proc/self/fd",
        "/proc/self/cwd",
        "/proc/self/root/tmp",
        "/proc/thread-self/root",
        "/sys",
        "/sys/kernel",
        "/sys/fs/cgroup",
        "/dev",
        "/dev/pts",
    ] {
        assert_eq!(world.begin_at(path, "hv-fcopyd-test").await, DENIED, "{path}");
    }
    for (path, name) in [("/proc/sys/kernel", "core_pattern"), ("/dev", "null"), ("/proc/self", "mem")] {
        assert_eq!(world.begin_at(path, name).await, DENIED, "{path}/{name}");
    }
}

#[tokio::test]
async fn root_on_procfs_takes_nothing() {
    let mut world = World::with_roots(|directory| {
        symlink("/proc/self/root/tmp", directory.join("magic")).unwrap();
        symlink("/proc/sys", directory.join("link")).unwrap();
        vec!["/proc".into(), "/proc/self/fd".into(), "/sys/kernel".into(), directory.join("link")]
    })
    .await;
    let link = world.path("link").display().to_string();
    for path in ["/proc", "/proc/sys/kernel", "/proc/self/root/tmp", "/proc/self/fd", "/sys/kernel", &link] {
        assert_eq!(world.begin_at(path, "hv-fcopyd-test").await, DENIED, "{path}");
    }
    // A link to a magic one, beside every root.
    let magic = world.path("magic").display().to_string();
    assert_eq!(world.begin_at(&magic, "hv-fcopyd-test").await, DENIED);
}

#[tokio::test]
async fn magic_link_below_a_root_is_a_link_like_any_other() {
    let mut world = World::new("enabled = true").await;
    for (name, to) in [("root", "/proc/self/root"), ("cwd", "/proc/self/cwd"), ("fd", "/dev/fd/0")] {
        symlink(to, world.root(name)).unwrap();
        assert_eq!(world.begin(&format!("/{name}"), "a", WHATEVER).await, DENIED, "{name}");
        assert_eq!(world.begin(&format!("/{name}/tmp"), "a", WHATEVER).await, DENIED, "{name}");
        assert_eq!(world.begin("", name, WHATEVER).await, DENIED, "{name}");
    }
}

#[tokio::test]
async fn root_that_is_gone_or_a_file_takes_nothing_and_is_not_made() {
    let mut world = World::with_roots(|directory| {
        fs::write(directory.join("file"), "theirs").unwrap();
        vec![directory.join("in"), directory.join("gone"), directory.join("file")]
    })
    .await;
    let [gone, file] = ["gone", "file"].map(|name| world.path(name).display().to_string());
    assert_eq!(world.begin_at(&gone, "a").await, 0x8007_0003);
    assert_eq!(world.begin_at(&file, "a").await, DIRECTORY);
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0);
    assert!(!world.path("gone").exists());
    assert_eq!(fs::read(world.path("file")).unwrap(), b"theirs");
}
