//! File copy as an administrator asks for it, on both links, by the built program.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use hv_utils_core::wire::Ic;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::packet::Machine;
use crate::support::{Running, code, dir, json, one_shot, program, stderr, stdout};

const OPENED: u16 = 0xfff0;

/// A directory for the sockets with a file of so many bytes in it.
fn with_file(bytes: usize) -> (TempDir, PathBuf, Vec<u8>) {
    let dir = dir();
    let contents: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 241).unwrap()).collect();
    let file = dir.path().join("file.bin");
    std::fs::write(&file, &contents).unwrap();
    (dir, file, contents)
}

#[test]
fn a_file_arrives_over_rings_and_what_it_took_is_said() {
    let (dir, file, contents) = with_file(100_000);
    let guest = GuestThread::copies(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["copy-vmfile", file.to_str().unwrap(), "/in/größe 日本 🙂.bin"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    let said = stdout(&output);
    assert!(said.starts_with("copied 100000 bytes to /in/größe 日本 🙂.bin in "), "{said}");
    assert!(said.ends_with(" MiB/s\n"), "{said}");
    let files = guest.stop().files;
    assert!(files.whole["/in/größe 日本 🙂.bin"] == contents);
    assert_eq!(files.dropped, [] as [&str; 0]);
}

fn over_packets(dir: &Path, words: &[&str]) -> Output {
    program().arg("--packet-link").arg(dir).args(["--timeout", "60"]).args(words).output().unwrap()
}

#[test]
fn a_file_arrives_in_a_virtual_machine() {
    let (dir, file, contents) = with_file(20_001);
    let mut machine = Machine::new(dir.path(), Ic::FileCopy, 7);
    let guest = std::thread::spawn(move || {
        machine.meet(OPENED);
        machine.serve();
        machine.rules.files
    });
    let words = [
        "--json",
        "copy-vmfile",
        "--short-last",
        "--chunk",
        "500",
        "-CreateFullPath",
        file.to_str().unwrap(),
        "/in/deep/",
    ];
    let output = over_packets(dir.path(), &words);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let answer = json(&output);
    assert_eq!((&answer["kind"], &answer["end"]), (&"file-copy".into(), &"complete".into()));
    assert_eq!((&answer["target"], &answer["size"]), (&"/in/deep/file.bin".into(), &20_001.into()));
    assert_eq!(answer["sent"], 20_001);
    assert!(
        answer["milliseconds"].as_f64().unwrap() > 0.0 && answer["mib_per_second"].as_f64().unwrap() > 0.0
    );
    assert!(guest.join().unwrap().whole["/in/deep/file.bin"] == contents);
}

#[test]
fn a_refusal_shows_its_status_and_what_could_be_done() {
    let (dir, file, contents) = with_file(10);
    let guest = GuestThread::copies(dir.path(), Fault::None);
    let copy =
        |words: &[&str]| one_shot(dir.path(), &[&["copy-vmfile", file.to_str().unwrap()], words].concat());
    assert_eq!(code(&copy(&["/in/a"])), 0);
    let refused = copy(&["/in/a"]);
    assert_eq!(code(&refused), 1);
    assert_eq!(
        stderr(&refused),
        "hv-testhost: the guest refused to begin a copy to /in/a: 0x80070050 (already exists)\nhint: --force \
         replaces a file that is there; which one it is, `hvctl copy history` in the guest says\n"
    );
    assert_eq!(code(&copy(&["/in/a", "--force"])), 0);
    let outside = one_shot(dir.path(), &["--json", "copy-vmfile", file.to_str().unwrap(), "/etc/../in/x"]);
    assert_eq!((code(&outside), &json(&outside)["error"]["status"]), (1, &"0x80070005".into()));
    let files = guest.stop().files;
    assert_eq!(files.whole.into_iter().collect::<Vec<_>>(), [("/in/a".to_owned(), contents)]);
}

#[test]
fn a_copy_that_stops_or_is_cancelled_leaves_nothing_in_the_guest() {
    let (dir, file, _) = with_file(30_000);
    let guest = GuestThread::copies(dir.path(), Fault::None);
    let copy =
        |words: &[&str]| one_shot(dir.path(), &[&["copy-vmfile", file.to_str().unwrap()], words].concat());
    let cut = copy(&["/in/cut", "--cut-after", "7000"]);
    assert_eq!(
        (code(&cut), stdout(&cut).as_str()),
        (0, "stopped after 7000 of 30000 bytes to /in/cut, the guest was told nothing\n")
    );
    let cancelled = copy(&["/in/cancelled", "--cancel-after", "12288"]);
    assert_eq!(
        (code(&cancelled), stdout(&cancelled).as_str()),
        (0, "cancelled after 12288 of 30000 bytes to /in/cancelled\n")
    );
    assert_eq!(code(&copy(&["/in/a", "--cut-after", "1", "--cancel-after", "1"])), 64);
    let files = guest.stop().files;
    assert_eq!(
        (files.whole.len(), files.dropped),
        (0, vec!["/in/cut".to_owned(), "/in/cancelled".to_owned()])
    );
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is() {
    let (dir, file, _) = with_file(1);
    let _guest = GuestThread::copies(dir.path(), Fault::None);
    let absent = one_shot(dir.path(), &["copy-vmfile", "/nonexistent", "/in/"]);
    assert_eq!(code(&absent), 69);
    assert!(
        stderr(&absent).starts_with("hv-testhost: cannot read /nonexistent: No such file"),
        "{}",
        stderr(&absent)
    );
    let file = file.to_str().unwrap();
    assert_eq!(code(&one_shot(dir.path(), &["copy-vmfile", file])), 64);
    assert_eq!(code(&one_shot(dir.path(), &["copy-vmfile", file, "/in/", "--chunk", "6145"])), 64);
    assert_eq!(code(&one_shot(dir.path(), &["copy-vmfile", file, "/in/", "--chunk", "0"])), 64);
    // The ring cannot hold a WRITE: that is this host's own doing.
    let small = one_shot(dir.path(), &["--ring", "8192", "copy-vmfile", file, "/in/"]);
    assert_eq!(code(&small), 69, "{}", stderr(&small));
}

#[test]
fn a_guest_that_says_nothing_is_no_answer() {
    let (dir, file, _) = with_file(1);
    let _guest = GuestThread::copies(dir.path(), Fault::Silent);
    let mut command = program();
    command.arg("--sim").arg(dir.path()).args(["--timeout", "0.5", "copy-vmfile"]);
    let output = command.arg(&file).arg("/in/").output().unwrap();
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

fn start(dir: &Path, words: &[&str]) -> Child {
    let mut command = program();
    command.arg("--packet-link").arg(dir).args(["--timeout", "60"]).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_signal_in_the_middle_of_a_copy_cancels_it() {
    let (dir, file, _) = with_file(30_000);
    let host = start(dir.path(), &["copy-vmfile", file.to_str().unwrap(), "/in/a"]);
    let mut machine = Machine::new(dir.path(), Ic::FileCopy, 7);
    machine.meet(OPENED);
    for _negotiate_start_write in 0..3 {
        machine.one();
    }
    let write = machine.hear();
    kill_process(Pid::from_child(&host), Signal::INT).unwrap();
    // CANCEL comes while the answer to the WRITE is still due.
    let cancel = machine.hear();
    assert_eq!((write.payload[28], cancel.payload[28]), (1, 3));
    machine.answer(&write);
    machine.answer(&cancel);
    machine.serve();
    assert_eq!(machine.rules.files.dropped, ["/in/a"]);
    let output = host.wait_with_output().unwrap();
    let said = "-- fcopy: a copy was cut short, the guest was told so\nhv-testhost: ended by SIGINT before it was done\n\
                hint: what was asked last may have been done all the same\n";
    assert_eq!((code(&output), stderr(&output).as_str()), (130, said));
}

#[test]
fn a_host_that_stays_reads_the_file_of_whoever_asks() {
    let (dir, file, contents) = with_file(5000);
    let control = dir.path().join("control");
    let sim = dir.path().to_str().unwrap();
    let mut host = program();
    host.args(["--sim", sim, "--ic", "kvp,fcopy", "--control"]).arg(&control).current_dir("/");
    let mut host = Running(host.stderr(Stdio::null()).spawn().unwrap());
    let guest = GuestThread::copies(dir.path(), Fault::None);
    let ask = |words: &[&str]| {
        let mut command = program();
        command.arg("--control").arg(&control).args(["--timeout", "60"]).args(words);
        command.current_dir(file.parent().unwrap()).output().unwrap()
    };
    // Relative to where the question is asked, not to where the host was started.
    let output = ask(&["copy-vmfile", "file.bin", "/in/"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let cut = ask(&["copy-vmfile", "file.bin", "/in/cut", "--cut-after", "100"]);
    assert_eq!(code(&cut), 0, "{}", stderr(&cut));
    let services = stdout(&ask(&["get-integration-services"]));
    assert!(
        services.contains("fcopy      Guest Service Interface  yes      OK                     3.0/1.1\n"),
        "{services}"
    );
    assert_eq!(code(&ask(&["disable-service", "fcopy"])), 0);
    assert_eq!(code(&ask(&["copy-vmfile", "file.bin", "/in/"])), 1);
    assert_eq!(code(&ask(&["quit"])), 0);
    assert!(host.0.wait().unwrap().success());
    let files = guest.stop().files;
    assert!(files.whole["/in/file.bin"] == contents && files.whole.len() == 1);
    assert_eq!(files.dropped, [] as [&str; 0], "nobody said that the cut copy is over");
}

#[test]
fn a_transcript_names_the_messages_of_a_copy() {
    let (dir, file, _) = with_file(7000);
    let _guest = GuestThread::copies(dir.path(), Fault::None);
    let log = dir.path().join("log");
    let words =
        ["--transcript", log.to_str().unwrap(), "copy-vmfile", file.to_str().unwrap(), "/in/", "--force"];
    assert_eq!(code(&one_shot(dir.path(), &words)), 0);
    let text = std::fs::read_to_string(&log).unwrap();
    for said in [
        "FCOPY START request path=\"/in\" name=\"file.bin\" flags=0x00000001 size=7000 flags=0x03",
        "FCOPY WRITE request offset=6144 bytes=856 flags=0x03",
        "FCOPY COMPLETE reply status=0x00000000 (success)",
    ] {
        assert!(text.contains(said), "{said} is missing in\n{text}");
    }
}
