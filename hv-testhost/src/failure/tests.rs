use std::time::Duration;

use super::*;

#[test]
fn a_hint_of_its_own_goes_before_that_of_its_kind_and_none_is_empty() {
    let own = Failure::NoAnswer(Why::from("nobody came").hint("call somebody"));
    assert_eq!((own.to_string().as_str(), &*own.hint()), ("nobody came", "call somebody"));
    let failures = [
        Failure::Refused { what: "set".to_owned(), status: Status::FAIL, asked: Asked::Items },
        Failure::RefusedBytes { status: Status::NO_MORE_ITEMS, payload: Vec::new() },
        Failure::Rule("x".into()),
        Failure::NoAnswer("x".into()),
        Failure::Guest("x".into()),
        Failure::Usage("x".into()),
        Failure::Host("x".into()),
        IcError::NoCommonVersion.into(),
        IcError::NoAnswer(Duration::from_secs(1)).into(),
    ];
    for failure in failures {
        assert!(!failure.hint().is_empty(), "{failure:?}");
    }
}

#[test]
fn each_way_to_have_no_answer_has_its_exit_code() {
    let limit = Duration::from_secs(1);
    let cases = [
        (IcError::NoAnswer(limit), exit::NO_ANSWER),
        (IcError::NotRead(limit), exit::NO_ANSWER),
        (IcError::Closed, exit::NO_ANSWER),
        (IcError::Link("x".to_owned()), exit::UNAVAILABLE),
        (IcError::NoCommonVersion, exit::REFUSED),
        (IcError::NotNegotiated, exit::REFUSED),
    ];
    for (error, code) in cases {
        assert_eq!(Failure::from(error.clone()).exit_code(), code, "{error:?}");
    }
}
