use super::*;

#[test]
fn the_service_that_refused_is_asked_first() {
    for (asked, command) in [
        (Asked::Items, "hvctl kvp list"),
        (Asked::ShowAdapter, "hvctl ip show"),
        (Asked::ConfigureAdapter, "hvctl ip history"),
        (Asked::Shutdown, "hvctl shutdown status"),
        (Asked::Time, "hvctl time samples"),
        (Asked::Backup, "hvctl vss history"),
        (Asked::Copy, "hvctl copy history"),
        (Asked::Beat, "hvctl heartbeat status"),
    ] {
        let hint = refused(Status::FAIL, Some(asked));
        assert!(hint.starts_with(&format!("`{command}`")) && hint.contains("log"), "{hint}");
        let hint = refused(Status::NOT_SUPPORTED, Some(asked));
        assert!(hint.contains("agreed versions") && hint.contains(command), "{hint}");
    }
}

#[test]
fn an_adapter_that_is_not_there_is_called_one() {
    let hint = refused(Status::NOT_FOUND, Some(Asked::ConfigureAdapter));
    assert!(hint.contains("VMBus device id") && !hint.contains("key"), "{hint}");
}

#[test]
fn bytes_of_nobody_knows_what_leave_the_log() {
    assert!(refused(Status::FAIL, None).starts_with("the log of the guest's daemon"));
}
