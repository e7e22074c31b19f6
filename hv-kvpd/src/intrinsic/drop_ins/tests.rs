//! Directories of items, good and bad.

use std::fs;
use std::os::unix::ffi::OsStringExt;

use super::*;

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Directory {
        Directory(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: &[u8]) -> Directory {
        fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    fn items(&self) -> Vec<(String, String)> {
        let DropIns { items, reports } = read(self.0.path());
        assert_eq!(reports, []);
        items
    }

    /// What is said about the only file in it.
    fn refusal(&self) -> Option<Refusal> {
        let DropIns { items, reports } = read(self.0.path());
        match reports.as_slice() {
            [] => None,
            [Report::Refused { why, .. }] => {
                assert_eq!(items, [], "refused, and yet there");
                Some(*why)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn own(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn files_are_items_sorted_by_name() {
    let directory = Directory::new()
        .with("b", b"two\n")
        .with("B", b"capital")
        .with("a", b"one\n")
        .with("empty", b"")
        .with("blank", b"\n")
        .with("lines", b"first\nsecond\n\n")
        .with("k\u{e4}se", b"x")
        .with("Owner of this", "M\u{fc}ller".as_bytes());
    let expected = [
        ("B", "capital"),
        ("Owner of this", "M\u{fc}ller"),
        ("a", "one"),
        ("b", "two"),
        ("blank", ""),
        ("empty", ""),
        ("k\u{e4}se", "x"),
        ("lines", "first\nsecond\n"),
    ];
    assert_eq!(directory.items(), own(&expected));
}

#[test]
fn leavings_of_editors_and_packages_are_not_items() {
    let mut directory = Directory::new();
    let leavings = [
        ".hidden",
        ".a.swp",
        "a~",
        "a.bak",
        "a.dpkg-old",
        "a.dpkg-new",
        "a.dpkg-dist",
        "a.dpkg-tmp",
        "a.rpmsave",
        "a.rpmnew",
        "a.rpmorig",
    ];
    for name in leavings {
        directory = directory.with(name, b"x");
    }
    let items = ["a", "a.b", "bak", "dpkg-old", "a.rpm", "a.rpmx", "a.bak.b", "rpmsave"];
    for name in items {
        directory = directory.with(name, b"y");
    }
    let mut expected: Vec<_> = items.map(|name| (name, "y")).to_vec();
    expected.sort_unstable();
    assert_eq!(directory.items(), own(&expected));
}

#[test]
fn no_directory_is_no_item_and_no_report() {
    let DropIns { items, reports } = read(&Directory::new().0.path().join("none"));
    assert_eq!((items, reports), (vec![], vec![]));
}

#[test]
fn a_file_in_the_directorys_place_is_reported() {
    let directory = Directory::new().with("file", b"");
    let reports = read(&directory.0.path().join("file")).reports;
    assert!(matches!(reports.as_slice(), [Report::Directory { error: Errno::NOTDIR, .. }]), "{reports:?}");
}

#[test]
fn lengths_are_counted_in_utf16_units() {
    for (content, refused) in [
        ("x".repeat(1022), None),
        ("x".repeat(1022) + "\n", None),
        ("x".repeat(1023), Some(Refusal::TooLong)),
        ("\u{20ac}".repeat(1022) + "\n", None),
        ("\u{20ac}".repeat(1023), Some(Refusal::TooLong)),
        ("\u{1f600}".repeat(511), None),
        ("\u{1f600}".repeat(511) + "x", Some(Refusal::TooLong)),
        ("\u{1f600}".repeat(5000), Some(Refusal::TooLong)),
        ("x".repeat(1_000_000), Some(Refusal::TooLong)),
    ] {
        let directory = Directory::new().with("key", content.as_bytes());
        assert_eq!(directory.refusal(), refused, "{} bytes", content.len());
    }
    let longest = "k".repeat(254);
    assert_eq!(Directory::new().with(&longest, b"x").items(), own(&[(&longest, "x")]));
    assert_eq!(Directory::new().with(&"k".repeat(255), b"x").refusal(), Some(Refusal::NameTooLong));
}

#[test]
fn what_is_not_text_is_refused() {
    for (content, refused) in [
        (&b"a\0b"[..], Refusal::Nul),
        (b"\0", Refusal::Nul),
        (b"a\xffb", Refusal::NotUtf8),
        (b"\xc3", Refusal::NotUtf8),
    ] {
        assert_eq!(Directory::new().with("key", content).refusal(), Some(refused), "{content:?}");
    }
    let directory = Directory::new();
    let name = OsString::from_vec(b"k\xffy".to_vec());
    fs::write(directory.0.path().join(name), "x").unwrap();
    assert_eq!(directory.refusal(), Some(Refusal::NameNotUtf8));
}

#[test]
fn built_in_names_are_not_the_administrators_in_any_case() {
    for name in
        ["OSName", "osname", "NETWORKADDRESSIPV4", "FullyQualifiedDomainName", "OSEditionId", "CSDVersion"]
    {
        assert_eq!(Directory::new().with(name, b"x").refusal(), Some(Refusal::BuiltIn), "{name}");
    }
    assert_eq!(Directory::new().with("OSNames", b"x").refusal(), None);
}

#[test]
fn only_regular_files_count() {
    let directory = Directory::new();
    fs::create_dir(directory.0.path().join("directory")).unwrap();
    assert_eq!(directory.refusal(), Some(Refusal::NotAFile));
    fs::remove_dir(directory.0.path().join("directory")).unwrap();
    let pipe = directory.0.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(directory.refusal(), Some(Refusal::NotAFile));
}

#[test]
fn symlinks_are_followed_and_known() {
    let elsewhere = Directory::new().with("value", b"linked\n");
    let directory = Directory::new().with("plain", b"x");
    let link = directory.0.path().join("link");
    std::os::unix::fs::symlink(elsewhere.0.path().join("value"), &link).unwrap();
    assert_eq!(directory.items(), own(&[("link", "linked"), ("plain", "x")]));
    assert_eq!(symlinks(directory.0.path()).collect::<Vec<_>>(), [link]);
    fs::remove_file(elsewhere.0.path().join("value")).unwrap();
    let reports = read(directory.0.path()).reports;
    assert!(
        matches!(reports.as_slice(), [Report::Refused { why: Refusal::Unreadable(Errno::NOENT), .. }]),
        "{reports:?}"
    );
}

#[test]
fn the_first_256_by_name_are_items() {
    let mut directory = Directory::new();
    for number in (0..300).rev() {
        directory = directory.with(&format!("key{number:03}"), b"x");
    }
    let DropIns { items, reports } = read(directory.0.path());
    assert_eq!(items.len(), 256);
    assert_eq!((items[0].0.as_str(), items[255].0.as_str()), ("key000", "key255"));
    assert!(matches!(reports.as_slice(), [Report::TooMany { kept: 256, .. }]), "{reports:?}");
    for number in 256..300 {
        fs::remove_file(directory.0.path().join(format!("key{number:03}"))).unwrap();
    }
    assert_eq!(directory.items().len(), 256);
}
