//! Words, addresses and nonsense.

use super::*;

#[test]
fn words_and_addresses_are_understood_and_the_rest_is_not() {
    assert_eq!("system".parse(), Ok(BusChoice::System));
    assert_eq!("session".parse(), Ok(BusChoice::Session));
    assert_eq!("none".parse(), Ok(BusChoice::None));
    assert!(matches!("unix:path=/x".parse(), Ok(BusChoice::Address(_))));
    assert!(matches!("unix:abstract=x".parse(), Ok(BusChoice::Address(_))));
    for nonsense in ["", "System", "/run/dbus/system_bus_socket", "unix:", "carrier:pigeon=1"] {
        assert_eq!(nonsense.parse::<BusChoice>(), Err(UnknownBus), "{nonsense}");
    }
}

#[test]
fn guid_of_a_bus_that_may_restart_is_left_out() {
    let choice: BusChoice = "unix:path=/x,guid=0123456789abcdef0123456789abcdef".parse().unwrap();
    let address = choice.address().unwrap().unwrap();
    assert_eq!(address.to_string(), "unix:path=/x");
    assert_eq!(BusChoice::None.address().unwrap(), None);
}

#[test]
fn only_a_socket_file_can_be_watched_for() {
    let path = |text: &str| socket_path(&Address::from_str(text).unwrap());
    assert_eq!(path("unix:path=/run/dbus/system_bus_socket"), Some("/run/dbus/system_bus_socket".into()));
    assert_eq!(path("unix:abstract=x"), None);
    assert_eq!(path("tcp:host=localhost,port=1"), None);
}
