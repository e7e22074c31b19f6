//! Full, read-only and mixed filesystems: real ones, mounted in a namespace of a child process.
//!
//! Only root may mount; for others these tests are skipped by name.

use std::process::Command;

use super::*;

const SCENE: &str = "HV_UTILS_TEST_MOUNTED";

/// Runs `scene` in a child with a mount namespace of its own, after `mounts` (a shell script in the place's root).
fn in_namespace(scene: &str, place: &Place, mounts: &str) {
    if !rustix::process::geteuid().is_root() {
        use std::io::Write as _;
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(std::io::stderr(), "SKIPPED {scene}: only root may mount");
        return;
    }
    let script = format!(
        "cd \"$1\" && {mounts} && exec \"$2\" --exact pool::tests::namespace::child_among_mounts --nocapture"
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-ec", &script, "sh"])
        .arg(place.dir.path())
        .arg(std::env::current_exe().unwrap())
        .env(SCENE, format!("{scene}:{}", place.dir.path().display()))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if text.contains("unshare failed") || text.contains("permission denied") {
        use std::io::Write as _;
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(std::io::stderr(), "SKIPPED {scene}: this root may not mount");
        return;
    }
    assert!(output.status.success() && text.contains("scene played"), "{text}");
}

#[test]
fn child_among_mounts() {
    let Ok(what) = std::env::var(SCENE) else { return };
    let (scene, dir) = what.split_once(':').unwrap();
    let dir = std::path::Path::new(dir);
    let options = PoolOptions::new(dir.join("hyperv"), dir.join("state"));
    match scene {
        "a_full_disk" => full_disk(&options),
        "a_read_only_filesystem" => read_only(&options),
        _ => two_filesystems(&options),
    }
    println!("scene played");
}

#[test]
fn a_full_disk_is_a_clean_error() {
    let place = Place::new();
    in_namespace("a_full_disk", &place, "mount -t tmpfs -o size=256k tmpfs hyperv");
}

fn full_disk(options: &PoolOptions) {
    let (set_, _) = PoolSet::open(options).unwrap();
    let pool = Pool::Guest;
    for i in 0..24 {
        submit(&set_, set(pool, &format!("key-{i}"), "v")).result.unwrap();
    }
    let before = std::fs::read(options.pool_dir.join(".kvp_pool_1")).unwrap();
    // Fill what is left.
    let _ = std::fs::write(options.pool_dir.join("ballast"), vec![1; 1024 * 1024]);
    let mut error = None;
    for i in 24..40 {
        if let Err(refused) = submit(&set_, set(pool, &format!("key-{i}"), "v")).result {
            error = Some(refused);
            break;
        }
    }
    let error = error.expect("the disk is full");
    assert!(error.is_disk_full() && error.to_string().contains("free space"), "{error}");
    let now = std::fs::read(options.pool_dir.join(".kvp_pool_1")).unwrap();
    assert!(now.starts_with(&before) && now.len().is_multiple_of(RECORD_BYTES));
    assert_eq!(list(&set_, pool), items(&now));
    submit(&set_, set(pool, "key-3", "changed")).result.expect("overwriting needs no space");
    let error = submit(&set_, delete(pool, "key-0")).result.unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    std::fs::remove_file(options.pool_dir.join("ballast")).unwrap();
    submit(&set_, delete(pool, "key-0")).result.unwrap();
    drop(set_);
    let (set_, reports) = PoolSet::open(options).unwrap();
    assert_eq!(reports, []);
    assert_eq!(set_.get(pool, "key-3").as_deref(), Some("changed"));
    assert_eq!(set_.get(pool, "key-0"), None);
}

#[test]
fn a_read_only_filesystem_is_read() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), one("k", "v")).unwrap();
    in_namespace(
        "a_read_only_filesystem",
        &place,
        "mount --bind hyperv hyperv && mount -o remount,bind,ro hyperv",
    );
}

fn read_only(options: &PoolOptions) {
    let (set_, reports) = PoolSet::open(options).unwrap();
    assert_eq!(kinds(&reports), [ReportKind::ReadOnly; 5]);
    assert!(reports[0].text.contains("read-only"), "{}", reports[0]);
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("v"));
    assert!(set_.is_empty(Pool::External), "which is missing and cannot be created");
    for pool in [Pool::Guest, Pool::External] {
        let error = submit(&set_, set(pool, "k", "w")).result.unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::ROFS));
        refresh(&set_, pool).result.unwrap();
    }
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("v"));
}

#[test]
fn a_pool_on_another_filesystem_than_its_journal_is_only_read() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), one("k", "v")).unwrap();
    let mounts = "mkdir other && mount -t tmpfs tmpfs other && cp hyperv/.kvp_pool_1 other/pool && mount --bind other/pool hyperv/.kvp_pool_1";
    in_namespace("two_filesystems", &place, mounts);
}

fn two_filesystems(options: &PoolOptions) {
    let (set_, reports) = PoolSet::open(options).unwrap();
    assert_eq!(kinds(&reports), [ReportKind::ReadOnly]);
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("v"));
    let error = submit(&set_, set(Pool::Guest, "k", "w")).result.unwrap_err();
    assert!(matches!(error, PoolError::OtherFilesystem { .. }), "{error}");
    assert!(error.to_string().contains("bind mount"), "{error}");
    submit(&set_, set(Pool::External, "k", "w")).result.unwrap();
}
