use super::{Cell, Item, Output, Paint};
use crate::text::columns;

fn rows(colour: bool, cells: &[Cell], widths: &[usize]) -> String {
    let output = Output { json: false, terminal: colour, colour };
    let mut text = String::new();
    output.row(cells, widths, &mut text);
    text
}

#[test]
fn cells_are_padded_by_what_is_seen_and_the_last_one_is_not() {
    let cells = [Cell::new("日本"), Cell::new("").paint(Paint::Red), Cell::value("")];
    assert_eq!(rows(false, &cells, &[6, 3, 10]), "日本    -    \n");
    assert_eq!(rows(true, &cells, &[6, 3, 10]), "日本    \u{1b}[31m-\u{1b}[0m    \n");
    assert_eq!(columns("日本    -    "), 13);
}

#[test]
fn text_from_outside_cannot_bring_its_own_colours() {
    assert_eq!(rows(true, &[Cell::value("\u{1b}[31mred")], &[3]), "\\u{1b}[31mred\n");
}

#[test]
fn json_starts_with_schema_and_kind_and_has_no_raw_control_characters() {
    let item = Item { pool: "guest".into(), key: "k\u{9b}".into(), value: "\u{7f}\"\\\n\u{202e}é".into() };
    assert_eq!(
        Output::object_text("kvp-get", &item).unwrap(),
        "{\"schema\":1,\"kind\":\"kvp-get\",\"pool\":\"guest\",\"key\":\"k\\u009b\",\
         \"value\":\"\\u007f\\\"\\\\\\n\\u202eé\"}"
    );
}
