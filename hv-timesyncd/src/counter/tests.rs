use super::*;

#[test]
fn without_pairs_the_first_message_is_taken_at_its_arrival() {
    let mut counter = Counter::new(1_000_000_000);
    assert_eq!(counter.age(Some(1), 0, 5, Purpose::Sample), Ok(ARRIVAL));
    assert!(counter.wants_pairs(5));
}
