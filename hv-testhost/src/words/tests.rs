use super::*;

fn words(line: &str) -> Vec<String> {
    split(line).unwrap()
}

#[test]
fn blanks_separate_words_and_an_empty_line_has_none() {
    assert_eq!(words("  add-kvp\tcolour   blue "), ["add-kvp", "colour", "blue"]);
    assert!(words("   ").is_empty());
}

#[test]
fn quotes_join_words_and_may_be_empty() {
    assert_eq!(words(r#"add-kvp "two words" 'it is "so"'"#), ["add-kvp", "two words", r#"it is "so""#]);
    assert_eq!(words(r#"add-kvp key """#), ["add-kvp", "key", ""]);
    assert_eq!(words(r#"a"b c"d"#), ["ab cd"]);
}

#[test]
fn backslash_quotes_one_character_except_in_single_quotes() {
    assert_eq!(words(r"a\ b \\ \'"), ["a b", r"\", "'"]);
    assert_eq!(words(r#""a\"b""#), [r#"a"b"#]);
    assert_eq!(words(r"'a\b'"), [r"a\b"]);
}

#[test]
fn unfinished_quoting_is_an_error_not_a_guess() {
    assert_eq!(split("a 'b"), Err(WordError::OpenQuote('\'')));
    assert_eq!(split("a \"b"), Err(WordError::OpenQuote('"')));
    assert_eq!(split("a \\"), Err(WordError::TrailingBackslash));
}
