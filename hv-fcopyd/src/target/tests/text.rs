//! What a START says, as text: nothing is on a disk here.

use super::super::Refusal;
use super::super::wanted::Wanted;
use hv_utils_core::wire::fcopy::Start;
use std::path::PathBuf;

fn read(path: &str, name: &str) -> Result<Wanted, u32> {
    judged(path, name).map_err(|refusal| refusal.status.0)
}

fn judged(path: &str, name: &str) -> Result<Wanted, Refusal> {
    let roots = ["/srv/in", "/srv/in/deep/er", "/var/lib/x/"].map(PathBuf::from);
    let start =
        Start { path: path.to_owned(), name: name.to_owned(), overwrite: false, create_path: false, size: 0 };
    Wanted::read(&start, &roots)
}

#[track_caller]
fn goes(path: &str, name: &str, wanted: (&str, &[&str], &str)) {
    let found = read(path, name).unwrap();
    let below: Vec<&str> = found.below.iter().map(String::as_str).collect();
    assert_eq!((found.root.to_str().unwrap(), below.as_slice(), found.name.as_str()), wanted);
}

#[test]
fn longest_root_that_holds_the_path_is_taken() {
    goes("/srv/in", "f", ("/srv/in", &[], "f"));
    goes("/srv/in/deep", "f", ("/srv/in", &["deep"], "f"));
    goes("/srv/in/deep/er", "f", ("/srv/in/deep/er", &[], "f"));
    goes("/srv/in/deep/er/x", "f", ("/srv/in/deep/er", &["x"], "f"));
    goes("/var/lib/x/y", "f", ("/var/lib/x/", &["y"], "f"));
}

#[test]
fn slashes_that_are_doubled_or_last_mean_nothing() {
    goes("//srv///in//a/", "f", ("/srv/in", &["a"], "f"));
}

#[test]
fn without_a_name_the_last_component_is_the_file() {
    goes("/srv/in/a/f", "", ("/srv/in", &["a"], "f"));
    assert_eq!(read("/srv/in", ""), Err(0x8007_0005), "which would be the root itself");
    assert_eq!(read("/", ""), Err(0x8007_007b));
}

#[test]
fn names_are_any_text() {
    goes("/srv/in/Übung 日本", "😀\n\\..\\x", ("/srv/in", &["Übung 日本"], "😀\n\\..\\x"));
    goes("/srv/in", "...", ("/srv/in", &[], "..."));
    goes("/srv/in/..a", "f", ("/srv/in", &["..a"], "f"));
}

#[test]
fn what_is_outside_of_every_root_is_denied() {
    for path in
        ["/srv", "/srv/inn", "/srv/i", "/", "/etc", "/srv/in/..", "/srv/in/../../etc", "/srv/in/./a", "/.."]
    {
        assert_eq!(read(path, "f"), Err(0x8007_0005), "{path}");
    }
}

#[test]
fn root_without_the_slash_at_its_end_is_told_that_it_lacks_it() {
    let refusal = judged("/srv", "in").unwrap_err();
    assert!(refusal.status.0 == 0x8007_0005 && refusal.why.contains("at its end"), "{refusal}");
    let refusal = judged("/srv", "inn").unwrap_err();
    assert!(!refusal.why.contains("at its end"), "{refusal}");
}

#[test]
fn names_that_are_none_are_invalid() {
    for name in ["a/b", "/", "/etc/passwd", ".", "..", "../f", "a\0b"] {
        assert_eq!(read("/srv/in", name), Err(0x8007_007b), "{name:?}");
    }
    for path in ["", "srv/in", "C:\\srv\\in", "\\srv", "/srv/in/a\0b"] {
        assert_eq!(read(path, "f"), Err(0x8007_007b), "{path:?}");
    }
}

#[test]
fn lengths_are_counted_in_bytes() {
    let longest = "ü".repeat(127) + "x";
    goes("/srv/in", &longest, ("/srv/in", &[], &longest));
    let long = "ü".repeat(128);
    assert_eq!(read("/srv/in", &long), Err(0x8007_00ce));
    assert_eq!(read(&format!("/srv/in/{long}"), "f"), Err(0x8007_00ce));
    assert_eq!(read(&format!("/srv/in/{long}"), ""), Err(0x8007_00ce));
    let deep = "/srv/in".to_owned() + &"/d".repeat(2042);
    assert_eq!(read(&deep, "123").map(|wanted| wanted.below.len()), Ok(2042), "4095 bytes in all");
    assert_eq!(read(&deep, "1234"), Err(0x8007_00ce));
}
