use super::Encoding::{Utf8, Utf16};
use super::*;
use proptest::prelude::*;

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A field of 16 bytes that starts like this and goes on with 0xff.
fn field(start: &[u8]) -> [u8; 16] {
    let mut field = [0xff; 16];
    field[..start.len()].copy_from_slice(start);
    field
}

#[test]
fn counted_text_ends_before_its_first_nul() {
    for (start, size, expected) in [
        (wide("ab\0"), 6, "ab"),
        (wide("ab\0\0"), 8, "ab"),
        (wide("a\0b\0"), 8, "a"),
        (wide("\0"), 2, ""),
        (wide("é\u{1f600}\0"), 8, "é\u{1f600}"),
        (wide("sevenof\0"), 16, "sevenof"),
    ] {
        assert_eq!(Utf16.counted("x", &field(&start), size).as_deref(), Ok(expected));
    }
    for (start, size, expected) in
        [("ab\0", 3, "ab"), ("a\0b\0", 4, "a"), ("\0", 1, ""), ("é\u{1f600}\0", 7, "é\u{1f600}")]
    {
        assert_eq!(Utf8.counted("x", &field(start.as_bytes()), size).as_deref(), Ok(expected));
    }
}

#[test]
fn what_follows_the_nul_is_not_looked_at() {
    let mut bytes = field(&wide("a\0"));
    bytes[4..6].copy_from_slice(&0xd800_u16.to_le_bytes());
    assert_eq!(Utf16.counted("x", &bytes, 6).as_deref(), Ok("a"));
    assert_eq!(Utf8.counted("x", &field(b"a\0\xff"), 3).as_deref(), Ok("a"));
}

#[test]
fn malformed_counted_text_is_named() {
    let x = "x";
    let high = [0x61, 0, 0, 0xd8, 0x61, 0, 0, 0];
    let low = [0x61, 0, 0, 0xdc, 0, 0, 0, 0];
    let at_end = [0x61, 0, 0x3d, 0xd8, 0, 0, 0, 0];
    for (start, size, problem) in [
        (&wide("ab\0")[..], 5, Problem::OddSize { field: x, size: 5 }),
        (&wide("ab\0")[..], 4, Problem::Unterminated { field: x }),
        (&wide("ab\0")[..], 0, Problem::Unterminated { field: x }),
        (&wide("ab\0")[..], 18, Problem::TooLong { field: x, size: 18, max: 16 }),
        (&wide("ab\0")[..], u32::MAX, Problem::TooLong { field: x, size: u32::MAX, max: 16 }),
        (&high[..], 8, Problem::UnpairedSurrogate { field: x }),
        (&low[..], 8, Problem::UnpairedSurrogate { field: x }),
        (&at_end[..], 8, Problem::UnpairedSurrogate { field: x }),
        // NUL bytes, but no NUL unit
        (&[0x61, 0, 0, 0x61][..], 4, Problem::Unterminated { field: x }),
    ] {
        assert_eq!(Utf16.counted(x, &field(start), size), Err(problem));
    }
    assert_eq!(Utf8.counted(x, &field(b"ab\0"), 2), Err(Problem::Unterminated { field: x }));
    assert_eq!(Utf8.counted(x, &field(b"a\xff\0"), 3), Err(Problem::NotUtf8 { field: x }));
    assert_eq!(Utf8.counted(x, &field(b""), 17), Err(Problem::TooLong { field: x, size: 17, max: 16 }));
}

#[test]
fn field_text_may_fill_its_field() {
    assert_eq!(Utf16.field("x", &wide("eightofn")).as_deref(), Ok("eightofn"));
    assert_eq!(Utf8.field("x", b"full").as_deref(), Ok("full"));
    assert_eq!(Utf16.field("x", &field(&wide("ab\0"))).as_deref(), Ok("ab"));
    assert_eq!(Utf8.field("x", &[0; 4]).as_deref(), Ok(""));
}

#[test]
fn written_text_leaves_nothing_of_what_was_there() {
    let mut bytes = [0xff; 8];
    assert_eq!(Utf16.write("x", "ab", &mut bytes), Ok(6));
    assert_eq!(bytes, [0x61, 0, 0x62, 0, 0, 0, 0, 0]);
    let mut bytes = [0xff; 6];
    assert_eq!(Utf8.write("x", "é", &mut bytes), Ok(3));
    assert_eq!(bytes, [0xc3, 0xa9, 0, 0, 0, 0]);
}

#[test]
fn text_with_a_nul_is_written_up_to_it() {
    let mut bytes = [0xff; 8];
    assert_eq!(Utf16.write("x", "a\0b", &mut bytes), Ok(4));
    assert_eq!(bytes, [0x61, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn text_must_leave_room_for_its_nul() {
    let mut bytes = [7; 6];
    assert_eq!(Utf16.write("x", "ab", &mut bytes), Ok(6));
    let too_long = |size| Err(Problem::TooLong { field: "x", size, max: 6 });
    let mut bytes = [7; 6];
    assert_eq!(Utf16.write("x", "abc", &mut bytes), too_long(8));
    assert_eq!(Utf16.write("x", "a\u{1f600}", &mut bytes), too_long(8));
    assert_eq!(Utf8.write("x", "sixsix", &mut bytes), too_long(7));
    assert_eq!(bytes, [7; 6], "nothing was written");
}

proptest! {
    #[test]
    fn text_survives_its_way_through_a_field(text in "[^\0]{0,60}", utf8 in any::<bool>()) {
        let encoding = if utf8 { Utf8 } else { Utf16 };
        let mut bytes = [0xff; 300];
        let size = encoding.write("x", &text, &mut bytes).unwrap();
        prop_assert_eq!(encoding.counted("x", &bytes, size).unwrap(), text.clone());
        prop_assert_eq!(encoding.field("x", &bytes).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_text_or_a_problem(bytes in proptest::collection::vec(any::<u8>(), 0..40), size in 0..50_u32) {
        for encoding in [Utf8, Utf16] {
            if let Ok(text) = encoding.counted("x", &bytes, size) {
                prop_assert!(!text.contains('\0'));
                prop_assert!(text.len() <= bytes.len() * 3);
            }
        }
    }
}
