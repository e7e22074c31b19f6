//! The shipped scenarios against a right guest, and against wrong ones, for which they must fail.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::support::{code, dir, json, program, stderr, stdout};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All of them: those that hold for every guest, those for guests that serve a network adapter, and those of the other
/// services.
fn every_scenario() -> Vec<PathBuf> {
    ["", "adapter", "shutdown", "heartbeat", "fcopy"].into_iter().flat_map(folder).collect()
}

fn folder(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shipped().join(name)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

/// The right guest for a scenario.
fn guest_for(file: &Path, dir: &Path) -> GuestThread {
    match file.parent().unwrap().file_name().unwrap().to_str().unwrap() {
        "shutdown" => GuestThread::shutdown(dir),
        "heartbeat" => GuestThread::heartbeat(dir, Fault::None),
        "fcopy" => GuestThread::copies_beside(dir),
        _ => GuestThread::start(dir, Fault::None),
    }
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    program().arg("--sim").arg(dir).args(arguments).output().unwrap()
}

/// Plays a scenario of these steps to a guest with this fault.
fn play(fault: Fault, scenario: &str, arguments: &[&str]) -> Output {
    let dir = dir();
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, format!("name = \"test\"\n{scenario}")).unwrap();
    let _guest = GuestThread::start(dir.path(), fault);
    let mut all = vec!["run", file.to_str().unwrap()];
    all.extend(arguments);
    run(dir.path(), &all)
}

