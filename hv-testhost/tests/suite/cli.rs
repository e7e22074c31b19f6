//! Arguments, exit codes and output of one-shot commands.

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::support::{code, dir, in_vain, json, one_shot, program, stderr, stdout};

const NOBODY: &str = "no guest has opened the channel";
const UNANSWERED: &str = "has not answered NEGOTIATE";

#[test]
fn help_lists_every_verb_and_the_exit_codes() {
    let output = program().arg("--help").output().unwrap();
    assert_eq!(code(&output), 0);
    let help = stdout(&output);
    let verbs = [
        "get-kvp",
        "add-kvp",
        "modify-kvp",
        "remove-kvp",
        "set-kvp",
        "delete-kvp",
        "get-guest-intrinsic-items",
        "get-guest-items",
        "get-host-items",
        "enumerate",
        "get-ip",
        "set-ip",
        "stop-vm",
        "restart-vm",
        "suspend-vm",
        "hibernate-vm",
        "sync-time",
        "sample-time",
        "vss-check",
        "vss-freeze",
        "vss-thaw",
        "vss-operation",
        "checkpoint-vm",
        "copy-vmfile",
        "get-vm",
        "get-integration-services",
        "renegotiate",
        "disable-service",
        "enable-service",
        "raw",
        "wait-guest",
        "quit",
        "run",
    ];
    for verb in verbs {
        assert!(help.contains(&format!("  {verb}")), "{verb} is missing in\n{help}");
    }
    assert!(help.contains("Exit codes: 0 done"));
    assert!(help.contains("--sim <DIR>") && help.contains("--control <SOCK>"));
}

