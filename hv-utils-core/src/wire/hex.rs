//! Bytes typed by hand for tests, all else zero. Each line is one of
//! `OFFSET: hex bytes`, `OFFSET t: ASCII text`, `OFFSET u: ASCII text to be widened to UTF-16LE`.

/// `len` bytes, zero but for what `text` says.
pub(crate) fn sparse(len: usize, text: &str) -> Vec<u8> {
    let mut bytes = vec![0; len];
    patch(&mut bytes, text);
    bytes
}

/// Overwrites what `text` says.
pub(crate) fn patch(bytes: &mut [u8], text: &str) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (place, content) = line.split_once(':').expect("OFFSET: bytes");
        let (offset, kind) = place.split_once(' ').unwrap_or((place, "x"));
        let offset = usize::from_str_radix(offset, 16).expect("offset in hex");
        let content: Vec<u8> = match kind {
            "t" => content.trim().bytes().collect(),
            "u" => content.trim().bytes().flat_map(|byte| [byte, 0]).collect(),
            _ => content.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect(),
        };
        bytes[offset..offset + content.len()].copy_from_slice(&content);
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
