//! `kvp import`: what is set, what is left alone, what is refused.

use std::path::PathBuf;

use crate::fake::Fake;
use crate::harness::{Bus, write};

const THERE: [(&str, &str, &str); 4] = [
    ("guest", "same", "1"),
    ("guest", "other", "old"),
    ("guest", "extra", "x"),
    ("external", "token", "abc"),
];

/// A file that adds `new`, changes `other`, leaves `same`, and has items that cannot be taken.
const MIXED: &str = r#"{"schema":1,"kind":"kvp-export","pools":["external","guest"],"items":[
  {"pool":"external","key":"token","value":"abc"},
  {"pool":"guest","key":"same","value":"1"},
  {"pool":"1","key":"other","value":"new"},
  {"pool":"guest","key":"new","value":"2"},
  {"pool":"guest","key":"nul","value":"a\u0000b"},
  {"pool":"guest","key":"busy","value":"x"},
  {"pool":"elsewhere","key":"k","value":"v"}]}"#;

/// As [`MIXED`], without what cannot be taken.
const GOOD: &str = r#"{"schema":1,"kind":"kvp-export","pools":["guest"],"items":[
  {"pool":"guest","key":"same","value":"1"},
  {"pool":"guest","key":"new","value":"2"}]}"#;

fn file(bus: &Bus, content: &str) -> PathBuf {
    let path = bus.directory.path().join("import.json");
    write(&path, content);
    path
}

fn values(kvpd: &Fake) -> Vec<String> {
    kvpd.items("guest").into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn import_sets_what_differs_reports_each_refusal_and_goes_on() {
    let Some(bus) = Bus::start("import") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let file = file(&bus, MIXED);
    bus.run(&["kvp", "import", file.to_str().unwrap()]).is(
        1,
        "1 added, 1 changed, 1 unchanged, 0 removed, 4 refused\n",
        "refused external token: pool external belongs to the host\n\
         refused guest nul: a key or value cannot hold a NUL character: on the host's side it ends the text\n\
         refused guest busy: another change is under way\n\
         refused elsewhere k: there is no pool \"elsewhere\"\n",
    );
    assert_eq!(values(&kvpd), ["same=1", "other=new", "extra=x", "new=2"]);
    assert!(!kvpd.calls().contains(&"Set guest same".to_owned()), "what is the same is not written again");
}

#[test]
fn import_of_one_pool_takes_only_its_items() {
    let Some(bus) = Bus::start("import of one pool") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let file = file(&bus, &MIXED.replace("busy", "idle").replace("\\u0000", "-"));
    bus.run(&["kvp", "import", "guest", file.to_str().unwrap()]).is(
        0,
        "3 added, 1 changed, 1 unchanged, 0 removed, 0 refused\n",
        "",
    );
    assert_eq!(values(&kvpd), ["same=1", "other=new", "extra=x", "new=2", "nul=a-b", "idle=x"]);
}

#[test]
fn import_as_json_lists_what_was_refused_and_why() {
    let Some(bus) = Bus::start("import --json") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &THERE);
    let file = file(
        &bus,
        r#"{"schema":1,"kind":"kvp-list","items":[{"pool":"guest","key":"busy","value":"x"},
            {"pool":"guest","key":"n","value":"1"}]}"#,
    );
    bus.run(&["--json", "kvp", "import", file.to_str().unwrap()]).is(
        1,
        "{\"schema\":1,\"kind\":\"kvp-import\",\"dry_run\":false,\"added\":1,\"changed\":0,\"unchanged\":0,\
         \"removed\":0,\"refused\":[{\"pool\":\"guest\",\"key\":\"busy\",\"error\":{\
         \"name\":\"org.hvutils.Error.Busy\",\"message\":\"another change is under way\",\
         \"hint\":\"try again in a moment\"}}]}\n",
        "",
    );
}

