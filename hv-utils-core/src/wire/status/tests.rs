use super::*;

#[test]
fn values_are_those_of_the_protocol() {
    for (status, value) in [
        (Status::OK, 0),
        (Status::FAIL, 0x8000_4005),
        (Status::NO_MORE_ITEMS, 0x8007_0103),
        (Status::NOT_SUPPORTED, 0x8007_0032),
        (Status::MACHINE_LOCKED, 0x8007_04F7),
        (Status::DEVICE_NOT_CONNECTED, 0x8007_048F),
        (Status::INVALID_ARG, 0x8007_0057),
        (Status::NOT_FOUND, 0x8004_1002),
        (Status::ALREADY_EXISTS, 0x8007_0050),
        (Status::DISK_FULL, 0x8007_0070),
    ] {
        assert_eq!(status.0, value);
    }
}

#[test]
fn display_names_what_it_knows_and_shows_what_it_does_not() {
    assert_eq!(Status::NO_MORE_ITEMS.to_string(), "0x80070103 (no more items)");
    assert_eq!(Status::OK.to_string(), "0x00000000 (success)");
    assert_eq!(Status(0x8007_0016).to_string(), "0x80070016");
}
