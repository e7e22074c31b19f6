use clap::{CommandFactory as _, Parser as _};
use hv_utils_core::wire::kvp::Pool;

use super::{BusChoice, Cli, Kvp, Verb, pool, pools};

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn a_pool_is_a_name_or_a_number() {
    assert_eq!(pool("auto-external").unwrap(), Pool::AutoExternal);
    assert_eq!(pool("3").unwrap(), Pool::AutoExternal);
    assert_eq!(pool("Guest").unwrap_err().name, "org.hvutils.Error.NoSuchPool");
    assert_eq!(pools(None).unwrap(), Pool::ALL);
    assert_eq!(pools(Some("1")).unwrap(), [Pool::Guest]);
}

#[test]
fn a_bus_is_a_name_or_an_address() {
    assert_eq!("session".parse(), Ok(BusChoice::Session));
    assert_eq!("unix:path=/x".parse(), Ok(BusChoice::Address("unix:path=/x".to_owned())));
    assert!("none".parse::<BusChoice>().is_err());
    assert!("unix".parse::<BusChoice>().is_err());
}

#[test]
fn import_takes_the_pool_first_if_there_is_one() {
    let import = |args: &[&str]| match Cli::try_parse_from(["hvctl", "kvp", "import"].iter().chain(args)) {
        Ok(Cli { verb: Verb::Kvp(Kvp::Import { pool, file, .. }), .. }) => Some((pool, file)),
        _ => None,
    };
    assert_eq!(import(&["-"]), Some((None, "-".into())));
    assert_eq!(import(&["guest", "file"]), Some((Some("guest".to_owned()), "file".into())));
    assert_eq!(import(&[]), None);
}

#[test]
fn a_negative_number_is_a_value_and_an_option_is_not() {
    let set = |value: &str| match Cli::try_parse_from(["hvctl", "kvp", "set", "guest", "k", value]) {
        Ok(Cli { verb: Verb::Kvp(Kvp::Set { value, .. }), .. }) => Some(value),
        _ => None,
    };
    assert_eq!(set("-5").as_deref(), Some("-5"));
    assert_eq!(set("-").as_deref(), Some("-"));
    assert_eq!(set("--json"), None);
}

#[test]
fn a_negative_timeout_is_refused_for_what_it_is() {
    let error = Cli::try_parse_from(["hvctl", "kvp", "wait", "guest", "k", "--timeout", "-1"]).unwrap_err();
    assert!(error.to_string().contains("expected a number of seconds"), "{error}");
}
