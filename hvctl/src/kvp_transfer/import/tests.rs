use super::foretell;
use crate::output::Item;

fn refusal(pool: &str, key: &str, value: &str) -> Option<String> {
    let item = Item { pool: pool.to_owned(), key: key.to_owned(), value: value.to_owned() };
    foretell(&item).err().map(|error| error.short_name().to_owned())
}

#[test]
fn foretell_counts_utf16_units_not_bytes() {
    assert_eq!(refusal("guest", &"é".repeat(254), &"é".repeat(1022)), None);
    assert_eq!(refusal("guest", &"é".repeat(255), "").as_deref(), Some("TooLong"));
    assert_eq!(refusal("guest", "k", &"é".repeat(1023)).as_deref(), Some("TooLong"));
    // Outside the basic plane a character has two units.
    assert_eq!(refusal("guest", "k", &"😀".repeat(511)), None);
    assert_eq!(refusal("guest", "k", &"😀".repeat(512)).as_deref(), Some("TooLong"));
}

#[test]
fn foretell_knows_the_other_reasons() {
    assert_eq!(refusal("guest", "", "v").as_deref(), Some("InvalidArgument"));
    assert_eq!(refusal("guest", "k", "a\0b").as_deref(), Some("InvalidArgument"));
    assert_eq!(refusal("auto", "k", "v").as_deref(), Some("ReadOnlyPool"));
    assert_eq!(refusal("elsewhere", "k", "v").as_deref(), Some("NoSuchPool"));
}
