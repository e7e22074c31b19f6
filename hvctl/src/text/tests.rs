use super::{columns, escape};

#[test]
fn plain_text_is_left_alone_and_not_copied() {
    assert!(matches!(escape("C:\\Users\\Zoë 日本"), std::borrow::Cow::Borrowed("C:\\Users\\Zoë 日本")));
}

#[test]
fn control_characters_are_named_or_numbered() {
    assert_eq!(escape("a\nb\tc\rd"), "a\\nb\\tc\\rd");
    assert_eq!(escape("\x1b[31mred\x07\x7f\u{9b}"), "\\u{1b}[31mred\\u{7}\\u{7f}\\u{9b}");
}

#[test]
fn characters_that_reorder_or_break_lines_are_escaped() {
    assert_eq!(escape("txt\u{202e}exe\u{2066}\u{2028}"), "txt\\u{202e}exe\\u{2066}\\u{2028}");
}

#[test]
fn wide_characters_take_two_columns_and_combining_marks_none() {
    assert_eq!(columns("abc"), 3);
    assert_eq!(columns("日本"), 4);
    assert_eq!(columns("e\u{301}"), 1);
}

#[test]
fn json_keeps_its_meaning_when_made_safe_for_a_terminal() {
    use super::escape_json;
    let value = "\u{7f}\u{9b}31m\u{202e}é";
    let json = escape_json(serde_json::to_string(value).unwrap());
    assert_eq!(json, "\"\\u007f\\u009b31m\\u202eé\"");
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
}
