//! What is shown of what a host wrote.

use super::*;

#[test]
fn ordinary_names_of_any_script_stay_as_they_are() {
    for name in ["", "/srv/a file.txt", r"C:\back\slash", "naïve/ñ/Ω/日本語/عربي/🦀/👩‍👩‍👧", "e\u{301}"]
    {
        assert!(matches!(printable(name), Cow::Borrowed(same) if same == name), "{name}");
    }
}

#[test]
fn what_a_terminal_or_a_bus_would_obey_is_written_out() {
    assert_eq!(printable("a\0b"), r"a\u{0}b");
    assert_eq!(printable("a\u{1b}[2Jb\n\r\t\u{7f}\u{9b}"), r"a\u{1b}[2Jb\u{a}\u{d}\u{9}\u{7f}\u{9b}");
    assert_eq!(printable("gpj.\u{202e}exe\u{2066}\u{2028}"), r"gpj.\u{202e}exe\u{2066}\u{2028}");
}

#[test]
fn text_without_end_is_cut() {
    let shown = printable(&"x".repeat(100_000)).into_owned();
    assert_eq!((shown.chars().count(), shown.ends_with("x…")), (1025, true));
}
