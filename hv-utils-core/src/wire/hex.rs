//! Bytes typed by hand for tests: lines of `OFFSET: hex bytes`, all else zero.

/// `len` bytes, zero but for what `text` says.
pub(crate) fn sparse(len: usize, text: &str) -> Vec<u8> {
    let mut bytes = vec![0; len];
    patch(&mut bytes, text);
    bytes
}

/// Overwrites what `text` says.
pub(crate) fn patch(bytes: &mut [u8], text: &str) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (offset, digits) = line.split_once(':').expect("OFFSET: bytes");
        let offset = usize::from_str_radix(offset, 16).expect("offset in hex");
        for (position, byte) in digits.split_whitespace().enumerate() {
            bytes[offset + position] = u8::from_str_radix(byte, 16).expect("byte in hex");
        }
    }
}

/// Fails with the first difference, not with two screens of bytes.
#[track_caller]
pub(crate) fn assert_same(actual: &[u8], expected: &[u8]) {
    assert_eq!(actual.len(), expected.len(), "lengths differ");
    let difference = actual.iter().zip(expected).position(|(a, e)| a != e);
    if let Some(at) = difference {
        panic!("byte {at:#x} is {:#04x}, expected {:#04x}", actual[at], expected[at]);
    }
}
