use super::*;

#[test]
fn each_verdict_that_refuses_names_its_limit() {
    for (verdict, named) in [
        ("before-floor", "[timesync] not-before"),
        ("too-far", "[timesync] max-step-days"),
        ("impossible", "nothing in the configuration"),
        ("late", "[timesync] max-delay-ms"),
        ("other-boot", "systemctl restart hv-timesyncd"),
    ] {
        let told = hint(verdict, None).unwrap();
        assert!(told.contains(named), "{verdict}: {told}");
    }
    for verdict in ["used", "outlier", "repeated", "", "something-new"] {
        assert_eq!(hint(verdict, None), None, "{verdict}");
    }
}

#[test]
fn one_that_is_late_among_others_is_no_matter() {
    let (just_now, long_ago) = (Some(Duration::from_secs(120)), Some(Duration::from_secs(121)));
    for verdict in ["late", "other-boot"] {
        assert_eq!(hint(verdict, just_now), None, "{verdict}");
        assert!(hint(verdict, long_ago).is_some(), "{verdict}");
    }
    assert!(hint("too-far", just_now).is_some());
}

#[test]
fn step_that_may_not_be_made_says_which_key_forbids_it() {
    let told = |offset, ours| hint_for_steps(NOT_ALLOWED, offset, ours).unwrap_or_default();
    assert_eq!(
        told(-79_200_000_000_000, true),
        "the clock is off by −79200.000 s, and [timesync] steps does not allow that step: it is slewed half a second at a \
         time at most, which takes long; steps = \"both\" lets it be stepped"
    );
    assert_eq!(
        told(1_000_000_001, false),
        "the clock is off by +1.000 s, and [timesync] steps does not allow that step: it is left to whoever keeps the clock; \
         steps = \"forward\" or \"both\" lets it be stepped"
    );
    assert_eq!(told(-1_000_000_000, true), "");
    assert_eq!(hint_for_steps("the host's clock is followed", 2_000_000_000, true), None);
}
