use super::*;

#[test]
fn values_are_read_by_their_type() {
    assert_eq!(Value::parse(ValueType::Sz, "0x10"), Ok(Value::Sz("0x10".to_owned())));
    assert_eq!(Value::parse(ValueType::Dword, "0x10"), Ok(Value::Dword(16)));
    assert_eq!(Value::parse(ValueType::Dword, "4294967295"), Ok(Value::Dword(u32::MAX)));
    assert_eq!(Value::parse(ValueType::Qword, "4294967296"), Ok(Value::Qword(1 << 32)));
    for (kind, text) in [
        (ValueType::Dword, "4294967296"),
        (ValueType::Qword, "-1"),
        (ValueType::U64, ""),
        (ValueType::Dword, "0x"),
    ] {
        assert_eq!(Value::parse(kind, text), Err(AskError::NotANumber(text.to_owned())));
    }
}

#[test]
fn lengths_count_utf16_units() {
    let face = "\u{1f600}";
    assert!(get(Pool::Guest, &face.repeat(127)).is_ok());
    assert_eq!(get(Pool::Guest, &face.repeat(128)), Err(AskError::LongKey(256)));
    let value = |text: String| check_lengths("k", &Value::Sz(text));
    assert_eq!(value("v".repeat(1023)), Ok(()));
    assert_eq!(value("v".repeat(1024)), Err(AskError::LongValue(1024)));
    assert_eq!(delete(Pool::Guest, &"k".repeat(256)), Err(AskError::LongKey(256)));
}

#[test]
fn both_numbers_of_64_bits_reach_the_message() {
    let kind = |value: Value| {
        let request = set(Pool::External, "k", &value).unwrap();
        body(&request, Version::new(5, 0)).unwrap()[4]
    };
    assert_eq!((kind(Value::Qword(1)), kind(Value::U64(1))), (11, 8));
    assert_eq!((kind(Value::Sz(String::new())), kind(Value::ExpandSz(String::new()))), (1, 2));
    assert_eq!(kind(Value::Dword(1)), 4);
}

#[test]
fn names_of_requests_are_for_reports() {
    assert_eq!(name(&enumerate(Pool::Auto, 3)), "enumerate");
    assert_eq!(name(&get(Pool::Auto, "k").unwrap()), "get");
    assert_eq!(name(&HostRequest::Other { operation: 9, pool: 0 }), "unknown operation");
}
