//! Network adapters as an administrator asks about and configures them, in both forms, by the built program.

use std::path::Path;
use std::process::Output;

use hv_testhost::host::TransactionIds;
use hv_testhost::{Host, HostOptions, Verb};

use crate::guest::kvp::Fault;
use crate::guest::{GuestThread, Session};
use crate::support::{code, dir, in_vain, json, one_shot, program, stderr, stdout};

const MAC: &str = "00:15:5D:01:02:03";
const DEVICE: &str = "{f8b3781b-1e82-4818-a1c3-63d806ec15bb}";
const FORMS: [&str; 3] = ["kvp=1.0,3.0", "kvp=3.0,4.0", "kvp=3.0,4.0,5.0"];

/// One command to a guest that agrees on the newest of these versions.
fn asked(dir: &Path, versions: &str, words: &[&str]) -> Output {
    one_shot(dir, &[&["--no-host-items", "--versions", versions], words].concat())
}

/// The whole payload of the request that a verb sends once messages `major`.0 are agreed.
async fn request(major: u8, words: &'static [&'static str]) -> Vec<u8> {
    let dir = dir();
    let options = HostOptions { host_items: None, ids: TransactionIds::Zero, ..HostOptions::new(dir.path()) };
    let host = Host::start(options).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_kvp(&path);
        let mut chosen = session.next();
        chosen.payload[18] = 16;
        chosen.payload[25] = 5;
        chosen.payload[28..44].copy_from_slice(&[1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, major, 0, 0, 0]);
        assert_eq!(session.rings.put(&chosen), Ok(true));
        let asked = session.next();
        let mut answer = asked.clone();
        answer.payload[25] = 5;
        assert_eq!(session.rings.put(&answer), Ok(true));
        // Until the answer was read, the channel has to stay.
        (asked, session)
    });
    let report = host.execute(&Verb::from_words(words).unwrap(), None).await;
    let (asked, session) = guest.await.unwrap();
    assert!(report.result.is_ok(), "{report:?}");
    drop(session);
    assert_eq!((asked.kind, asked.flags, asked.transaction_id), (6, 0, 0));
    asked.payload
}