#[test]
fn import_dry_run_foretells_and_changes_nothing() {
    let Some(bus) = Bus::start("import --dry-run") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let long = format!(r#"{{"pool":"guest","key":"long","value":"{}"}}"#, "é".repeat(1023));
    let file = file(&bus, &MIXED.replace(r#"{"pool":"guest","key":"busy","value":"x"}"#, &long));
    bus.run(&["kvp", "import", "--dry-run", file.to_str().unwrap()]).is(
        1,
        "would be: 1 added, 1 changed, 1 unchanged, 0 removed, 4 refused\n",
        "refused external token: pool external is not for the guest to write\n\
         refused guest nul: a key or value cannot hold a NUL character: on the host's side it ends the text\n\
         refused guest long: the value has 1023 UTF-16 units, 1022 are allowed\n\
         refused elsewhere k: there is no pool \"elsewhere\"\n",
    );
    assert_eq!(values(&kvpd), ["same=1", "other=old", "extra=x"]);
    assert_eq!(kvpd.calls(), ["ListPage guest 0 1000"]);
}

#[test]
fn import_replace_deletes_what_the_file_does_not_have() {
    let Some(bus) = Bus::start("import --replace") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let file = file(&bus, GOOD);
    bus.run(&["kvp", "import", "--replace", "--dry-run", file.to_str().unwrap()]).is(
        0,
        "would be: 1 added, 0 changed, 1 unchanged, 2 removed, 0 refused\n",
        "",
    );
    bus.run(&["kvp", "import", "--replace", file.to_str().unwrap()]).is(
        0,
        "1 added, 0 changed, 1 unchanged, 2 removed, 0 refused\n",
        "",
    );
    assert_eq!(values(&kvpd), ["same=1", "new=2"]);
    assert_eq!(kvpd.items("external").len(), 1, "the host's pools are left alone");
}

#[test]
fn import_replace_deletes_nothing_if_an_item_was_refused() {
    let Some(bus) = Bus::start("import --replace with a refusal") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let file = file(&bus, &GOOD.replace("\"new\"", "\"busy\""));
    bus.run(&["kvp", "import", "--replace", file.to_str().unwrap()]).is(
        1,
        "0 added, 0 changed, 1 unchanged, 0 removed, 1 refused\n",
        "refused guest busy: another change is under way\n\
         nothing was removed: not all of the file's items of pool guest could be set\n",
    );
    assert_eq!(values(&kvpd), ["same=1", "other=old", "extra=x"]);
}

#[test]
fn import_replace_with_a_file_that_does_not_cover_the_pool_deletes_nothing() {
    let Some(bus) = Bus::start("import --replace without the pool") else { return };
    let kvpd = Fake::kvpd(&bus.address, &THERE);
    let content = r#"{"schema":1,"kind":"kvp-export","pools":["external"],"items":[]}"#;
    let file = file(&bus, content);
    bus.run(&["kvp", "import", "--replace", file.to_str().unwrap()]).is(
        0,
        "0 added, 0 changed, 0 unchanged, 0 removed, 0 refused\n",
        "",
    );
    assert_eq!(values(&kvpd), ["same=1", "other=old", "extra=x"]);
}

#[test]
fn import_stops_at_what_every_further_item_would_meet() {
    let Some(bus) = Bus::start("import not authorised") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let file = file(
        &bus,
        r#"{"schema":1,"kind":"kvp-export","items":[{"pool":"guest","key":"a","value":"1"},
            {"pool":"guest","key":"forbidden","value":"2"},{"pool":"guest","key":"c","value":"3"}]}"#,
    );
    bus.run(&["kvp", "import", file.to_str().unwrap()]).is(
        77,
        "",
        "hvctl: you may not write items (1 of 3 items had been set before)\n\
         hint: run it as root, or let polkit allow the action (org.hvutils.kvp.write for items)\n",
    );
    assert_eq!(values(&kvpd), ["a=1"]);
}