#[test]
fn every_shipped_scenario_passes_with_a_right_guest() {
    let files = every_scenario();
    assert!(files.len() >= 31, "{files:?}");
    for file in files {
        let dir = dir();
        let _guest = guest_for(&file, dir.path());
        let output = run(dir.path(), &["--timeout", "60", "run", file.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}\n{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn several_scenarios_are_played_one_after_the_other_to_the_same_guest() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let (first, second) = (shipped().join("packet-types.toml"), shipped().join("rescind.toml"));
    let output = run(dir.path(), &["run", first.to_str().unwrap(), second.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("PASS packet types and flags\n"));
    assert!(stdout(&output).ends_with("2 of 2 scenarios passed\n"));
}

#[test]
fn a_step_that_fails_shows_expected_actual_and_both_packets_and_ends_the_scenario() {
    let steps = r#"
        [[step]]
        name = "an item that is there"
        request = { op = "enumerate", pool = "auto", index = 9 }
        [[step]]
        name = "never played"
        verb = "get-host-items"
    "#;
    let output = play(Fault::None, steps, &[]);
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(text.starts_with("FAIL test\n  ok    1 a guest connects and negotiates"), "{text}");
    assert!(text.contains("  FAIL  2 an item that is there"), "{text}");
    assert!(
        text.contains("expected  status 0x00000000 (success)\n          actual    status 0x80070103"),
        "{text}"
    );
    assert!(text.contains("sent      0000  01 00 00 00 28 0a 00 00"), "{text}");
    assert!(text.contains("received  0000  01 00 00 00 28 0a 00 00"), "{text}");
    assert!(text.contains("  skip  3 never played"), "{text}");
    assert!(text.ends_with("0 of 1 scenarios passed\n"), "{text}");
    let answer = json(&play(Fault::None, steps, &["--json"]));
    assert_eq!((answer["schema"].as_u64(), answer["passed"].as_bool()), (Some(1), Some(false)));
    let step = &answer["scenarios"][0]["steps"][1];
    assert_eq!(
        (step["result"].as_str(), step["actual"].as_str()),
        (Some("failed"), Some("status 0x80070103 (no more items)"))
    );
    assert!(step["received"].as_str().unwrap().starts_with("01 00 00 00 28 0a"));
}

#[test]
fn wrong_guests_fail_the_steps_that_look_for_their_faults() {
    let request = "[[step]]\nname = \"x\"\nrequest = { op = \"enumerate\", pool = \"auto\", index = 0 }\n";
    let nothing =
        "[[step]]\nname = \"x\"\nrequest = { op = 3 }\npacket = { kind = 7 }\nexpect = \"nothing\"\n";
    let refusal = "[[step]]\nname = \"x\"\nrequest = { op = 3, pool = 2 }\nexpect = \"refusal-or-nothing\"\n";
    let drain = format!("{request}expect = \"unread\"\n[[step]]\nname = \"y\"\ndrain = true\n");
    let cases = [
        (Fault::TransactionId, request, "IC transaction id"),
        (Fault::VmbusId, request, "VMBus transaction id 0x77"),
        (Fault::ExtraFlag, request, "IC flags 0x07"),
        (Fault::MessageType, request, "message type 3"),
        (Fault::HeaderOnly, request, "message of 20 bytes, the request had 2600"),
        (Fault::Twice, &drain, "KVP ENUMERATE reply"),
        (Fault::None, refusal, "0x00000000 (success)"),
        (Fault::TwoVersions, request, "2 framework and 1 message versions"),
        (Fault::NoCommonVersion, request, "no common version"),
        (Fault::Closes, &format!("{request}{request}{request}"), "closed the channel"),
    ];
    for (fault, scenario, expected) in cases {
        let output = play(fault, scenario, &[]);
        assert_eq!(code(&output), 1, "{fault:?}\n{}", stdout(&output));
        assert!(stdout(&output).contains(expected), "{fault:?}\n{}", stdout(&output));
    }
    let silent = [
        (Fault::Silent, nothing, "nothing in time"),
        (Fault::Silent, request, "nothing in time"),
        (Fault::SilentFromTheStart, request, "no answer from the guest"),
    ];
    for (fault, scenario, expected) in silent {
        // The limit is also for the guest to come, whose thread may get no time: then there is more.
        let played = [1_500, 6_000, 24_000]
            .map(|limit| move || play(fault, &format!("timeout-ms = {limit}\n{scenario}"), &[]))
            .into_iter()
            .map(|play| play())
            .find(|output| stdout(output).contains(expected));
        assert_eq!(played.map(|output| code(&output)), Some(1), "{fault:?}: never {expected}");
    }
}

#[test]
fn an_adapter_can_be_expected_of_a_request_and_of_a_verb() {
    let step = |action: &str, wanted: &str| {
        format!("[[step]]\nname = \"x\"\n{action}\nexpect = {{ adapter = {{ {wanted} }} }}\n")
    };
    let (right, wrong) = ("IPAddresses = [\"10.0.0.4\", \"fe80::1\"]", "IPAddresses = [\"10.0.0.4\"]");
    let request = "request = { op = \"get-ip-info\", adapter = \"00:15:5D:01:02:03\" }";
    for action in [request, "verb = \"get-ip 00:15:5D:01:02:03\""] {
        let output = play(Fault::None, &step(action, right), &[]);
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        let output = play(Fault::None, &step(action, wrong), &[]);
        assert_eq!(code(&output), 1);
        let said = "actual    IPAddresses [\"10.0.0.4\",\"fe80::1\"]";
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
        let output = play(Fault::OtherAdapter, &step(action, right), &[]);
        assert!(code(&output) == 1 && stdout(&output).contains("the adapter id"), "{}", stdout(&output));
    }
    let output = play(Fault::None, &step("verb = \"get-guest-items\"", right), &[]);
    assert!(stdout(&output).contains("expected  a network adapter's configuration"), "{}", stdout(&output));
    let output = play(Fault::None, &step("request = { op = \"get-ip-info\", family = \"v5\" }", ""), &[]);
    assert!(code(&output) == 64 && stderr(&output).contains("families are none, v4"), "{}", stderr(&output));
}

#[test]
fn a_broken_rule_can_be_expected() {
    let steps = "[[step]]\nname = \"x\"\nrequest = { op = \"enumerate\", pool = \"auto\" }\n\
                 expect = { violation = \"IC flags 0x07\" }\n";
    assert_eq!(code(&play(Fault::ExtraFlag, steps, &[])), 0);
    let output = play(Fault::None, steps, &[]);
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("no rule was broken"), "{}", stdout(&output));
}

#[test]
fn literal_bytes_can_be_sent_and_expected() {
    let steps = r#"
        negotiate = false
        [[step]]
        name = "guest"
        accept = {}
        [[step]]
        name = "NEGOTIATE as a real host sends it, and the answer of hv_utils"
        raw = """
        01 00 00 00 30 00 00 00 00 00 00 00 00 00 00 00 00 00 1c 00 00 00 00 00 00 03 00 00 02 00 03 00
        00 00 00 00 01 00 00 00 03 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00"""
        expect = { length = 48, agreed = "3.0/5.0", payload = """
        01 00 00 00 30 00 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00 05 00 00 01 00 01 00
        00 00 00 00 03 00 00 00 05 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00""" }
    "#;
    let output = play(Fault::None, steps, &[]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let other = steps.replace("00 05 00 00 01 00 01", "00 05 00 00 02 00 01");
    assert_eq!(code(&play(Fault::None, &other, &[])), 1);
}

#[test]
fn without_a_guest_a_scenario_ends_with_3_and_says_so() {
    let dir = dir();
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, "name = \"x\"\ntimeout-ms = 50\nstep = []\n").unwrap();
    let output = run(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    let expected = format!(
        "nobody came in time: start the guest's daemon with --channel sim:{}/kvp.sock\n",
        dir.path().display()
    );
    assert!(stdout(&output).contains(&expected), "{}", stdout(&output));
}

#[test]
fn a_time_limit_on_the_command_line_goes_before_that_of_the_scenario() {
    let dir = dir();
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, "name = \"x\"\ntimeout-ms = 86400000\nstep = []\n").unwrap();
    let output = run(dir.path(), &["run", file.to_str().unwrap(), "--timeout", "0.05"]);
    assert_eq!(code(&output), 3, "{}", stdout(&output));
}

#[test]
fn what_is_wrong_with_a_file_is_shown_with_the_place_in_it() {
    let dir = dir();
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "[kvp]\nname = 'a\\b\n").unwrap();
    let output = run(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 64);
    let text = stderr(&output);
    let start = format!("hv-testhost: {}: TOML parse error at line 2, column ", file.display());
    assert!(text.starts_with(&start), "{text}");
    assert!(text.contains("\n  |\n2 | name = 'a\\b\n  |"), "{text}");
    assert!(text.ends_with("\nhint: the format is described in SCENARIOS.md\n"), "{text}");
}

#[test]
fn what_is_no_scenario_is_wrong_usage_before_anything_is_played() {
    let dir = dir();
    let file = dir.path().join("bad.toml");
    let run_bad = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(dir.path(), &["run", shipped().join("silence.toml").to_str().unwrap(), file.to_str().unwrap()])
    };
    let output = run_bad("name = \"x\"\n[[step]]\nname = \"a\"\nrequst = {}\n");
    assert_eq!(code(&output), 64);
    assert!(
        stderr(&output).contains("bad.toml") && stderr(&output).contains("requst"),
        "{}",
        stderr(&output)
    );
    assert_eq!(code(&run(dir.path(), &["run", "/nonexistent.toml"])), 64);
    assert_eq!(code(&run(dir.path(), &["run"])), 64);
}

#[test]
fn a_transcript_of_a_scenario_names_it() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let file = dir.path().join("transcript");
    let scenario = shipped().join("no-common-version.toml");
    let arguments = ["run", scenario.to_str().unwrap(), "--transcript", file.to_str().unwrap()];
    assert_eq!(code(&run(dir.path(), &arguments)), 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().next().unwrap().ends_with("== no common version"), "{text}");
    assert!(text.contains("NEGOTIATE reply 0/0: status=0x80004005 (failure)"), "{text}");
}

