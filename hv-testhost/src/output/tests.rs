use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Agreed, Ic, Version};

use super::*;
use crate::failure::Why;
use crate::host::{Problem, Violation};
use crate::outcome::{Asked, VmState};

fn services() -> Vec<ServiceState> {
    let agreed = Agreed { framework: Version::new(3, 0), message: Version::new(5, 0) };
    let state = |ic, enabled, phase| ServiceState {
        ic,
        enabled,
        phase,
        openings: 1,
        sequence: 0,
        application: None,
        since: None,
    };
    vec![
        state(Ic::Kvp, true, Phase::Ready(agreed)),
        state(Ic::Heartbeat, true, Phase::Lost(agreed)),
        state(Ic::Kvp, false, Phase::Waiting),
        state(Ic::Kvp, true, Phase::Failed(Problem::NotAReply(1))),
        state(Ic::Kvp, true, Phase::NoCommonVersion),
        state(Ic::Kvp, true, Phase::Negotiating),
    ]
}

#[test]
fn services_are_shown_in_the_words_of_get_vmintegrationservice() {
    let text = render(&Report::of(Ok(Outcome::Services(services()))), false).stdout;
    let expected = "\
NAME       SERVICE                  ENABLED  STATUS                 VERSIONS  DETAIL
kvp        Key-Value Pair Exchange  yes      OK                     3.0/5.0
heartbeat  Heartbeat                yes      Lost Communication     3.0/5.0   the guest stopped answering
kvp        Key-Value Pair Exchange  no       Disabled               -
kvp        Key-Value Pair Exchange  yes      Non-recoverable Error  -         IC flags 0x01 are not those of a reply, which are 0x05 (transaction, response)
kvp        Key-Value Pair Exchange  yes      Non-recoverable Error  -         protocol mismatch: no common version
kvp        Key-Value Pair Exchange  yes      No Contact             -         the guest has not answered NEGOTIATE
";
    assert_eq!(text, expected);
}

#[test]
fn what_was_noticed_goes_to_the_error_output_and_results_do_not() {
    let item = Item { pool: Pool::Guest, key: "k".to_owned(), value: "v".to_owned() };
    let report = Report {
        result: Ok(Outcome::Item(item)),
        violations: vec![Violation {
            ic: Ic::Kvp,
            during: "get".to_owned(),
            problem: Problem::ExtraFlags(7),
        }],
        notes: vec!["a\u{1b}note".to_owned()],
    };
    let text = render(&report, false);
    assert_eq!(text.stdout, "v\n");
    assert_eq!(
        text.stderr,
        "violation: kvp: get: IC flags 0x07, a reply has 0x05 (hosts let it pass)\nnote: a\\u{1b}note\n"
    );
    let json: Value = serde_json::from_str(&render(&report, true).stdout).unwrap();
    assert_eq!(json["item"], serde_json::json!({"pool": "guest", "key": "k", "value": "v"}));
    assert_eq!(json["violations"][0]["fatal"], false);
    assert_eq!(json["notes"][0], "a\u{1b}note");
}

#[test]
fn failures_are_json_objects_on_standard_output_too() {
    let rendered = render_failure(Failure::NoAnswer("nobody".into()), true);
    assert_eq!((rendered.exit, rendered.stderr.as_str()), (3, ""));
    let json: Value = serde_json::from_str(&rendered.stdout).unwrap();
    assert_eq!(json["schema"], 1);
    assert!(json["error"]["hint"].as_str().unwrap().contains("--timeout"));
    assert_eq!(
        json["error"],
        serde_json::json!({"name": "NoAnswer", "message": "nobody", "hint": json["error"]["hint"]})
    );
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let text = || "x".to_owned();
    let cases = [
        (Failure::Refused { what: text(), status: Status::FAIL, asked: Asked::Items }, 1),
        (Failure::RefusedBytes { status: Status::FAIL, payload: Vec::new() }, 1),
        (Failure::Rule(text().into()), 1),
        (Failure::Guest(text().into()), 1),
        (Failure::NoAnswer(text().into()), 3),
        (Failure::Usage(text().into()), 64),
        (Failure::Host(text().into()), 69),
    ];
    for (failure, code) in cases {
        assert_eq!(failure.exit_code(), code, "{failure:?}");
    }
}

#[test]
fn a_failure_says_what_to_do_and_only_the_users_own_text_has_several_lines() {
    let shown = |failure| render_failure(failure, false).stderr;
    let usage = Failure::Usage(Why::from("a\\b\n  |\u{1b}\n").hint("look"));
    assert_eq!(shown(usage), "hv-testhost: a\\b\n  |\\u{1b}\nhint: look\n");
    let guest = Failure::Guest(Why::from("a\nb").hint("look"));
    assert_eq!(shown(guest), "hv-testhost: a\\nb\nhint: look\n");
}

fn heartbeat(application: Option<u32>) -> ServiceState {
    let agreed = Agreed { framework: Version::new(3, 0), message: Version::new(3, 0) };
    ServiceState { phase: Phase::Ready(agreed), application, ..ServiceState::new(Ic::Heartbeat) }
}

#[test]
fn a_heartbeat_has_the_words_of_get_vm() {
    let applications =
        [None, Some(0), Some(1), Some(2), Some(3), Some(4)].map(|state| heartbeat(state).heartbeat());
    assert_eq!(
        applications,
        [
            "OkApplicationsUnknown",
            "OkApplicationsUnknown",
            "OkApplicationsHealthy",
            "OkApplicationsCritical",
            "OkApplicationsUnknown",
            "OkApplicationsUnknown",
        ]
    );
    let words: Vec<&str> = services().iter().map(ServiceState::heartbeat).collect();
    assert_eq!(
        words,
        ["OkApplicationsUnknown", "LostCommunication", "Disabled", "Error", "Error", "NoContact"]
    );
}

#[test]
fn a_machine_is_shown_as_get_vm_does_and_as_an_object() {
    use std::time::Duration;
    let vm = |name: &str, running, uptime| {
        let heartbeat = if running { "OkApplicationsHealthy" } else { "NoContact" };
        Report::of(Ok(Outcome::Vm(VmState { name: name.to_owned(), running, heartbeat, uptime })))
    };
    let there = vm("web1", true, Some(Duration::from_millis(3_723_999)));
    assert_eq!(
        render(&there, false).stdout,
        "NAME  STATE    HEARTBEAT               UPTIME\n\
         web1  Running  OkApplicationsHealthy   at least 1:02:03\n"
    );
    let json: Value = serde_json::from_str(&render(&there, true).stdout).unwrap();
    assert_eq!(
        (&json["kind"], &json["name"], &json["state"]),
        (&"vm".into(), &"web1".into(), &"Running".into())
    );
    assert_eq!(
        (&json["heartbeat"], &json["uptime_at_least_seconds"]),
        (&"OkApplicationsHealthy".into(), &3723.into())
    );
    let gone = vm("a\u{1b}", false, None);
    assert_eq!(
        render(&gone, false).stdout,
        "NAME     STATE    HEARTBEAT               UPTIME\na\\u{1b}  Off      NoContact               -\n"
    );
    let json: Value = serde_json::from_str(&render(&gone, true).stdout).unwrap();
    assert_eq!((&json["state"], &json["uptime_at_least_seconds"]), (&"Off".into(), &Value::Null));
}
