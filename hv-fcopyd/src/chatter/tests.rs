//! A host that begins copies without end does not fill the log.

use super::*;

#[test]
fn so_many_lines_in_a_row_and_then_a_count() {
    let mut chatter = Chatter::default();
    let begin = Instant::now();
    let said = (0..100_000).filter(|_| chatter.admit(begin) == Some(0)).count();
    assert_eq!(said, 60);
    assert_eq!(chatter.admit(begin + PERIOD), Some(99_940));
    assert_eq!(chatter.admit(begin + PERIOD), Some(0));
}
