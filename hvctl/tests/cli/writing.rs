//! `kvp set` and `kvp delete`.

use crate::fake::Fake;
use crate::harness::{Bus, run_with_input};

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn set_is_silent_and_says_what_it_set_as_json() {
    let Some(bus) = Bus::start("set") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    bus.run(&["kvp", "set", "guest", "deployment", "finished"]).is(0, "", "");
    bus.run(&["kvp", "set", "1", "offset", "-5", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-set\",\"pool\":\"guest\",\"key\":\"offset\",\"value\":\"-5\"}\n",
        "",
    );
    bus.run(&["kvp", "set", "guest", "option", "--", "--json"]).is(0, "", "");
    assert_eq!(
        kvpd.items("guest"),
        [pair("deployment", "finished"), pair("offset", "-5"), pair("option", "--json")]
    );
}

#[test]
fn set_reads_standard_input_and_leaves_out_its_last_newline_only() {
    let Some(bus) = Bus::start("set from standard input") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    for (key, input) in [("echo", "text\n"), ("two", "a\n\n"), ("none", ""), ("open", "end")] {
        run_with_input(&mut bus.hvctl(&["kvp", "set", "guest", key, "-"]), input.as_bytes()).is(0, "", "");
    }
    assert_eq!(
        kvpd.items("guest"),
        [pair("echo", "text"), pair("two", "a\n"), pair("none", ""), pair("open", "end")]
    );
}

#[test]
fn set_refuses_input_that_is_no_text_or_far_too_long_before_asking() {
    let Some(bus) = Bus::start("set from bad input") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let set = |input: &[u8]| run_with_input(&mut bus.hvctl(&["kvp", "set", "guest", "k", "-"]), input);
    set(b"\xff\xfe").is(
        1,
        "",
        "hvctl: the value on standard input is not UTF-8 text\n\
         hint: encode binary data first, for example with base64\n",
    );
    set(b"a\0b").is(
        1,
        "",
        "hvctl: a key or value cannot hold a NUL character: on the host's side it ends the text\n\
         hint: leave the character out\n",
    );
    set(&[b'x'; 64 * 1024 + 1]).is(
        1,
        "",
        "hvctl: the value on standard input is longer than any value may be\n\
         hint: a value has at most 1022 UTF-16 units: shorten it\n",
    );
    assert_eq!(kvpd.calls(), [""; 0]);
}

#[test]
fn set_passes_on_what_the_daemon_refuses() {
    let Some(bus) = Bus::start("set refused") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[]);
    bus.run(&["kvp", "set", "external", "k", "v"]).is(
        1,
        "",
        "hvctl: pool external belongs to the host\n\
         hint: only pool guest can be written from inside the guest; the others are the host's\n",
    );
    bus.run(&["kvp", "set", "guest", "k", &"é".repeat(1023)]).is(
        1,
        "",
        "hvctl: the value has 1023 UTF-16 units\n\
         hint: a key has at most 254 and a value at most 1022 UTF-16 units: shorten it\n",
    );
    bus.run(&["kvp", "set", "guest", "busy", "v"]).is(
        1,
        "",
        "hvctl: another change is under way\nhint: try again in a moment\n",
    );
    bus.run(&["kvp", "set", "guest", "forbidden", "v"]).is(
        77,
        "",
        "hvctl: you may not write items\n\
         hint: run it as root, or let polkit allow the action (org.hvutils.kvp.write for items)\n",
    );
}

#[test]
fn set_asks_for_no_authorisation_dialogue_where_nobody_sits() {
    let Some(bus) = Bus::start("set without a terminal") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    bus.run(&["kvp", "set", "guest", "k", "v"]).is(0, "", "");
    assert_eq!(kvpd.interactive(), [false]);
}

#[test]
fn delete_removes_one_item_and_a_second_time_is_exit_2() {
    let Some(bus) = Bus::start("delete") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[("guest", "a", "1"), ("guest", "b", "2"), ("external", "a", "3")]);
    bus.run(&["kvp", "delete", "guest", "a", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-delete\",\"pool\":\"guest\",\"key\":\"a\"}\n",
        "",
    );
    bus.run(&["kvp", "delete", "guest", "a"]).is(
        2,
        "",
        "hvctl: there is no key \"a\" in pool guest\n\
         hint: hvctl kvp list shows the keys there are, hvctl kvp wait waits for one to appear\n",
    );
    bus.run(&["kvp", "delete", "0", "a"]).is(
        1,
        "",
        "hvctl: pool external belongs to the host\n\
         hint: only pool guest can be written from inside the guest; the others are the host's\n",
    );
    assert_eq!(kvpd.items("guest"), [pair("b", "2")]);
    assert_eq!(kvpd.items("external"), [pair("a", "3")]);
}
