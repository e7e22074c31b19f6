use super::*;

const TEXT: &str = "# a\n[one]\na=1\n; odd\nb = 2\n\n# of two\n[two]\nc=3\n[one]\na=4";

#[test]
fn what_is_not_touched_stays_to_the_byte() {
    for text in [TEXT, "", "\n", "x", "[a]\r\nb=c\r\n", "[]\n=\n[", "é=ü"] {
        assert_eq!(Keyfile::parse(text).text(), text);
    }
}

#[test]
fn the_last_pair_holds() {
    let file = Keyfile::parse(TEXT);
    assert_eq!(file.get("one", "a"), Some("4"));
    assert_eq!(file.get("one", "b"), Some("2"));
    assert_eq!(file.get("two", "a"), None);
}

#[test]
fn a_key_is_set_where_it_is_or_at_the_end_of_its_section() {
    let mut file = Keyfile::parse(TEXT);
    file.set("one", "a", "9");
    file.set("two", "d", "5");
    file.set("three", "e", "6");
    let wanted = "# a\n[one]\na=1\n; odd\nb = 2\n\n# of two\n[two]\nc=3\nd=5\n[one]\na=9\n\n[three]\ne=6\n";
    assert_eq!(file.text(), wanted);
}

#[test]
fn a_key_goes_wherever_its_section_is() {
    let mut file = Keyfile::parse(TEXT);
    file.remove("one", |key, _| key == "a");
    assert_eq!(file.text(), "# a\n[one]\n; odd\nb = 2\n\n# of two\n[two]\nc=3\n[one]\n");
}
