use super::*;

#[test]
fn seconds_may_have_a_fraction_but_no_sign() {
    assert_eq!(seconds("0"), Ok(Duration::ZERO));
    assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
    for wrong in ["-1", "nan", "inf", "1e300", "", "1s"] {
        assert!(seconds(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn whole_seconds_begin_with_one() {
    assert_eq!((whole_seconds("1"), whole_seconds("4294967295")), (Ok(1), Ok(u32::MAX)));
    for wrong in ["0", "-1", "1.5", "4294967296", "", "soon"] {
        let told = whole_seconds(wrong).unwrap_err();
        assert_eq!(told, "expected a whole number of seconds, from 1 to 4294967295, such as 30", "{wrong:?}");
    }
}

#[test]
fn a_count_begins_with_one() {
    assert_eq!((count("1"), count("65535")), (Ok(1), Ok(u16::MAX)));
    for wrong in ["0", "-1", "65536", "", "all"] {
        assert_eq!(
            count(wrong).unwrap_err(),
            "expected a whole number, from 1 to 65535, such as 10",
            "{wrong:?}"
        );
    }
}
