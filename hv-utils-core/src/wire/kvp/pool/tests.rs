use super::*;

#[test]
fn numbers_and_names_lead_back_to_their_pool() {
    for (number, name) in
        [(0, "external"), (1, "guest"), (2, "auto"), (3, "auto-external"), (4, "auto-internal")]
    {
        let pool = Pool::try_from(number).unwrap();
        assert_eq!((pool.number(), pool.name(), pool.to_string().as_str()), (number, name, name));
        assert_eq!(name.parse(), Ok(pool));
        assert_eq!(number.to_string().parse(), Ok(pool));
    }
    assert_eq!(Pool::ALL.map(Pool::number), [0, 1, 2, 3, 4]);
}

#[test]
fn anything_else_is_no_pool() {
    assert_eq!(Pool::try_from(5), Err(ParsePoolError));
    assert_eq!(Pool::try_from(255), Err(ParsePoolError));
    for text in ["", "5", "9", "00", "-1", "+1", "Guest", "guest ", "auto_external", "٣"] {
        assert_eq!(text.parse::<Pool>(), Err(ParsePoolError), "{text}");
    }
}
