use super::*;

const HEARTBEAT: Guid = Guid::from_u128(0x57164f39_9115_4e78_ab55_382f3bd5422d);

#[test]
fn first_three_fields_are_little_endian_on_the_wire() {
    let bytes =
        [0x39, 0x4f, 0x16, 0x57, 0x15, 0x91, 0x78, 0x4e, 0xab, 0x55, 0x38, 0x2f, 0x3b, 0xd5, 0x42, 0x2d];
    assert_eq!(HEARTBEAT.as_bytes(), &bytes);
    assert_eq!(Guid::from_bytes(bytes), HEARTBEAT);
}

#[test]
fn display_is_lower_case_without_braces() {
    assert_eq!(HEARTBEAT.to_string(), "57164f39-9115-4e78-ab55-382f3bd5422d");
    assert_eq!(Guid::from_u128(1).to_string(), "00000000-0000-0000-0000-000000000001");
}

#[test]
fn text_is_read_with_or_without_braces_in_any_case() {
    for text in [
        "57164f39-9115-4e78-ab55-382f3bd5422d",
        "{57164f39-9115-4e78-ab55-382f3bd5422d}",
        "{57164F39-9115-4E78-AB55-382F3BD5422D}",
    ] {
        assert_eq!(text.parse(), Ok(HEARTBEAT), "{text}");
    }
}

#[test]
fn other_text_is_refused() {
    for text in [
        "",
        "{",
        "{}",
        "57164f39",
        "{57164f39-9115-4e78-ab55-382f3bd5422d",
        "57164f39-9115-4e78-ab55-382f3bd5422d}",
        "57164f39-9115-4e78-ab55-382f3bd5422",
        "57164f39-9115-4e78-ab55-382f3bd5422dd",
        "57164f39 9115-4e78-ab55-382f3bd5422d",
        "57164f3-99115-4e78-ab55-382f3bd5422d",
        "g7164f39-9115-4e78-ab55-382f3bd5422d",
        "+7164f39-9115-4e78-ab55-382f3bd5422d",
        "57164f39-9115-4e78-ab55-382f3bd542é",
    ] {
        assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text}");
    }
}
