use super::*;

fn read(line: &str) -> Verb {
    Verb::from_words(crate::words::split(line).unwrap()).unwrap()
}

#[test]
fn every_verb_survives_being_made_into_words() {
    let lines = [
        "get-kvp",
        "get-kvp 2",
        "get-kvp external 'a key'",
        "get-kvp --direct 0 --weird",
        "add-kvp -k '--value'",
        "modify-kvp k ''",
        "remove-kvp --json",
        "set-kvp 1 k -1 --type dword",
        "set-kvp --type u64 -- 3 --type 5",
        "delete-kvp auto-internal k",
        "get-guest-intrinsic-items",
        "get-guest-items",
        "get-host-items",
        "enumerate 2",
        "enumerate auto 7",
        "get-integration-services",
        "renegotiate",
        "renegotiate heartbeat",
        "disable-service kvp",
        "enable-service heartbeat",
        "raw 01 02",
        "raw --body --size 7428 0401",
        "raw --service heartbeat 00",
        "wait-guest",
        "wait-guest kvp",
        "stop-vm",
        "stop-vm --force --message '-f for all' --reason 0xffffffff --grace 4294967295",
        "restart-vm --reason 0",
        "hibernate-vm --message ''",
        "sync-time",
        "sync-time --offset -0.0000001 --reference 18446744073709551615",
        "sample-time --offset 12.5",
        "vss-check",
        "vss-freeze",
        "vss-thaw",
        "checkpoint-vm",
        "checkpoint-vm --hold 0.1",
        "quit",
    ];
    for line in lines {
        let verb = read(line);
        assert_eq!(Verb::from_words(verb.to_words()).unwrap(), verb, "{line}: {:?}", verb.to_words());
    }
}

#[test]
fn pools_have_names_and_numbers() {
    assert_eq!(read("enumerate 4"), read("enumerate auto-internal"));
    for wrong in ["enumerate 5", "enumerate pool", "enumerate", "get-kvp 0 k extra", "renegotiate fcopy"] {
        let words = crate::words::split(wrong).unwrap();
        assert!(Verb::from_words(words).is_err(), "{wrong}");
    }
}

#[test]
fn verbs_know_whose_channel_they_need() {
    assert_eq!(read("get-guest-items").service(), Some(Ic::Kvp));
    assert_eq!(read("raw --service heartbeat 00").service(), Some(Ic::Heartbeat));
    assert_eq!(read("disable-service vss").service(), None);
    assert_eq!(read("disable-service vss").target(), Some(Ic::Vss));
    assert_eq!(read("enable-service heartbeat").target(), Some(Ic::Heartbeat));
    assert_eq!(read("wait-guest").service(), None);
    assert_eq!(read("restart-vm").service(), Some(Ic::Shutdown));
    assert_eq!(read("sample-time").service(), Some(Ic::TimeSync));
    assert_eq!(read("checkpoint-vm").service(), Some(Ic::Vss));
    assert_eq!(read("wait-guest heartbeat").service(), Some(Ic::Heartbeat));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for wrong in [
        "stop-vm --reason 0x100000000",
        "stop-vm --reason +1",
        "stop-vm --grace -1",
        "sync-time --offset soon",
        "sync-time --reference -1",
        "checkpoint-vm --hold -1",
        "checkpoint-vm --hold NaN",
        "vss-freeze now",
    ] {
        assert!(Verb::from_words(crate::words::split(wrong).unwrap()).is_err(), "{wrong}");
    }
}
