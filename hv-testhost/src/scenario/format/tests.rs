use hv_utils_core::wire::Version;

use super::*;
use crate::link::Ring;
use crate::scenario::expect::ExpectWord;

fn parse(steps: &str) -> Result<Scenario, String> {
    Scenario::parse(&format!("name = \"x\"\n{steps}"))
}

fn step(body: &str) -> Step {
    parse(&format!("[[step]]\nname = \"s\"\n{body}")).unwrap().steps.remove(0)
}

fn wrong(body: &str) -> String {
    parse(&format!("[[step]]\nname = \"s\"\n{body}")).unwrap_err()
}

#[test]
fn what_is_left_out_is_as_a_real_host_does_it() {
    let scenario = parse("step = []").unwrap();
    assert_eq!((scenario.ic, scenario.ring_bytes, scenario.timeout_ms), (Ic::Kvp, 16384, 10_000));
    assert!(scenario.negotiate && scenario.rising_ids && !scenario.host_items && !scenario.reoffer_on_close);
}

#[test]
fn each_action_is_read() {
    assert!(matches!(step("").action(), Ok(Action::Nothing)));
    assert!(
        matches!(step("accept = { descriptors = 2 }").action(), Ok(Action::Accept(accept)) if accept.descriptors == Some(2))
    );
    let Ok(Action::Negotiate(offers)) = step("negotiate = { messages = [\"3.0\", \"99.7\"] }").action()
    else {
        panic!()
    };
    assert_eq!(
        (offers.framework, offers.messages),
        (None, Some(vec![Version::new(3, 0), Version::new(99, 7)]))
    );
    let Ok(Action::Request(request)) =
        step("request = { op = \"set\", pool = 9, key = \"k\", type = \"u64\" }").action()
    else {
        panic!()
    };
    assert_eq!((request.op, request.pool, request.kind), (1, 9, crate::verb::ValueType::U64));
    assert!(matches!(step("raw = \"01 02\"").action(), Ok(Action::Raw(bytes)) if bytes == [1, 2]));
    assert!(
        matches!(step("verb = \"add-kvp a 'b c'\"").action(), Ok(Action::Verb(Verb::AddKvp { value, .. })) if value == "b c")
    );
    let Ok(Action::Ring(damage)) = step("ring = { name = \"to-host\", read-index = 0xffffffff }").action()
    else {
        panic!()
    };
    assert_eq!((damage.name, damage.read_index, damage.signal), (Ring::ToHost, Some(u32::MAX), true));
    assert!(
        matches!(step("fill = { request = { op = 3 } }").action(), Ok(Action::Fill(fill)) if fill.at_most == 10_000)
    );
    assert!(matches!(step("drain = true").action(), Ok(Action::Drain)));
    assert!(matches!(step("rescind = true").action(), Ok(Action::Rescind)));
    assert!(matches!(step("offer = true").action(), Ok(Action::Offer)));
    assert!(matches!(step("signal = true").action(), Ok(Action::Signal)));
    assert!(matches!(step("silence-ms = 5").action(), Ok(Action::Silence(5))));
}

#[test]
fn expectations_are_words_or_tables() {
    for (name, word) in [
        ("nothing", ExpectWord::Nothing),
        ("refusal-or-nothing", ExpectWord::RefusalOrNothing),
        ("no-common-version", ExpectWord::NoCommonVersion),
        ("close", ExpectWord::Close),
        ("unread", ExpectWord::Unread),
        ("any", ExpectWord::Any),
        ("reply", ExpectWord::Reply),
    ] {
        let expect = step(&format!("expect = \"{name}\"")).expect;
        assert!(matches!(expect, Some(Expect::Word(read)) if read == word), "{name}");
    }
    let Some(Expect::Answer(answer)) =
        step("expect = { status = 0x80070103, bytes = [{ at = 4, hex = \"ff\" }] }").expect
    else {
        panic!()
    };
    assert_eq!(
        (answer.status, answer.bytes[0].at, answer.bytes[0].hex.0.clone()),
        (Some(0x8007_0103), 4, vec![0xff])
    );
}

#[test]
fn mistakes_are_named_before_anything_is_played() {
    assert!(wrong("requst = {}").contains("unknown field `requst`"));
    assert!(wrong("drain = true\noffer = true").contains("step 1 (s): more than one action"));
    assert!(wrong("drain = false").contains("does nothing"));
    assert!(wrong("verb = \"frobnicate\"").contains("unknown verb 'frobnicate'"));
    assert!(wrong("verb = \"add-kvp 'a b\"").contains("not closed"));
    assert!(wrong("raw = \"0\"").contains("odd number"));
    assert!(wrong("expect = \"sunshine\"").contains("there are reply, nothing"));
    assert!(wrong("expect = 5").contains("a word"));
    assert!(wrong("expect = { statsu = 5 }").contains("unknown field `statsu`"));
    assert!(wrong("drain = true\nrepeat = 2").contains("need negotiate, request, shutdown"));
    assert!(wrong("request = { op = \"list\" }").contains("unknown operation \"list\""));
    assert!(wrong("request = { op = 3, pool = \"own\" }").contains("no such pool"));
    assert!(wrong("request = { op = 300 }").contains("a name or a number from 0 to 255"));
    assert!(wrong("ring = { name = \"both\" }").contains("to-guest or to-host"));
    assert!(wrong("negotiate = { messages = [\"3\"] }").contains("not a version"));
    assert!(parse("ring-bytes = 5000\nstep = []").unwrap_err().contains("a multiple of 4096"));
    assert!(parse("ic = \"rdv\"\nstep = []").unwrap_err().contains("this host offers"));
}

#[test]
fn other_ids_and_a_wish_for_a_completion_keep_a_packet_sane() {
    let sane = |body: &str| step(&format!("request = {{ op = 3 }}\n{body}")).is_sane();
    assert!(sane(""));
    assert!(sane("mutate = { transaction-id = 9 }\npacket = { transaction-id = 9, flags = 1 }"));
    assert!(!sane("mutate = { flags = 5 }"));
    assert!(!sane("packet = { flags = 2 }"));
    assert!(!sane("packet = { kind = 7 }"));
}

#[test]
fn a_scenario_copies_no_files() {
    assert!(wrong("verb = 'checkpoint-vm --snapshot /a=/b'").contains("a scenario copies no files"));
}
