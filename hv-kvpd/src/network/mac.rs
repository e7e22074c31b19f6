//! MAC addresses as hosts and people write them.
//!
//! OpenVMM sends `00:15:5D:01:02:03`; what Windows sends is not documented, and Hyper-V Manager shows `00155D010203`.
//! So punctuation and case do not count.

use std::fmt::Write;

use hv_utils_core::network::HardwareAddress;

/// Bytes of a MAC address.
const BYTES: usize = 6;

/// Reads six bytes in any punctuation (`:`, `-`, `.`, spaces, braces, none) and case; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<HardwareAddress> {
    let inner = text.trim_matches(|character: char| character.is_whitespace() || "{}".contains(character));
    let groups: Vec<&str> = inner.split([':', '-', '.', ' ']).collect();
    let single = groups.len() == BYTES && groups.iter().all(|group| matches!(group.len(), 1 | 2));
    let digits: String = match single {
        true => groups.iter().map(|group| format!("{group:0>2}")).collect(),
        false => groups.concat(),
    };
    if digits.len() != 2 * BYTES || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (place, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *place = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(HardwareAddress::new(&bytes))
}

/// As hosts write it: upper case, `:` between the bytes.
pub(super) fn text(address: &HardwareAddress) -> String {
    let mut text = String::new();
    for (position, byte) in address.as_bytes().iter().enumerate() {
        let separator = if position > 0 { ":" } else { "" };
        write!(text, "{separator}{byte:02X}").expect("a String takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{HardwareAddress, parse, text};

    #[test]
    fn punctuation_and_case_do_not_count() {
        let address = HardwareAddress::new(&[0x00, 0x15, 0x5d, 0x01, 0x0a, 0x03]);
        for written in [
            "00:15:5D:01:0A:03",
            "00-15-5d-01-0a-03",
            "00155d010a03",
            "00155D010A03",
            "0015.5d01.0a03",
            "{00155D010A03}",
            " 00 15 5d 01 0a 03 ",
            "0:15:5d:1:a:3",
        ] {
            assert_eq!(parse(written), Some(address), "{written:?}");
        }
        assert_eq!(text(&address), "00:15:5D:01:0A:03");
    }

    #[test]
    fn what_is_no_mac_address_is_none() {
        for written in [
            "",
            "eth0",
            "00:15:5D:01:0A",
            "00:15:5D:01:0A:03:04",
            "00:15:5D:01:0A:0G",
            "+0:15:5D:01:0A:03",
            "00155d010a0",
            "ü0155d010a0",
            "{57164f39-9115-4e78-ab55-382f3bd5422d}",
        ] {
            assert_eq!(parse(written), None, "{written:?}");
        }
    }
}
