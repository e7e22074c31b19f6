//! Files good, bad and merged; every finding with its file and line.

use super::value::Lines;
use super::*;
use crate::wire::Version;
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A directory with a vendor's file, the administrator's file and drop-ins of both.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sources(&self) -> Sources {
        Sources { vendor: self.path("vendor.toml"), file: self.path("own.toml"), explicit: true }
    }

    fn load(&self) -> Config {
        Config::load(&self.sources())
    }

    /// Findings as lines, without the directory.
    fn lines(&self, config: Config) -> Vec<String> {
        let directory = format!("{}/", self.0.path().display());
        config.finish().iter().map(|finding| finding.to_string().replace(&directory, "")).collect()
    }
}

fn one(text: impl AsRef<[u8]>) -> Files {
    Files::new().with("own.toml", text)
}

#[test]
fn missing_default_file_is_fine() {
    let files = Files::new();
    let config = Config::load(&Sources { explicit: false, ..files.sources() });
    assert_eq!(files.lines(config), Vec::<String>::new());
}

#[test]
fn missing_file_that_was_asked_for_is_an_error() {
    let files = Files::new();
    let lines = files.lines(files.load());
    assert_eq!(lines, ["own.toml: cannot be read: No such file or directory (os error 2)"]);
}

#[test]
fn later_file_wins_key_by_key_in_the_order_vendor_own_and_their_drop_ins() {
    let files = Files::new()
        .with("vendor.toml", "[kvp]\na = 1\nb = 1\nc = 1\nd = 1\n")
        .with("vendor.toml.d/50-x.toml", "[kvp]\nb = 2\nc = 2\nd = 2\n")
        .with("own.toml", "[kvp]\nc = 3\nd = 3\n")
        .with("own.toml.d/10-late.toml", "[kvp]\nd = 4\n")
        .with("own.toml.d/09-early.toml", "[kvp]\nd = 9\n");
    let mut config = files.load();
    let mut table = config.table("kvp");
    let read: Vec<_> = ["a", "b", "c", "d"].map(|key| table.integer(key, 0..=9).unwrap()).into();
    assert_eq!(read, [1, 2, 3, 4]);
    assert_eq!(files.lines(config), Vec::<String>::new());
}

#[test]
fn drop_ins_that_are_hidden_or_of_another_kind_are_not_read() {
    let files = one("").with("own.toml.d/.hidden.toml", "junk").with("own.toml.d/backup.toml~", "junk");
    assert_eq!(files.lines(files.load()), Vec::<String>::new());
}

#[test]
fn every_wrong_value_is_reported_with_its_line_and_read_as_absent() {
    let files = one(concat!(
        "[kvp]\n",
        "text = 1\n",
        "flag = \"yes\"\n",
        "number = 11\n",
        "size = -1\n",
        "wait-secs = 1.5\n",
        "path = \"relative\"\n",
        "max-message-version = \"4\"\n",
        "mode = \"fast\"\n",
        "list = \"a\"\n",
        "huge = 99999999999999999999\n",
    ));
    let mut config = files.load();
    let mut table = config.table("kvp");
    assert_eq!(table.string("text"), None);
    assert_eq!(table.boolean("flag"), None);
    assert_eq!(table.integer("number", 1..=10), None);
    assert_eq!(table.integer("size", 1..=10), None);
    assert_eq!(table.duration("wait-secs", 1..=10), None);
    assert_eq!(table.path("path"), None);
    assert_eq!(table.version("max-message-version"), None);
    assert_eq!(table.one_of("mode", &[("slow", 1), ("slower", 2)]), None);
    assert_eq!(table.strings("list"), None);
    assert_eq!(table.integer("huge", 1..=10), None);
    assert_eq!(
        files.lines(config),
        [
            "own.toml:2: kvp.text: must be text in quotes, not 1",
            "own.toml:3: kvp.flag: must be true or false, not \"yes\"",
            "own.toml:4: kvp.number: must be a number from 1 to 10, not 11",
            "own.toml:5: kvp.size: must be a number from 1 to 10, not -1",
            "own.toml:6: kvp.wait-secs: must be 1 to 10 seconds, not a number with a fraction",
            "own.toml:7: kvp.path: must be a path in quotes that begins with /, not \"relative\"",
            "own.toml:8: kvp.max-message-version: must be a version in quotes, such as \"4.0\", not \"4\"",
            "own.toml:9: kvp.mode: must be one of: slow, slower, not \"fast\"",
            "own.toml:10: kvp.list: must be a list, each item text in quotes, such as [\"…\", \"…\"], not \"a\"",
            "own.toml:11: kvp.huge: must be a number from 1 to 10, not a number beyond 64 bits",
        ]
    );
}

