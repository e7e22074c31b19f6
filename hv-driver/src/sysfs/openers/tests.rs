//! A procfs of files, and the machine's own.

use super::*;
use std::fs::File;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

const NODE: &str = "/dev/uio0";

fn node() -> Node {
    Node { path: NODE.into(), number: None }
}

/// A process with descriptors that lead there.
fn process(proc: &Path, pid: u32, comm: &str, targets: &[&str]) -> PathBuf {
    let process = proc.join(pid.to_string());
    fs::create_dir_all(process.join("fd")).unwrap();
    fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
    for (number, target) in targets.iter().enumerate() {
        symlink(target, process.join("fd").join(number.to_string())).unwrap();
    }
    process
}

fn machine() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let proc = directory.path().to_owned();
    fs::create_dir(proc.join("sys")).unwrap();
    process(&proc, 1, "systemd", &["/dev/null", "socket:[7]"]);
    (directory, proc)
}

fn found(proc: &Path) -> Vec<(u32, String)> {
    let openers = openers(proc, &node()).unwrap();
    openers.into_iter().map(|opener| (opener.pid, opener.program)).collect()
}

#[test]
fn only_the_node_of_this_device_counts() {
    let (_directory, proc) = machine();
    process(&proc, 20, "other", &["/dev/uio1", "/dev/uio01", "/srv/dev/uio0", "/dev/uio0 (deleted)"]);
    assert_eq!(found(&proc), []);
    process(&proc, 21, "hv-kvpd", &["/dev/null", NODE]);
    assert_eq!(found(&proc), [(21, "hv-kvpd".to_owned())]);
}

#[test]
fn mapped_memory_keeps_it_open_without_a_descriptor() {
    let (_directory, proc) = machine();
    let maps = "7f00-7f01 r--p 00000000 fe:01 12   /usr/lib/libc.so.6\n7f10-7f20 rw-s 00000000 00:06 99   /dev/uio0\n";
    fs::write(process(&proc, 30, "mapper", &[]).join("maps"), maps).unwrap();
    let other = maps.replace("  /dev/uio0", "  /srv/dev/uio0").replace("uio0", "uio0 (deleted)");
    fs::write(process(&proc, 31, "other", &[]).join("maps"), other).unwrap();
    assert_eq!(found(&proc), [(30, "mapper".to_owned())]);
}

#[test]
fn process_that_ends_meanwhile_has_nothing_open() {
    let (_directory, proc) = machine();
    fs::create_dir(proc.join("40")).unwrap();
    assert_eq!(found(&proc), []);
}

#[test]
fn long_names_are_whole_and_none_is_a_command_to_a_terminal() {
    let (_directory, proc) = machine();
    let daemon = process(&proc, 50, "hv_fcopy_uio_da", &[NODE]);
    symlink("/usr/sbin/hv_fcopy_uio_daemon", daemon.join("exe")).unwrap();
    assert_eq!(found(&proc), [(50, "hv_fcopy_uio_daemon".to_owned())]);
    fs::remove_dir_all(daemon).unwrap();
    process(&proc, 51, "\u{1b}[2J\nx", &[NODE]);
    assert_eq!(found(&proc), [(51, "[2Jx".to_owned())]);
}

#[test]
fn nobody_is_not_said_where_not_all_can_be_seen() {
    let (_directory, proc) = machine();
    // Stands for one whose descriptors are hidden: a file is no directory.
    fs::create_dir(proc.join("60")).unwrap();
    fs::write(proc.join("60/fd"), "").unwrap();
    let error = openers(&proc, &node()).unwrap_err();
    assert_eq!(error.code(), 77);
    assert!(error.to_string().contains("process 60 has /dev/uio0 open"), "{error}");
    process(&proc, 61, "hv-kvpd", &[NODE]);
    assert_eq!(found(&proc), [(61, "hv-kvpd".to_owned())]);
    assert!(openers(&proc.join("none"), &node()).is_err());
}

#[test]
fn own_descriptor_is_seen_by_path_and_by_number() {
    let _open = File::open("/dev/null").unwrap();
    let this = tempfile::tempdir().unwrap();
    symlink("/proc/self", this.path().join("7")).unwrap();
    let seen = |path: &str, number| {
        openers(this.path(), &Node { path: path.into(), number }).unwrap().first().map(|opener| opener.pid)
    };
    assert_eq!(seen("/dev/null", None), Some(7));
    let number = rustix::fs::makedev(1, 3);
    assert_eq!(seen("/container/dev/null", Some(number)), Some(7));
    assert_eq!(seen("/container/dev/null", Some(number + 1)), None);
    assert_eq!(seen("/container/dev/null", None), None);
}
