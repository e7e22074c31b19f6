//! Ten thousand changes leave as many descriptors and watches as there were: in a process of its own, because
//! descriptors are counted by process.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use hv_kvpd::intrinsic::{Intrinsics, Options};

/// Changes that are waited for.
const CHANGES: usize = 10_000;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Watches of all inotify descriptors of this process.
fn watches() -> usize {
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap();
    let texts = infos.filter_map(|info| fs::read_to_string(info.unwrap().path()).ok());
    texts.map(|text| text.lines().filter(|line| line.starts_with("inotify ")).count()).sum()
}

async fn until(intrinsics: &mut Intrinsics, key: &str, value: Option<&str>) {
    let wait = async {
        while intrinsics.get(key) != value {
            intrinsics.changed().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(seen.is_ok(), "{key} is not {value:?}");
}

#[tokio::test]
async fn ten_thousand_changes_leave_descriptors_and_watches_as_they_were() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for directory in ["etc", "proc/sys/kernel", "items", "v0", "v1"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    fs::write(at("proc/sys/kernel/hostname"), "start\n").unwrap();
    for version in ["v0", "v1"] {
        fs::write(at(version).join("Linked"), format!("{version}\n")).unwrap();
    }
    symlink("v0", at("now")).unwrap();
    symlink(at("now/Linked"), at("items/Linked")).unwrap();
    let mut intrinsics = Intrinsics::start(Options {
        etc_root: at("etc"),
        proc_root: at("proc"),
        directory: at("items"),
        ..Options::default()
    });
    let before = (descriptors(), watches());
    for round in 0..CHANGES / 4 {
        let name = format!("host{round}.example");
        fs::write(at("proc/sys/kernel/hostname"), format!("{name}\n")).unwrap();
        until(&mut intrinsics, "FullyQualifiedDomainName", Some(&name)).await;
        fs::write(at("items/Owner"), &name).unwrap();
        until(&mut intrinsics, "Owner", Some(&name)).await;
        let version = format!("v{}", (round + 1) % 2);
        replace_link(&version, &at("next"), &at("now"));
        until(&mut intrinsics, "Linked", Some(&version)).await;
        fs::remove_file(at("items/Owner")).unwrap();
        until(&mut intrinsics, "Owner", None).await;
    }
    // Which of v0 and v1 is watched depends on the last round alone, and it ends as it began.
    assert_eq!((descriptors(), watches()), before);
}

fn replace_link(target: &str, temporary: &Path, link: &Path) {
    symlink(target, temporary).unwrap();
    fs::rename(temporary, link).unwrap();
}
