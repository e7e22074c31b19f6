use super::*;

#[test]
fn the_number_alone_has_no_room_for_a_state() {
    let mut body = 7_u64.to_le_bytes();
    assert_eq!(fill(&mut body, Some(ApplicationState::Critical)), Some(8));
    assert_eq!(body, [8, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn without_a_word_to_say_everything_but_the_number_stays() {
    let mut body = [0xee; 16];
    body[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(parse(&body), Ok(u64::MAX));
    assert_eq!(fill(&mut body, None), Some(0));
    assert_eq!((&body[..8], &body[8..]), (&[0; 8][..], &[0xee; 8][..]));
}

#[test]
fn a_state_is_written_as_its_number_behind_the_sequence() {
    for (state, number, name) in [
        (ApplicationState::Unknown, 0, "unknown"),
        (ApplicationState::Healthy, 1, "healthy"),
        (ApplicationState::Critical, 2, "critical"),
        (ApplicationState::Stopped, 3, "stopped"),
    ] {
        let mut body = [0xee; 16];
        fill(&mut body, Some(state));
        assert_eq!(body[8..], [number, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
        assert_eq!((state.name(), name.parse()), (name, Ok(state)));
        assert_eq!(ApplicationState::from_number(number.into()), Some(state));
    }
    assert_eq!(ApplicationState::from_number(4), None);
}

#[test]
fn less_than_a_number_is_refused() {
    assert_eq!(parse(&[0; 7]), Err(Problem::TooShort { actual: 7 }));
    assert_eq!(fill(&mut [0; 7], None), None);
}

#[test]
fn the_worst_state_outweighs() {
    use ApplicationState::{Critical, Healthy, Stopped, Unknown};
    assert!(Healthy < Unknown && Unknown < Stopped && Stopped < Critical);
}
