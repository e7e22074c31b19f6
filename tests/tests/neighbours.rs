//! Living beside others: programs that write the pool files themselves, and users that may not write.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use hv_utils_tests::{Stack, StackOptions, lines, program};
use rustix::fs::FlockOperation;

fn record(key: &str, value: &str) -> Vec<u8> {
    let mut record = vec![0; 2560];
    record[..key.len()].copy_from_slice(key.as_bytes());
    record[512..512 + value.len()].copy_from_slice(value.as_bytes());
    record
}

/// Appends as cloud-init does: under `flock`, not knowing of us.
fn append(stack: &Stack, pool: u8, key: &str, value: &str) {
    let mut file = File::options().append(true).open(stack.pool(pool)).expect("the pool file is there");
    rustix::fs::flock(&file, FlockOperation::LockExclusive).expect("the pool can be locked");
    file.write_all(&record(key, value)).expect("the pool can be written");
}

#[test]
fn record_appended_by_cloud_init_is_seen_by_the_next_request() {
    let Some(stack) = Stack::start(StackOptions::default()) else { return };
    for number in 0..200 {
        append(&stack, 1, &format!("CLOUD_INIT|{number}"), "telemetry");
    }
    let shown = stack.host(&["get-kvp", "guest", "CLOUD_INIT|199"]).expect_code(0);
    assert!(shown.stdout.contains("telemetry"), "{}", shown.stdout);
    let listed = stack.hvctl(&["--json", "kvp", "list", "guest"]).expect_code(0);
    let object: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one JSON object");
    assert_eq!(object["items"].as_array().map(Vec::len), Some(200));
}

#[test]
fn edit_from_outside_is_told_on_the_bus_with_its_origin() {
    let Some(stack) = Stack::start(StackOptions::default()) else { return };
    let mut watch = Command::new(program("hvctl"))
        .args(["--bus", stack.bus(), "--json", "kvp", "watch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("hvctl starts");
    let lines = lines(watch.stdout.take().expect("stdout is piped"));
    // It says that it is ready.
    let mut line = lines.line();
    append(&stack, 1, "FromOutside", "yes");
    while !line.contains("FromOutside") {
        line = lines.line();
    }
    let _ = watch.kill();
    let _ = watch.wait();
    let event: serde_json::Value = serde_json::from_str(&line).expect("one JSON object a line");
    assert_eq!(event["origin"], "file", "{line}");
    assert_eq!(event["value"], "yes", "{line}");
}

#[test]
fn edit_under_a_lock_that_outlasts_our_patience_is_told_once_the_lock_is_gone() {
    let config = "[kvp]\nlock-timeout-secs = 1\n".to_owned();
    let Some(stack) = Stack::start(StackOptions { config, ..StackOptions::default() }) else { return };
    stack.hvctl(&["kvp", "set", "guest", "Before", "1"]).expect_code(0);
    let mut watch = Command::new(program("hvctl"))
        .args(["--bus", stack.bus(), "--json", "kvp", "watch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("hvctl starts");
    let lines = lines(watch.stdout.take().expect("stdout is piped"));
    // It says that it is ready.
    let mut line = lines.line();
    let mut file = File::options().append(true).open(stack.pool(1)).expect("the pool file is there");
    rustix::fs::flock(&file, FlockOperation::LockExclusive).expect("the pool can be locked");
    file.write_all(&record("LongTransaction", "yes")).expect("the pool can be written");
    // Waits for the lock at most once; after that what is in memory is the answer, however often one asks.
    for _ in 0..3 {
        stack.host(&["get-kvp", "guest", "Before"]).expect_code(0);
    }
    assert!(stack.daemon_said("cannot be read again"), "nothing was locked");
    drop(file);
    while !line.contains("LongTransaction") {
        line = lines.line();
    }
    let _ = watch.kill();
    let _ = watch.wait();
}

#[test]
fn pool_files_keep_their_inode_mode_and_record_format() {
    use std::os::unix::fs::MetadataExt;
    let Some(stack) = Stack::start(StackOptions::default()) else { return };
    let before = std::fs::metadata(stack.pool(0)).expect("the pool file is there");
    stack.host(&["add-kvp", "Colour", "a long first value"]).expect_code(0);
    stack.host(&["add-kvp", "Shape", "round"]).expect_code(0);
    stack.host(&["modify-kvp", "Colour", "red"]).expect_code(0);
    let expected = [record("Colour", "red"), record("Shape", "round")].concat();
    assert!(std::fs::read(stack.pool(0)).expect("the pool can be read") == expected, "not the two records");
    let after = std::fs::metadata(stack.pool(0)).expect("the pool file is there");
    assert_eq!((before.ino(), after.mode() & 0o7777), (after.ino(), 0o644));
    let names = (0..5).filter(|number| stack.pool(*number).exists()).count();
    assert_eq!(names, 5);
}

#[test]
fn another_user_reads_but_may_not_write() {
    if !rustix::process::geteuid().is_root() {
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED another_user_reads_but_may_not_write: only root can become another user"
        );
        return;
    }
    let Some(stack) = Stack::start(StackOptions::default()) else { return };
    stack.hvctl(&["kvp", "set", "guest", "Mine", "1"]).expect_code(0);
    assert_eq!(stack.hvctl_as(65534, &["kvp", "get", "guest", "Mine"]).expect_code(0).text(), "1");
    stack.hvctl_as(65534, &["kvp", "set", "guest", "Mine", "2"]).expect_code(77);
    stack.hvctl_as(65534, &["kvp", "delete", "guest", "Mine"]).expect_code(77);
    assert_eq!(stack.hvctl(&["kvp", "get", "guest", "Mine"]).expect_code(0).text(), "1");
}
