//! What the interface refuses before anybody is asked. The interface on a bus is tested with the whole stack.

use std::time::Duration;

use hv_utils_core::bus::Error;

use super::{bus_error, no_such_key, pool_named, whole, within, writable};
use crate::pool::{Field, Pool, PoolError};

#[test]
fn pools_have_names_on_the_bus_and_numbers_are_none() {
    for (name, pool) in [
        ("external", Pool::External),
        ("guest", Pool::Guest),
        ("auto", Pool::Auto),
        ("auto-external", Pool::AutoExternal),
        ("auto-internal", Pool::AutoInternal),
    ] {
        assert_eq!(pool_named(name).ok(), Some(pool));
    }
    for name in ["", "0", "Guest", "guest "] {
        assert!(matches!(pool_named(name), Err(Error::NoSuchPool(_))), "{name:?}");
    }
}

#[test]
fn limits_count_utf16_units_not_bytes_or_characters() {
    assert!(within(&"ü".repeat(254), "the key", 254).is_ok());
    assert!(within(&"𝄞".repeat(127), "the key", 254).is_ok());
    assert!(matches!(within(&"𝄞".repeat(128), "the key", 254), Err(Error::TooLong(_))));
    assert!(matches!(within(&"k".repeat(255), "the key", 254), Err(Error::TooLong(_))));
}

#[test]
fn nul_is_refused_because_the_host_would_cut_there() {
    assert!(matches!(within("a\0b", "the value", 1022), Err(Error::InvalidArgument(_))));
}

#[test]
fn each_failure_of_the_store_has_its_own_error_name() {
    let path = std::path::PathBuf::from("pool");
    let name = |error: PoolError| bus_error(&error);
    assert!(matches!(name(PoolError::NoSuchKey { pool: Pool::Guest, key: "k".into() }), Error::NoSuchKey(_)));
    assert!(matches!(name(PoolError::Full { pool: Pool::Guest, max: 1 }), Error::Full(_)));
    let busy = PoolError::Busy { path, waited: Duration::from_secs(5) };
    assert!(matches!(name(busy), Error::Busy(_)));
    let long = PoolError::TooLong { field: Field::Key, max: 511, actual: 600 };
    assert!(matches!(name(long), Error::TooLong(_)));
    assert!(matches!(name(PoolError::Stopped), Error::Failed(_)));
}

#[test]
fn overlong_argument_is_not_sent_back_whole() {
    let long = "\u{1}".repeat(1_000_000);
    let errors =
        [no_such_key(Pool::Guest, &long), pool_named(&long).unwrap_err(), writable(&long).unwrap_err()];
    for error in errors {
        assert!(error.to_string().len() < 1_000, "{} bytes", error.to_string().len());
    }
    assert!(no_such_key(Pool::Guest, "Colour").to_string().contains("\"Colour\""));
}

#[test]
fn pool_too_large_for_a_message_is_refused_and_not_cut() {
    let items = || vec![("Key".to_owned(), "value".to_owned())];
    assert_eq!(whole(Pool::Guest, (items(), false)).unwrap(), items());
    assert!(matches!(whole(Pool::Guest, (items(), true)), Err(Error::TooLong(_))));
}

#[test]
fn only_the_guest_pool_can_be_written_whatever_else_is_wrong() {
    assert!(writable("guest").is_ok());
    for pool in ["external", "auto", "auto-external", "auto-internal"] {
        assert!(matches!(writable(pool), Err(Error::ReadOnlyPool(_))), "{pool}");
    }
}
