use super::{Look, look, narrowest};

const LOOK: Look = Look { ticks: u64::MAX, real: -5, raw: 7, width: 300 };

#[test]
fn look_comes_back_from_bytes_and_from_a_line() {
    assert_eq!(Look::from_bytes(&LOOK.to_bytes()), Some(LOOK));
    assert_eq!(LOOK.to_string().parse(), Ok(LOOK));
}

#[test]
fn what_is_no_look_is_refused() {
    assert_eq!(Look::from_bytes(&LOOK.to_bytes()[1..]), None);
    assert!("1 2 3".parse::<Look>().is_err());
    assert!("1 2 3 four".parse::<Look>().is_err());
}

#[test]
fn narrowest_look_counts() {
    let widths = std::cell::RefCell::new(vec![9, 4, 6]);
    let once = || widths.borrow_mut().remove(0);
    assert_eq!(narrowest(3, once, |width| *width), 4);
}

#[test]
fn clocks_of_two_looks_go_on_alike() {
    let first = look();
    let second = look();
    assert!(second.ticks > first.ticks && second.raw > first.raw, "{first} and {second}");
}
