//! `kvp export`, and the round trip through import.

use std::fs;
use std::os::unix::fs::symlink;

use crate::fake::Fake;
use crate::harness::{Bus, run_with_input};

const ITEMS: [(&str, &str, &str); 3] =
    [("guest", "b", "2\n\u{1b}"), ("external", "token", "abc"), ("guest", "a", "日本")];

const EXPORT: &str = "{\"schema\":1,\"kind\":\"kvp-export\",\"pools\":[\"guest\"],\"items\":[\
    {\"pool\":\"guest\",\"key\":\"b\",\"value\":\"2\\n\\u001b\"},\
    {\"pool\":\"guest\",\"key\":\"a\",\"value\":\"日本\"}]}\n";

#[test]
fn export_writes_json_with_the_pools_it_covers() {
    let Some(bus) = Bus::start("export") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    bus.run(&["kvp", "export", "guest"]).is(0, EXPORT, "");
    bus.run(&["kvp", "export", "auto"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-export\",\"pools\":[\"auto\"],\"items\":[]}\n",
        "",
    );
    let all = bus.run(&["kvp", "export"]).out;
    let pools = "\"pools\":[\"external\",\"guest\",\"auto\",\"auto-external\",\"auto-internal\"]";
    assert!(all.contains(pools), "{all}");
}

#[test]
fn export_to_a_file_replaces_it_whole_and_follows_a_link() {
    let Some(bus) = Bus::start("export to a file") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    let directory = bus.directory.path().join("exports");
    let (file, link) = (directory.join("file.json"), directory.join("link.json"));
    crate::harness::write(&file, "old");
    symlink("file.json", &link).unwrap();
    bus.run(&["kvp", "export", "guest", "--output", link.to_str().unwrap()]).is(
        0,
        "",
        &format!("2 items written to {}\n", link.display()),
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), EXPORT);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "nothing else is left there");
    bus.run(&["--json", "kvp", "export", "guest", "--output", file.to_str().unwrap()]).is(
        0,
        &format!(
            "{{\"schema\":1,\"kind\":\"kvp-export-written\",\"file\":\"{}\",\"count\":2}}\n",
            file.display()
        ),
        "",
    );
}

#[test]
fn export_that_cannot_write_its_file_says_so() {
    let Some(bus) = Bus::start("export to nowhere") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    bus.run(&["kvp", "export", "--output", "/nonexistent/file"]).is(
        1,
        "",
        "hvctl: cannot write /nonexistent/file: No such file or directory (os error 2)\n\
         hint: check that the directory exists, can be written and has room\n",
    );
}

#[test]
fn what_export_wrote_import_brings_back() {
    let Some(bus) = Bus::start("round trip") else { return };
    let before = Fake::kvpd(&bus.address, &ITEMS);
    let exported = bus.run(&["kvp", "export", "guest"]).out;
    let items = before.items("guest");
    before.stop();
    let after = Fake::kvpd(&bus.address, &[]);
    run_with_input(&mut bus.hvctl(&["kvp", "import", "-"]), exported.as_bytes()).is(
        0,
        "2 added, 0 changed, 0 unchanged, 0 removed, 0 refused\n",
        "",
    );
    assert_eq!(after.items("guest"), items);
    assert_eq!(bus.run(&["kvp", "export", "guest"]).out, exported);
}
