use super::*;
use crate::verb::Verb;

fn why(line: &str) -> Why {
    explain(&Verb::from_words(crate::words::split(line).unwrap()).unwrap_err())
}

#[test]
fn an_unknown_verb_is_called_a_verb() {
    assert_eq!(why("frobnicate x"), Why::from("unknown verb 'frobnicate'").hint(LIST));
}

#[test]
fn missing_words_are_named_and_the_usage_is_the_hint() {
    let why = why("add-kvp key");
    assert_eq!(why.message, "the following required arguments were not provided:\n  <VALUE>");
    assert_eq!(why.hint, "usage: add-kvp <KEY> <VALUE>");
}

#[test]
fn a_wrong_value_says_what_would_be_right() {
    let why = why("get-kvp nonsense");
    assert!(why.message.starts_with("invalid value 'nonsense' for '[POOL]': pools are external"), "{why:?}");
    assert!(!why.message.contains("For more information") && why.hint.is_empty(), "{why:?}");
}

#[test]
fn an_option_of_powershell_that_there_is_not_is_named_whole_with_the_usage() {
    let why = why("Stop-VM -TurnOff");
    assert_eq!(why.message, "unexpected argument '-TurnOff' found");
    assert!(why.hint.starts_with("usage: ") && why.hint.contains("stop-vm"), "{why:?}");
}
