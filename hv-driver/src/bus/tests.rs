//! What a caller may name. The interface itself is tested on a bus, in the crate's `tests`.

use super::*;

fn call(names: &[&str]) -> Result<Vec<Component>, BusError> {
    named(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

#[test]
fn names_are_those_of_the_configuration() {
    let found = call(&["kvp", "file-copy"]).unwrap();
    assert_eq!(found.iter().map(|component| component.name).collect::<Vec<_>>(), ["kvp", "file-copy"]);
    assert_eq!(call(&[]).unwrap(), []);
}

#[test]
fn wrong_or_endless_names_are_refused_without_repeating_them() {
    let long = "x".repeat(100_000);
    let Err(BusError::InvalidArgument(text)) = call(&[&long]) else { panic!("accepted") };
    assert!(
        text.len() < 200 && text.contains("kvp, vss, timesync, shutdown, heartbeat, file-copy"),
        "{text}"
    );
    assert!(matches!(call(&["kvp"; 17]), Err(BusError::InvalidArgument(_))));
}