#[test]
fn right_values_of_every_kind_are_read() {
    let files = one(concat!(
        "[kvp]\ntext = \"x\"\nflag = true\nnumber = 0x10\nwait-ms = 1_500\npath = \"/p\"\n",
        "max-message-version = \"4.0\"\nmode = \"slow\"\nlist = [\n  \"a\",\n  \"b\",\n]\n",
    ));
    let mut config = files.load();
    let mut table = config.table("kvp");
    assert_eq!(table.string("text").as_deref(), Some("x"));
    assert_eq!(table.boolean("flag"), Some(true));
    assert_eq!(table.integer("number", 16..=16), Some(16));
    assert_eq!(table.duration("wait-ms", 1..=2000), Some(Duration::from_millis(1500)));
    assert_eq!(table.path("path"), Some(PathBuf::from("/p")));
    assert_eq!(table.version("max-message-version"), Some(Version::new(4, 0)));
    assert_eq!(table.one_of("mode", &[("slow", 1), ("slower", 2)]), Some(1));
    assert_eq!(table.strings("list"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert!(table.is_set("text"));
    assert!(!table.is_set("absent"));
    assert_eq!(files.lines(config), Vec::<String>::new());
}

#[test]
fn durations_are_in_the_unit_of_the_key() {
    let files = one("[vss]\na-us = 7\na-ms = 7\na-secs = 7\na-mins = 7\na-hours = 7\na-days = 7\n");
    let mut config = files.load();
    let mut table = config.table("vss");
    let micros = ["a-us", "a-ms", "a-secs", "a-mins", "a-hours", "a-days"]
        .map(|key| table.duration(key, 7..=7).unwrap().as_micros());
    assert_eq!(micros, [7, 7_000, 7_000_000, 420_000_000, 25_200_000_000, 604_800_000_000]);
}

#[test]
fn each_wrong_item_of_a_list_is_reported_on_its_own_line() {
    let files = one("[kvp]\nhost-writable-pools = [\n  \"external\",\n  7,\n  \"outer\",\n]\n");
    let mut config = files.load();
    let known = |text: &str| (text == "external").then_some(());
    assert_eq!(config.table("kvp").list("host-writable-pools", "a pool", known), None);
    assert_eq!(
        files.lines(config),
        [
            "own.toml:4: kvp.host-writable-pools: must be a pool, not 7",
            "own.toml:5: kvp.host-writable-pools: must be a pool, not \"outer\"",
        ]
    );
}

#[test]
fn unknown_key_is_reported_wherever_it_stands_with_what_was_meant() {
    let files = Files::new()
        .with("vendor.toml", "[kvp]\nmax-itens = 1\n")
        .with("own.toml", "[kvp]\nmax-items = 1\nmax-itens = 2\nzzz = 3\n");
    let mut config = files.load();
    assert_eq!(config.table("kvp").integer("max-items", 0..=9), Some(1));
    assert_eq!(
        files.lines(config),
        [
            "vendor.toml:2: kvp.max-itens: unknown key, did you mean \"max-items\"?",
            "own.toml:3: kvp.max-itens: unknown key, did you mean \"max-items\"?",
            "own.toml:4: kvp.zzz: unknown key, remove it; [kvp] has: max-items",
        ]
    );
}

#[test]
fn unknown_table_is_an_error_and_tables_of_other_daemons_are_not_looked_into() {
    let files = one("[vss]\nnonsense = 1\n[kvpp]\nx = 1\n[printer]\n[timesync]\nmode = 3\n");
    let mut config = files.load();
    config.table("kvp");
    assert_eq!(
        files.lines(config),
        [
            "own.toml:3: [kvpp]: unknown table, did you mean [kvp]?",
            "own.toml:5: [printer]: unknown table, remove it; there are: kvp, network, vss, timesync, shutdown, \
             heartbeat, file-copy, driver, log",
        ]
    );
}

#[test]
fn second_table_of_a_daemon_is_checked_fully_too() {
    let files = one("[kvp]\na = 1\n[network]\nb = 2\nbad = 3\n");
    let mut config = files.load();
    let mut table = config.table("kvp");
    assert_eq!(table.also("network").integer("b", 0..=9), Some(2));
    assert_eq!(table.integer("a", 0..=9), Some(1));
    assert_eq!(files.lines(config), ["own.toml:5: network.bad: unknown key, remove it; [network] has: b"]);
}

#[test]
fn keys_outside_of_tables_and_lists_of_tables_are_errors() {
    let files = one("kvp = 1\nlevel = \"info\"\n[[vss]]\n");
    assert_eq!(
        files.lines(files.load()),
        [
            "own.toml:1: kvp: is a key outside of a table: settings stand below a heading such as [kvp]",
            "own.toml:2: level: is a key outside of a table: settings stand below a heading such as [kvp]",
            "own.toml:3: vss: is a list of tables: settings stand below a heading such as [kvp]",
        ]
    );
}

#[test]
fn all_syntax_errors_of_a_file_are_reported_and_other_files_still_count() {
    let files = one("[kvp]\na = \nb = 1 1\n").with("own.toml.d/1.toml", "[kvp]\nc = 5\n");
    let mut config = files.load();
    assert_eq!(config.table("kvp").integer("c", 0..=9), Some(5));
    let findings = config.finish();
    let lines: Vec<u32> = findings.iter().map(|finding| finding.place.as_ref().unwrap().line).collect();
    assert_eq!(lines, [2, 3], "{findings:?}");
    assert!(!usable(&findings));
}

#[test]
fn a_key_set_twice_in_one_file_is_an_error_with_its_line() {
    let files = one("[kvp]\na = 1\na = 2\n");
    let findings = files.load().finish();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].place.as_ref().unwrap().line, 3);
}