#[test]
fn version_is_that_of_the_package() {
    let output = program().arg("--version").output().unwrap();
    assert_eq!(stdout(&output), format!("hv-testhost {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_64_and_says_what_is_wrong() {
    let cases: [(&[&str], &str); 17] = [
        (&[], "--sim DIR, --packet-link DIR or --control SOCK is needed"),
        (&["--sim"], "a value is required"),
        (&["--sim", "/nonexistent", "frobnicate"], "unknown verb 'frobnicate'"),
        (
            &["--sim", "/tmp", "--ic", "rdv", "wait-guest"],
            "this host offers kvp, heartbeat, shutdown, timesync, vss and fcopy",
        ),
        (&["--sim", "/tmp", "--ring", "5000", "wait-guest"], "a multiple of 4096"),
        (&["--sim", "/tmp", "--ring", "4096", "wait-guest"], "from 8192"),
        (&["--sim", "/tmp", "--versions", "kvp:3.0", "wait-guest"], "NAME=LIST"),
        (&["--sim", "/tmp", "--versions", "kvp=3", "wait-guest"], "MAJOR.MINOR"),
        (&["--sim", "/tmp", "--timeout", "0", "wait-guest"], "from 0.001"),
        (&["--sim", "/tmp", "--sample-period", "0", "wait-guest"], "from 1 to 86400000 milliseconds"),
        (&["--sim", "/tmp", "--sample-period", "0.5", "wait-guest"], "a whole number of milliseconds"),
        (
            &["--sim", "/tmp", "--no-time-samples", "--sample-period", "9", "wait-guest"],
            "cannot be used with",
        ),
        (&["--sim", "/tmp", "--time-offset", "soon", "wait-guest"], "not a number of seconds"),
        (&["--sim", "/tmp", "--time-offset", "-30000000000", "wait-guest"], "from the year 1601"),
        (&["--sim", "/tmp", "get-kvp", "nonsense"], "pools are external"),
        (&["--sim", "/tmp", "add-kvp", "key"], "required arguments"),
        (&["--control", "/tmp/none", "run", "a.toml"], "--sim DIR, not --control"),
    ];
    for (arguments, expected) in cases {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_directory_that_does_not_exist_ends_with_69_and_says_which_and_what_to_do() {
    let output = program().args(["--sim", "/nonexistent", "wait-guest"]).output().unwrap();
    assert_eq!(code(&output), 69);
    let expected = "hv-testhost: cannot listen at /nonexistent/kvp.sock: No such file or directory (os error 2)\n\
                    hint: make its directory first (mkdir)\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_directory_where_another_host_listens_ends_with_69_and_says_so() {
    let dir = dir();
    let path = dir.path().join("kvp.sock");
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let output = one_shot(dir.path(), &["--json", "wait-guest"]);
    assert_eq!(code(&output), 69);
    let error = json(&output)["error"].clone();
    let message = format!("cannot listen at {}: Address already in use (os error 98)", path.display());
    assert_eq!((error["name"].as_str(), error["message"].as_str()), (Some("Host"), Some(message.as_str())));
    assert!(error["hint"].as_str().unwrap().starts_with("another hv-testhost listens there"), "{error}");
}

#[test]
fn a_transcript_that_cannot_be_written_ends_with_69_and_names_the_file() {
    let dir = dir();
    let output = one_shot(dir.path(), &["--transcript", "/nonexistent/file", "wait-guest"]);
    assert_eq!(code(&output), 69);
    assert!(
        stderr(&output).contains("cannot write the transcript /nonexistent/file: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn with_json_wrong_usage_is_an_object_too() {
    let cases: [(&[&str], &str, &str); 4] = [
        (&["--json", "--sim", "/tmp", "get-kpv"], "unknown verb 'get-kpv'", "--help lists the verbs"),
        (&["--sim", "/tmp", "add-kvp", "key", "--json"], "<VALUE>", "usage: hv-testhost"),
        (&["--json", "--sim", "/tmp", "--timeout", "soon"], "not a number of seconds", "--help"),
        (&["--json"], "--sim DIR, --packet-link DIR or --control SOCK is needed", "--help"),
    ];
    for (arguments, message, hint) in cases {
        let output = program().args(arguments).output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (64, ""), "{arguments:?}");
        let answer = json(&output);
        assert_eq!((answer["schema"].as_u64(), answer["error"]["name"].as_str()), (Some(1), Some("Usage")));
        let said = |field: &str| answer["error"][field].as_str().unwrap().to_owned();
        assert!(said("message").contains(message), "{answer}");
        assert!(said("hint").contains(hint), "{answer}");
    }
}

#[test]
fn without_a_guest_a_verb_ends_with_3() {
    let dir = dir();
    let output =
        program().arg("--sim").arg(dir.path()).args(["--timeout", "0.05", "wait-guest"]).output().unwrap();
    assert_eq!(code(&output), 3);
    let expected = format!(
        "hv-testhost: kvp: no guest has opened the channel in time\nhint: start the guest's daemon with \
         --channel sim:{}, or wait longer with --timeout SECS\n",
        dir.path().join("kvp.sock").display()
    );
    assert_eq!(stderr(&output), expected);
    assert!(!dir.path().join("kvp.sock").exists(), "the socket is removed at the end");
}

#[test]
fn without_an_answer_to_negotiate_a_verb_ends_with_3() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::SilentFromTheStart);
    let (output, _) = in_vain(&[NOBODY], |seconds| {
        let mut command = program();
        command.arg("--sim").arg(dir.path()).args(["--timeout", seconds, "get-guest-items"]);
        command.output().unwrap()
    });
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains(UNANSWERED), "{}", stderr(&output));
}

#[test]
fn without_an_answer_to_a_request_a_verb_ends_with_3() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::Silent);
    let (output, seconds) = in_vain(&[NOBODY, UNANSWERED], |seconds| {
        let mut command = program();
        command.arg("--sim").arg(dir.path());
        command.args(["--no-host-items", "--timeout", seconds, "enumerate", "guest"]).output().unwrap()
    });
    assert_eq!(code(&output), 3);
    let said = format!("no answer from the guest within {seconds}s");
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
}

#[test]
fn wait_guest_says_what_was_negotiated() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["wait-guest"]);
    assert_eq!(
        (code(&output), stdout(&output).as_str()),
        (0, "kvp: negotiated framework 3.0, messages 5.0\n")
    );
}

#[test]
fn versions_on_offer_can_be_chosen() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["--versions", "kvp=1.0,3.0", "wait-guest", "--json"]);
    let answer = json(&output);
    assert_eq!(answer["kind"], "agreed");
    assert_eq!((answer["framework"].as_str(), answer["message"].as_str()), (Some("3.0"), Some("3.0")));
    let output = one_shot(dir.path(), &["--versions", "kvp=9.0", "wait-guest"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("no common version"));
}

