use super::*;
use zerocopy::IntoBytes;

#[test]
fn order_is_major_then_minor() {
    let versions = [Version::new(1, 0), Version::new(3, 0), Version::new(3, 2), Version::new(10, 1)];
    assert!(versions.is_sorted());
    assert!(Version::new(3, 9) < Version::new(4, 0));
}

#[test]
fn text_round_trips() {
    for text in ["1.0", "3.2", "65535.65535"] {
        assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
    }
}

#[test]
fn other_text_is_refused() {
    for text in ["", "3", "3.", ".0", "3.0.0", "+3.0", "3.-1", " 3.0", "65536.0", "v3.0", "3,0"] {
        assert_eq!(text.parse::<Version>(), Err(ParseVersionError), "{text}");
    }
}

#[test]
fn wire_form_is_two_little_endian_numbers() {
    assert_eq!(RawVersion::from(Version::new(3, 0x0102)).as_bytes(), [3, 0, 2, 1]);
}
