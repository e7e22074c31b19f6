//! The console on a pipe: a verb a line.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::support::{code, dir, program, stderr, stdout};

fn console(dir: &Path, lines: &str) -> Output {
    let mut command = program();
    command.arg("--sim").arg(dir).args(["--timeout", "60"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn lines_are_carried_out_in_order_and_the_end_of_input_ends_the_host() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let output = console(dir.path(), "# a comment\n\nadd-kvp \"two words\" 'x y'\nget-host-items\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "added \"two words\"\ntwo words = x y\n");
    assert_eq!(guest.stop().pools[0], [("two words".to_owned(), "x y".to_owned())]);
}

#[test]
fn the_exit_code_is_that_of_the_first_line_that_failed_and_the_others_are_still_done() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = console(dir.path(), "remove-kvp a\nnonsense\nadd-kvp a b\nquit\nadd-kvp c d\n");
    assert_eq!(code(&output), 1);
    assert_eq!(stdout(&output), "added \"a\"\nthe host ends\n");
    assert!(stderr(&output).contains("hv-testhost: unknown verb 'nonsense'\nhint: "), "{}", stderr(&output));
}

#[test]
fn wrong_quoting_is_wrong_usage() {
    let dir = dir();
    let output = console(dir.path(), "add-kvp 'a b\n");
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("the quote ' is not closed"), "{}", stderr(&output));
}

#[test]
fn help_lists_the_verbs_and_exit_ends() {
    let dir = dir();
    let output = console(dir.path(), "help\nhelp add-kvp\nexit\nnever read\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("Usage: <VERB>") && stdout(&output).contains("`exit`"));
    assert!(stdout(&output).contains("get-guest-intrinsic-items"), "{}", stdout(&output));
    assert!(stdout(&output).contains("255 UTF-16 units"), "{}", stdout(&output));
}