#[test]
fn the_life_of_an_item_as_its_administrator_sees_it() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let run = |arguments: &[&str]| {
        let output = one_shot(dir.path(), arguments);
        (code(&output), stdout(&output), stderr(&output))
    };
    assert_eq!(run(&["add-kvp", "colour", "blue"]).0, 0);
    let (again, _, why) = run(&["add-kvp", "colour", "red"]);
    assert_eq!(again, 1);
    assert!(why.contains("32773"), "{why}");
    assert_eq!(run(&["get-kvp", "0", "colour"]), (0, "blue\n".to_owned(), String::new()));
    assert_eq!(run(&["modify-kvp", "colour", "deep red"]).0, 0);
    assert_eq!(run(&["get-kvp", "external", "colour", "--direct"]).1, "deep red\n");
    assert_eq!(run(&["get-host-items"]).1, "colour = deep red\n");
    assert_eq!(run(&["modify-kvp", "size", "1"]).0, 1);
    assert_eq!(run(&["remove-kvp", "size"]).0, 1);
    assert_eq!(run(&["remove-kvp", "colour"]).0, 0);
    assert_eq!(run(&["get-host-items"]), (0, String::new(), String::new()));
    assert!(guest.stop().pools[0].is_empty());
}

#[test]
fn a_status_that_refuses_is_printed_and_ends_with_1() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["get-kvp", "guest", "missing"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("0x80070103 (no more items)"), "{}", stderr(&output));
    let output = one_shot(dir.path(), &["set-kvp", "auto", "OSName", "x"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("0x80004005"), "{}", stderr(&output));
    let output = one_shot(dir.path(), &["--json", "delete-kvp", "guest", "missing"]);
    assert_eq!(json(&output)["error"]["status"], "0x80070103");
    assert_eq!(json(&output)["error"]["name"], "Refused");
    assert!(output.stderr.is_empty());
}

#[test]
fn an_item_that_the_guest_refuses_is_not_added() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::RefusesSet);
    let output = one_shot(dir.path(), &["--no-host-items", "add-kvp", "a", "b"]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("the guest refused to add \"a\": 0x80004005 (failure)"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_value_type_reaches_the_guest() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let cases = [
        (["text", "a b", "sz"], "a b"),
        (["path", "%TEMP%", "expand-sz"], "%TEMP%"),
        (["small", "0xffffffff", "dword"], "4294967295"),
        (["big", "18446744073709551615", "qword"], "18446744073709551615"),
        (["linux", "7", "u64"], "7"),
    ];
    for ([key, value, kind], _) in cases {
        let output = one_shot(dir.path(), &["set-kvp", "external", key, value, "--type", kind]);
        assert_eq!(code(&output), 0, "{key}: {}", stderr(&output));
    }
    let held: Vec<(String, String)> = guest.stop().pools[0].clone();
    let expected: Vec<(String, String)> =
        cases.iter().map(|([key, ..], value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(held, expected);
}

#[test]
fn what_does_not_fit_a_message_is_refused_before_it_is_sent() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    let (key, value) = ("k".repeat(255), "v".repeat(1023));
    assert_eq!(code(&one_shot(dir.path(), &["add-kvp", &key, &value])), 0);
    for (key, value, what) in [
        ("k".repeat(256), "v".to_owned(), "the key has 256 UTF-16 units"),
        ("x".to_owned(), "v".repeat(1024), "the value has 1024 UTF-16 units"),
        ("x".to_owned(), "\u{1f600}".repeat(512), "the value has 1024 UTF-16 units"),
    ] {
        let output = one_shot(dir.path(), &["add-kvp", &key, &value]);
        assert_eq!(code(&output), 64);
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
    }
    assert_eq!(code(&one_shot(dir.path(), &["set-kvp", "0", "x", "4294967296", "--type", "dword"])), 64);
    assert_eq!(guest.stop().pools[0], [(key, value)]);
}

#[test]
fn lists_name_their_pool_where_there_are_several_and_escape_what_steers_a_terminal() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["add-kvp", "odd", "a\u{1b}[31m\nb"]);
    assert_eq!(code(&output), 0);
    assert_eq!(stdout(&one_shot(dir.path(), &["get-kvp", "0"])), "odd = a\\u{1b}[31m\\nb\n");
    let all = stdout(&one_shot(dir.path(), &["get-kvp"]));
    assert!(all.starts_with("external: odd = "), "{all}");
    assert!(all.contains("auto: OSName = Naive Linux\n"), "{all}");
    let items = json(&one_shot(dir.path(), &["--json", "get-kvp", "0"]));
    assert_eq!((items["schema"].as_u64(), items["kind"].as_str()), (Some(1), Some("kvp-list")));
    assert_eq!(items["items"][0]["value"], "a\u{1b}[31m\nb");
    assert_eq!(items["items"][0]["pool"], "external");
}

