use super::*;
use alloc::vec;
use alloc::vec::Vec;

const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);
const V6: Version = Version::new(6, 0);

fn body(operation: u8, bytes: usize) -> Vec<u8> {
    let mut body = vec![0xee; bytes];
    body[0] = operation;
    body
}

#[test]
fn every_operation_is_read_from_its_version_on_if_it_is_whole() {
    // Operation, bytes that a host sends, bytes without which it is refused.
    for (operation, sent, needed, since) in [
        (0, 24, 24, V4),
        (0, 28, 24, V4),
        (1, 24, 24, V4),
        (2, 12, 12, V4),
        (3, 12, 12, V4),
        (4, 12, 12, V4),
        (5, 6260, 20, V5),
        (6, 12, 12, V5),
        (7, 12500, 20, V5),
        (8, 7312, 7312, V6),
        (8, 7320, 7312, V6),
    ] {
        assert_eq!(parse(&body(operation, sent), since), Ok(Operation(operation)), "{operation}");
        assert_eq!(parse(&body(operation, needed), since), Ok(Operation(operation)), "{operation}");
        let short = parse(&body(operation, needed - 1), since).unwrap_err();
        assert!(matches!(short, Problem::TooShort { .. }), "{operation}: {short}");
        if since > V4 {
            let older = Version::new(since.major - 1, 0);
            assert_eq!(parse(&body(operation, sent), older), Err(Problem::Operation(Operation(operation))));
        }
    }
}

#[test]
fn nonsense_is_refused_as_failure() {
    assert_eq!(parse(&[], V5), Err(Problem::Empty));
    for operation in [9, 128, 129, 255] {
        let problem = parse(&body(operation, 6260), V6).unwrap_err();
        assert_eq!((problem, problem.status().0), (Problem::Operation(Operation(operation)), 0x8000_4005));
    }
}

#[test]
fn the_char_device_has_three_operations_in_twelve_bytes() {
    for operation in 0..=255 {
        let expected = if matches!(operation, 2 | 5 | 6) {
            Ok(Operation(operation))
        } else {
            Err(Problem::Operation(Operation(operation)))
        };
        assert_eq!(parse_chardev(&body(operation, 12)), expected);
    }
    assert!(matches!(parse_chardev(&body(5, 11)), Err(Problem::TooShort { needed: 12, actual: 11, .. })));
    assert_eq!(parse_chardev(&[]), Err(Problem::Empty));
}

#[test]
fn a_check_is_answered_with_flags_5_and_direct_mapped_devices_with_0() {
    let mut check = body(2, 12);
    fill(Operation::HOT_BACKUP, &mut check);
    assert_eq!(check, [2, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 5, 0, 0, 0]);
    let mut devices = body(3, 12);
    fill(Operation::GET_DM_INFO, &mut devices);
    assert_eq!(devices, [3, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0, 0, 0, 0]);
    // Too short for it, as no request that was read is.
    let mut cut = body(2, 11);
    fill(Operation::HOT_BACKUP, &mut cut);
    assert_eq!(cut, body(2, 11));
}

#[test]
fn everything_else_goes_back_as_it_came() {
    for (operation, bytes) in [(0, 28), (1, 24), (4, 12), (5, 6260), (6, 12), (7, 12500)] {
        let mut message = body(operation, bytes);
        fill(Operation(operation), &mut message);
        assert_eq!(message, body(operation, bytes));
    }
}

#[test]
fn a_guest_without_a_cluster_says_so() {
    let mut query = body(8, 7320);
    fill(Operation::QUERY_CLUSTER, &mut query);
    assert!(query[8..28].iter().all(|byte| *byte == 0), "no cluster id, no members");
    assert!(query[28..32 + 260 * 24].iter().all(|byte| *byte == 0xee), "the units as they came");
    assert!(query[32 + 260 * 24..7312].iter().all(|byte| *byte == 0), "nothing to say about them");
    assert!(query[7312..].iter().all(|byte| *byte == 0xee), "the time of the last move as it came");
}