/// Pipe header, IC header, 7428 bytes of body: all zero but for these.
fn expected(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut payload = vec![0u8; 7456];
    for (at, bytes) in parts {
        payload[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    payload
}

/// The headers: data, 7448 bytes; framework 3.0, type 2, version 0.0 (to be set), body 7428, flags 3.
const HEADERS: (usize, &[u8]) = (
    0,
    &[
        0x01, 0x00, 0x00, 0x00, 0x18, 0x1d, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
        0x00, //
        0x00, 0x00, 0x04, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
    ],
);
const MAC_UTF16: &[u8] = b"0\x000\0:\x001\x005\0:\x005\0D\0:\x000\x001\0:\x000\x002\0:\x000\x003\0";

#[tokio::test]
async fn requests_of_the_string_form_lie_where_they_must() {
    for major in [3, 4] {
        let sent = request(major, &["get-ip", "00:15:5D:01:02:03", "--family", "both"]).await;
        let parts = [HEADERS, (14, &[major]), (28, &[4, 1]), (30, MAC_UTF16), (286, &[3, 0])];
        assert_eq!(sent, expected(&parts));
    }
    let words = &[
        "set-ip",
        "{G}",
        "--IPAddresses",
        "10.0.0.4,fe80::5",
        "--Subnets",
        "255.255.0.0,64",
        "--DefaultGateways",
        "10.0.0.1",
        "--DNSServers",
        "8.8.8.8,::1",
        "--DHCPEnabled",
        "true",
    ];
    let parts: [(usize, &[u8]); 9] = [
        HEADERS,
        (14, &[4]),
        (28, &[5, 1]),
        (30, b"{\0G\0}\0"),
        (286, &[3, 1]),
        (288, b"1\x000\0.\x000\0.\x000\0.\x004\0;\0f\0e\x008\x000\0:\0:\x005\0"),
        (2336, b"2\x005\x005\0.\x002\x005\x005\0.\x000\0.\x000\0;\x006\x004\0"),
        (4384, b"1\x000\0.\x000\0.\x000\0.\x001\0"),
        (5408, b"8\0.\x008\0.\x008\0.\x008\0;\0:\0:\x001\0"),
    ];
    assert_eq!(request(4, words).await, expected(&parts));
}

#[tokio::test]
async fn requests_of_the_binary_form_lie_where_they_must() {
    let sent = request(5, &["get-ip", "00:15:5D:01:02:03"]).await;
    assert_eq!(sent, expected(&[HEADERS, (14, &[5]), (28, &[4, 1, 0, 0]), (56, MAC_UTF16)]));
    let words = &[
        "set-ip",
        "{G}",
        "--ip-addresses",
        "10.0.0.4,fe80::5,10.0.0.5",
        "--subnets",
        "255.255.0.0,64,255.255.255.0",
        "--default-gateways",
        "fe80::1",
        "--dns-servers",
        "8.8.8.8,1.1.1.1,::1",
    ];
    let parts: [(usize, &[u8]); 13] = [
        HEADERS,
        (14, &[5]),
        (28, &[5, 1]),
        (32, &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]),
        (56, b"{\0G\0}\0"),
        (312, &[3, 0]),
        (316, &[10, 0, 0, 4, 10, 0, 0, 5]),
        (572, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
        (1596, &[255, 255, 0, 0, 255, 255, 255, 0]),
        (1852, &[64, 0, 0, 0]),
        (2128, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (2208, &[8, 8, 8, 8, 1, 1, 1, 1]),
        (2464, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ];
    assert_eq!(request(5, words).await, expected(&parts));
}

const SHOWN: &str = "\
InstanceID       : 00:15:5D:01:02:03
ProtocolIFType   : 4098 (both)
DHCPEnabled      : true
IPAddresses      : {10.0.0.4, fe80::1}
Subnets          : {255.255.255.0, 64}
DefaultGateways  : {10.0.0.1, fe80::2}
DNSServers       : {8.8.8.8, 2001:4860:4860::8888}
";

#[test]
fn a_configuration_is_shown_under_the_names_of_wmi_in_every_version() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    for (form, origins) in FORMS.into_iter().zip(["", "", "IPAddressOrigins : {1 (other), 1 (other)}\n"]) {
        let output = asked(dir.path(), form, &["get-ip", MAC]);
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
        assert_eq!(stdout(&output), format!("{SHOWN}{origins}"), "{form}");
        let answer = json(&asked(dir.path(), form, &["--json", "get-ip", MAC]));
        assert_eq!((&answer["schema"], &answer["violations"]), (&1.into(), &serde_json::json!([])));
        assert_eq!(answer["kind"], "guest-network-adapter-configuration");
        let wanted = serde_json::json!({
            "InstanceID": MAC,
            "ProtocolIFType": 4098,
            "DHCPEnabled": true,
            "IPAddresses": ["10.0.0.4", "fe80::1"],
            "Subnets": ["255.255.255.0", "64"],
            "DefaultGateways": ["10.0.0.1", "fe80::2"],
            "DNSServers": ["8.8.8.8", "2001:4860:4860::8888"],
            "IPAddressOrigins": if origins.is_empty() { None } else { Some([1, 1]) },
        });
        assert_eq!(answer["configuration"], wanted, "{form}");
    }
    // The adapter goes over as it was typed, whatever its punctuation.
    let output = asked(dir.path(), FORMS[2], &["get-ip", "00-15-5d-01-02-03"]);
    assert!(stdout(&output).starts_with("InstanceID       : 00-15-5d-01-02-03\n"), "{}", stdout(&output));
}

#[test]
fn an_adapter_has_what_it_was_given_in_every_version() {
    for form in FORMS {
        let dir = dir();
        let guest = GuestThread::start(dir.path(), Fault::None);
        let words = [
            "set-ip",
            DEVICE,
            "--ip-addresses=192.0.2.7,2001:db8::7",
            "--subnets=255.255.255.128,56",
            "--default-gateways=192.0.2.1",
            "--dns-servers=2001:db8::53",
        ];
        let output = asked(dir.path(), form, &words);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(stdout(&output), format!("configured adapter \"{DEVICE}\"\n"));
        let held = json(&asked(dir.path(), form, &["--json", "get-ip", MAC]))["configuration"].clone();
        assert_eq!((&held["ProtocolIFType"], &held["DHCPEnabled"]), (&4098.into(), &false.into()));
        assert_eq!(held["IPAddresses"], serde_json::json!(["192.0.2.7", "2001:db8::7"]));
        assert_eq!(held["Subnets"], serde_json::json!(["255.255.255.128", "56"]));
        assert_eq!(held["DefaultGateways"], serde_json::json!(["192.0.2.1"]));
        assert_eq!(held["DNSServers"], serde_json::json!(["2001:db8::53"]));
        assert_eq!(code(&asked(dir.path(), form, &["set-ip", DEVICE, "--dhcp-enabled", "true"])), 0);
        let adapter = guest.stop().adapter;
        assert_eq!((adapter.family, adapter.dhcp, adapter.addresses.len()), (1, true, 0));
    }
}

#[test]
fn what_the_guest_refuses_ends_with_1_and_its_status() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    for form in FORMS {
        let output = asked(dir.path(), form, &["get-ip", "00:15:5D:FF:FF:FE"]);
        let why = "the guest refused to give the configuration of adapter \"00:15:5D:FF:FF:FE\": 0x80004005 (failure)";
        assert!(code(&output) == 1 && stderr(&output).contains(why), "{}", stderr(&output));
        let output = asked(dir.path(), form, &["get-ip", MAC, "--family", "4"]);
        assert_eq!(code(&output), 0, "{}: it does not count in a question", stderr(&output));
        let output = asked(dir.path(), form, &["--json", "set-ip", "{0}", "--dhcp-enabled=true"]);
        assert_eq!((code(&output), json(&output)["error"]["status"].as_str()), (1, Some("0x80041002")));
        let families = ["--unchecked", "set-ip", DEVICE, "--protocol-if-type=9"];
        let output = asked(dir.path(), form, &[families[1], families[2], families[3], families[0]]);
        assert!(code(&output) == 1 && stderr(&output).contains("0x80070057"), "{}", stderr(&output));
    }
    for wrong in [
        &["--ip-addresses=300.1.2.3", "--subnets=255.0.0.0"][..],
        &["--ip-addresses=10.0.0.1"],
        &["--default-gateways=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6"],
        &["--dns-servers=dns.example"],
    ] {
        let words = [&["set-ip", DEVICE, "--unchecked"], wrong].concat();
        let output = asked(dir.path(), FORMS[1], &words);
        assert!(code(&output) == 1 && stderr(&output).contains("0x80070057"), "{}", stderr(&output));
    }
}

#[test]
fn what_no_host_sends_is_not_sent_unless_it_is_to_go_unchecked() {
    let dir = dir();
    let guest = GuestThread::start(dir.path(), Fault::None);
    for form in [FORMS[1], FORMS[2]] {
        let output = asked(dir.path(), form, &["set-ip", DEVICE, "--ip-addresses=10.0.0.1"]);
        assert_eq!(code(&output), 64);
        let said =
            "hv-testhost: 1 addresses with 0 subnets: each address has one\nhint: --subnets has one for each";
        assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
    }
    let unchecked = ["set-ip", DEVICE, "--unchecked", "--dns-servers=dns.example"];
    let output = asked(dir.path(), FORMS[2], &unchecked);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("--versions kvp=3.0,4.0 offers the string form"), "{}", stderr(&output));
    assert_eq!(guest.stop().adapter.asked.len(), 0);
}

#[test]
fn rules_that_an_answer_breaks_are_named_and_only_what_cannot_be_read_is_fatal() {
    let cases = [
        (
            Fault::OtherAdapter,
            1,
            0,
            "get-ip-info: not echoed as it was sent: the adapter id (hosts let it pass)",
        ),
        (
            Fault::OtherAdapter,
            2,
            0,
            "get-ip-info: not echoed as it was sent: the adapter id (hosts let it pass)",
        ),
        (Fault::FewSubnets, 1, 0, "get-ip-info: Subnets: 1 for 2 addresses (hosts let it pass)"),
        (Fault::FewSubnets, 2, 0, "Subnets: \"255.0.255.0\" is no subnet of 10.0.0.4 (hosts let it pass)"),
        (
            Fault::ManyGateways,
            2,
            1,
            "6 are counted, there are places for 5 (a real host gives the service up)",
        ),
        (Fault::ExtraFlag, 1, 0, "IC flags 0x07"),
        (Fault::HeaderOnly, 2, 1, "network adapter: body of 0 bytes, at least 3716 are needed"),
    ];
    for (fault, form, exit, expected) in cases {
        let dir = dir();
        let _guest = GuestThread::start(dir.path(), fault);
        let output = asked(dir.path(), FORMS[form], &["get-ip", MAC]);
        assert_eq!(code(&output), exit, "{fault:?}");
        assert!(stderr(&output).contains(expected), "{fault:?}: {}", stderr(&output));
        assert_eq!(stdout(&output).is_empty(), exit != 0, "{fault:?}");
    }
}

#[test]
fn the_time_that_was_said_goes_before_that_of_set_ip() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::Silent);
    let lines = dir.path().join("lines");
    std::fs::write(&lines, format!("set-ip {DEVICE}\n")).unwrap();
    for typed in [false, true] {
        let late = ["no guest has opened the channel", "has not answered NEGOTIATE"];
        let (output, seconds) = in_vain(&late, |seconds| {
            let mut sim = program();
            sim.arg("--sim").arg(dir.path()).args(["--no-host-items", "--timeout", seconds]);
            if typed {
                sim.stdin(std::fs::File::open(&lines).unwrap());
            } else {
                sim.args(["set-ip", DEVICE]);
            }
            sim.output().unwrap()
        });
        assert_eq!(code(&output), 3);
        let said = format!("no answer from the guest within {seconds}s");
        assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    }
}

