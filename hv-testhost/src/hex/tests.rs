use super::*;

#[test]
fn hex_is_read_with_and_without_separators() {
    assert_eq!(parse("01 0a:FF,00_7f\n"), Ok(vec![0x01, 0x0a, 0xff, 0x00, 0x7f]));
    assert_eq!(parse("010aff"), Ok(vec![0x01, 0x0a, 0xff]));
    assert_eq!(parse(""), Ok(vec![]));
}

#[test]
fn wrong_hex_names_what_is_wrong() {
    assert_eq!(parse("01 0g"), Err(HexError::NotADigit('g')));
    assert_eq!(parse("01 0"), Err(HexError::OddDigits));
    assert_eq!(parse("0x01"), Err(HexError::NotADigit('x')));
}

#[test]
fn dump_folds_rows_of_zeros_and_ends_with_the_length() {
    let mut bytes = vec![0u8; 64];
    bytes[0] = b'A';
    bytes[63] = 0xff;
    let expected = "0000  41 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  A...............\n*\n\
                    0030  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ff  ................\n\
                    0040  (64 bytes)\n";
    assert_eq!(dump(&bytes), expected);
}

#[test]
fn dump_pads_a_short_last_row_so_that_the_text_column_stays() {
    assert_eq!(dump(b"ab"), format!("0000  {:<47}  ab\n0002  (2 bytes)\n", "61 62"));
}

#[test]
fn printable_keeps_letters_of_every_script_and_escapes_what_steers_a_terminal() {
    assert_eq!(printable("Grüße 日本"), "Grüße 日本");
    assert_eq!(printable("a\u{1b}[31mb\nc\td\\"), "a\\u{1b}[31mb\\nc\\td\\\\");
    assert_eq!(printable("abc\u{202e}def\u{feff}"), "abc\\u{202e}def\\u{feff}");
}
