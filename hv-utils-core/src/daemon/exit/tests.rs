//! Codes are interface: units name them.

use super::*;

#[test]
fn codes_are_those_of_sysexits() {
    let codes =
        [Exit::Usage, Exit::Unavailable, Exit::Internal, Exit::Busy, Exit::NotPermitted, Exit::Config];
    assert_eq!(codes.map(Exit::code), [64, 69, 70, 75, 77, 78]);
}

#[test]
fn what_the_system_forbids_is_77_and_the_rest_70() {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let exits = [PermissionDenied, ReadOnlyFilesystem, NotFound, StorageFull]
        .map(|kind| exit_of(&kind.into()).code());
    assert_eq!(exits, [77, 77, 70, 70]);
}

#[test]
fn failure_of_a_system_call_says_what_on_what_and_why() {
    let failure =
        Failure::io("create the directory", Path::new("/run/x"), &io::ErrorKind::PermissionDenied.into());
    assert_eq!(
        (failure.exit(), failure.to_string().as_str()),
        (Exit::NotPermitted, "cannot create the directory /run/x: permission denied")
    );
}