#[test]
fn enumerate_gives_one_item_or_all() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    assert_eq!(stdout(&one_shot(dir.path(), &["enumerate", "auto", "1"])), "OSVersion = 6.12.95\n");
    assert_eq!(
        stdout(&one_shot(dir.path(), &["get-guest-intrinsic-items"])),
        "OSName = Naive Linux\nOSVersion = 6.12.95\n"
    );
    assert_eq!(stdout(&one_shot(dir.path(), &["get-guest-items"])), "guest-key = guest value\n");
    let past = one_shot(dir.path(), &["enumerate", "2", "2"]);
    assert_eq!(code(&past), 1);
    assert!(stderr(&past).contains("0x80070103"));
}

#[test]
fn services_are_shown_once_their_guests_had_time_to_come() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let output = one_shot(dir.path(), &["--json", "get-integration-services"]);
    assert_eq!(json(&output)["services"][0]["status"], "OK");
    assert_eq!(json(&output)["services"][0]["message"], "5.0");
    let empty = crate::support::dir();
    let output = program()
        .arg("--sim")
        .arg(empty.path())
        .args(["--timeout", "0.05", "get-integration-services"])
        .output();
    let output = output.unwrap();
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("No Contact"), "{}", stdout(&output));
}

#[test]
fn raw_bytes_are_sent_as_they_are_and_the_answer_is_dumped() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    // A NEGOTIATE with 3.0 and 4.0, typed by hand.
    let hex = "01000000 24000000 00000000 0000 00000000 1000 00000000 00 03 0000 0100 0100 00000000 03000000 04000000";
    let output = one_shot(dir.path(), &["--no-host-items", "raw", hex]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let expected = "0020  00 00 00 00 03 00 00 00 04 00 00 00";
    assert!(stdout(&output).contains("status 0x00000000 (success)\n0000  01 00 00 00 24 00 00 00"));
    assert!(stdout(&output).contains(expected), "{}", stdout(&output));
    // GET_IP_INFO as a body, which this guest does not support.
    let output = one_shot(dir.path(), &["--json", "raw", "--body", "--size", "7428", "04", "01"]);
    assert_eq!(code(&output), 1);
    assert_eq!(json(&output)["error"]["status"], "0x80004005");
    assert_eq!(code(&one_shot(dir.path(), &["raw", "0x"])), 64);
}

#[test]
fn a_transcript_has_a_line_for_each_packet() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let file = dir.path().join("transcript");
    let transcript = file.to_str().unwrap();
    let output =
        one_shot(dir.path(), &["--no-host-items", "--transcript", transcript, "enumerate", "auto", "0"]);
    assert_eq!(code(&output), 0);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split_at(13).1).collect();
    assert_eq!(
        lines[..5],
        [
            "-- kvp       channel opened",
            "-> kvp       NEGOTIATE request 2/3: 1.0 3.0 | 3.0 4.0 5.0 flags=0x03 id=0 vmbus-id=0x0 length=48",
            "<- kvp       NEGOTIATE reply 1/1: 3.0 | 5.0 status=0x00000000 (success) flags=0x05 id=0 vmbus-id=0x0 length=48",
            "-> kvp       KVP ENUMERATE request pool=auto index=0 flags=0x03 id=0 vmbus-id=0x0 length=2600",
            "<- kvp       KVP ENUMERATE reply pool=auto index=0 key=\"OSName\" value=\"Naive Linux\" status=0x00000000 (success) flags=0x05 id=0 vmbus-id=0x0 length=2600",
        ]
    );
}

#[test]
fn a_full_disk_ends_the_transcript_and_the_capture_with_a_sentence_each_and_nothing_else() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let records = ["--transcript", "/dev/full", "--capture", "/dev/full"];
    let output = one_shot(dir.path(), &[&records[..], &["enumerate", "auto", "0"]].concat());
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "OSName = Naive Linux\n"));
    let ends = |what: &str| {
        format!(
            "hv-testhost: the {what} /dev/full ends here, it cannot be written: No space left on device (os error 28)\n"
        )
    };
    assert_eq!(stderr(&output), ends("transcript") + &ends("capture"));
}
