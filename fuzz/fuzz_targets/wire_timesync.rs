//! Arbitrary bytes as the body of a host's time, in each version.
//!
//! Properties: what is too short is refused and nothing else; what was understood once is understood the same after being
//! sent again; a time that nanoseconds can say comes back from them to the tick. The first byte of the input chooses the
//! version.
#![no_main]

use hv_utils_core::wire::timesync::{self, Problem};
use hv_utils_core::wire::{Status, Version};
use libfuzzer_sys::fuzz_target;

const VERSIONS: [Version; 4] =
    [Version::new(1, 0), Version::new(3, 0), Version::new(4, 0), Version::new(u16::MAX, u16::MAX)];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, body)) = input.split_first() else { return };
    let version = VERSIONS[usize::from(choice & 3)];
    let message = match timesync::parse(body, version) {
        Ok(message) => message,
        Err(problem @ Problem::TooShort { needed, actual, .. }) => {
            assert!(actual == body.len() && actual < needed && needed <= 25);
            assert_eq!(problem.status(), Status::FAIL);
            return;
        }
    };
    assert_eq!(message.reference.is_some(), version >= timesync::REFERENCE);
    let again = timesync::encode(&message, version);
    assert_eq!(timesync::parse(&again, version), Ok(message));
    if let Some(nanoseconds) = timesync::unix_nanos(message.parent_time) {
        assert_eq!(timesync::parent_time(nanoseconds), message.parent_time);
        let later = nanoseconds.saturating_add(99);
        assert_eq!(timesync::parent_time(later), message.parent_time);
    }
});
