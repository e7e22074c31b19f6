//! Arbitrary bytes as a message of file copy, of the raw channel and of the char device.
//!
//! Properties: no panic; a WRITE never has more than fits; names have no NUL; what was understood once is understood the same
//! after being sent again, as long as a host can send it. The first byte of the input chooses the form.
#![no_main]

use hv_utils_core::wire::fcopy::{self, MAX_DATA, Operation, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, body)) = input.split_first() else { return };
    let parsed = if choice & 1 == 0 { fcopy::parse(body) } else { fcopy::parse_chardev(body) };
    let request = match parsed {
        Ok(request) => request,
        Err(problem) => {
            assert!(!problem.status().is_ok() && !problem.to_string().is_empty());
            return;
        }
    };
    let again = match &request {
        Request::Start(start) => {
            assert!(!start.name.contains('\0') && !start.path.contains('\0'));
            fcopy::encode_start(start).expect("what fitted once fits again")
        }
        Request::Write { offset, data } => {
            assert!(data.len() <= MAX_DATA);
            fcopy::encode_write(*offset, data)
        }
        Request::Complete => fcopy::encode_bare(Operation::COMPLETE),
        Request::Cancel => fcopy::encode_bare(Operation::CANCEL),
    };
    assert_eq!(fcopy::parse(&again), Ok(request));
});