#[test]
fn the_description_names_every_shipped_scenario() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SCENARIOS.md")).unwrap();
    for file in every_scenario() {
        let name = file.strip_prefix(shipped()).unwrap().display();
        assert!(text.contains(&format!("(scenarios/{name})")), "{name}");
    }
}

#[test]
fn the_example_of_the_description_can_be_played() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SCENARIOS.md")).unwrap();
    let example = text.split("```toml\nname = \"an example\"\n").nth(1).unwrap().split("```").next().unwrap();
    let output = play(Fault::None, example, &[]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn verbs_of_a_scenario_are_those_of_its_service() {
    let dir = dir();
    let file = dir.path().join("scenario.toml");
    let steps = r#"
        name = "backup"
        ic = "vss"
        [[step]]
        name = "a checkpoint"
        verb = "checkpoint-vm"
        [[step]]
        name = "another service's verb"
        verb = "stop-vm"
        expect = { exit = 64 }
    "#;
    std::fs::write(&file, steps).unwrap();
    let guest = GuestThread::backup(dir.path());
    let output = run(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}\n{}", stdout(&output), stderr(&output));
    let operations: Vec<u8> = guest.stop().asked.iter().map(|body| body[0]).collect();
    assert_eq!(operations, [2, 5, 6]);
}

#[test]
fn one_guest_of_a_service_goes_through_all_its_scenarios_twice() {
    for name in ["shutdown", "heartbeat", "fcopy"] {
        let (dir, files) = (dir(), folder(name));
        let _guest = guest_for(&files[0], dir.path());
        let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let output = run(dir.path(), &[&["run"], files.as_slice(), files.as_slice()].concat());
        assert_eq!(code(&output), 0, "{}\n{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn a_copy_of_a_scenario_goes_beside_the_sockets_by_message_and_by_verb() {
    let dir = dir();
    std::fs::write(dir.path().join("file"), "contents").unwrap();
    let file = dir.path().join("scenario.toml");
    let steps = r#"
        name = "copies"
        ic = "fcopy"
        [[step]]
        name = "by a verb"
        verb = "copy-vmfile FILE $SIM/in/verb"
        [[step]]
        name = "that is refused"
        verb = "copy-vmfile FILE $SIM/in/verb"
        expect = { status = 0x80070050 }
        [[step]]
        name = "with one of several statuses"
        verb = "copy-vmfile FILE $SIM/in/verb"
        expect = { status-in = [0, 0x80070050] }
        [[step]]
        name = "by messages"
        file-copy = { op = "start", path = "$SIM/in", name = "message", size = 0 }
        [[step]]
        name = "complete"
        file-copy = { op = "complete" }
        expect = { status-in = [0, 1] }
    "#;
    let steps = steps.replace("FILE", dir.path().join("file").to_str().unwrap());
    std::fs::write(&file, &steps).unwrap();
    let guest = GuestThread::copies_beside(dir.path());
    let output = run(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}\n{}", stdout(&output), stderr(&output));
    let path = |name: &str| dir.path().join("in").join(name).to_str().unwrap().to_owned();
    let files = guest.stop().files.whole;
    assert_eq!(files[&path("verb")], b"contents");
    assert_eq!(files[&path("message")], b"");
    std::fs::write(&file, steps.replace("[0, 1]", "[1, 2]")).unwrap();
    let _guest = GuestThread::copies_beside(dir.path());
    let output = run(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    let said = "expected  status 0x00000001 or 0x00000002\n          actual    status 0x00000000 (success)";
    assert!(stdout(&output).contains(said), "{}", stdout(&output));
}