#[test]
fn a_console_takes_both_verbs_and_a_transcript_describes_them() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let (lines, transcript) = (dir.path().join("lines"), dir.path().join("transcript"));
    let text =
        format!("set-ip {DEVICE} --IPAddresses 10.0.0.9 --Subnets 255.0.0.0\nget-ip {MAC} --family v4\n");
    std::fs::write(&lines, text).unwrap();
    let output = program()
        .arg("--sim")
        .arg(dir.path())
        .args(["--no-host-items", "--timeout", "60", "--transcript"])
        .arg(&transcript)
        .stdin(std::fs::File::open(lines).unwrap())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("IPAddressOrigins : {2 (static)}\n"), "{}", stdout(&output));
    let text = std::fs::read_to_string(&transcript).unwrap();
    let tail = |flags| format!("flags={flags} id=0 vmbus-id=0x0 length=7448\n");
    let set = format!(
        "-> kvp       KVP SET_IP_INFO request pool=guest adapter=\"{DEVICE}\" family=1 addresses=\"10.0.0.9\" \
         subnets=\"255.0.0.0\" {}",
        tail("0x03")
    );
    let got = format!(
        "<- kvp       KVP GET_IP_INFO reply pool=guest adapter=\"{MAC}\" family=1 addresses=\"10.0.0.9\" \
         subnets=\"255.0.0.0\" origins=\"2\" status=0x00000000 (success) {}",
        tail("0x05")
    );
    assert!(text.contains(&set) && text.contains(&got), "{text}");
}