#[test]
fn file_that_is_not_utf8_is_reported_with_the_line_where_it_stops_being_so() {
    let files = one(b"[kvp]\na = 1\nb = \"\xff\"\n");
    assert_eq!(files.lines(files.load()), ["own.toml:3: is not UTF-8 text from here on"]);
}

#[test]
fn file_that_is_too_large_is_refused() {
    let files = one(vec![b'#'; (1 << 20) + 1]);
    assert_eq!(files.lines(files.load()), ["own.toml: cannot be read: it is larger than 1048576 bytes"]);
}

#[test]
fn directory_and_fifo_in_place_of_a_file_are_refused_without_waiting() {
    let files = Files::new();
    fs::create_dir(files.path("own.toml")).unwrap();
    fs::create_dir(files.path("own.toml.d")).unwrap();
    rustix::fs::mknodat(CWD, files.path("own.toml.d/a.toml"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let not_a_file = "cannot be read: it is not a file";
    assert_eq!(
        files.lines(files.load()),
        [format!("own.toml: {not_a_file}"), format!("own.toml.d/a.toml: {not_a_file}")]
    );
}

#[test]
fn world_writable_file_is_a_warning_that_does_not_stop_the_daemon() {
    let files = one("");
    fs::set_permissions(files.path("own.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    let findings = files.load().finish();
    assert!(usable(&findings));
    assert_eq!(findings.len(), 1);
    assert!(findings[0].to_string().contains("own.toml: warning: anyone may write to it: chmod o-w "));
}

#[test]
fn value_that_is_right_but_useless_is_rejected_at_its_line() {
    let files = one("[kvp]\n\na = 1\n");
    let mut config = files.load();
    let mut table = config.table("kvp");
    table.integer("a", 0..=9);
    table.reject("a", "is odd, use an even number");
    table.warn("absent", "should be set");
    assert_eq!(
        files.lines(config),
        ["own.toml:3: kvp.a: is odd, use an even number", "warning: kvp.absent: should be set"]
    );
}

#[test]
fn nearest_name_is_offered_only_if_it_is_near() {
    let known = ["max-frozen-secs", "enabled", "roots"];
    assert_eq!(nearest("max-frozen-sec", known), Some("max-frozen-secs"));
    assert_eq!(nearest("enable", known), Some("enabled"));
    assert_eq!(nearest("root", known), Some("roots"));
    assert_eq!(nearest("colour", known), None);
    assert_eq!(nearest(&"x".repeat(10_000), known), None);
}

#[test]
fn offsets_become_lines_from_one() {
    let lines = Lines::new("a\nb\n\nc");
    assert_eq!([0, 1, 2, 4, 5].map(|offset| lines.of(offset)), [1, 1, 2, 3, 4]);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_or_pass_unknown_keys(text in "(\\[(kvp|log|x)\\]\n)?([a-z.\"\\[\\]{}=,0-9 \n'#-]{0,80})") {
        let files = one(&text);
        let mut config = files.load();
        let read = config.tables.get("kvp").map_or(0, BTreeMap::len);
        let mut table = config.table("kvp");
        table.integer("a", 0..=9);
        table.strings("b");
        let known = ["a", "b"].map(|key| usize::from(table.is_set(key))).iter().sum::<usize>();
        let findings = config.finish();
        prop_assert!(read == known || !usable(&findings));
        for finding in &findings {
            let line = finding.place.as_ref().unwrap().line;
            prop_assert!(line as usize <= text.matches('\n').count() + 1, "{finding}");
        }
    }
}
