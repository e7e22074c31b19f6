use super::{Code, Error, of_reply};

#[test]
fn each_dbus_error_has_its_exit_code_and_advice() {
    let table = [
        ("org.hvutils.Error.NoSuchKey", Code::NotFound),
        ("org.hvutils.Error.NoSuchPool", Code::NotFound),
        ("org.hvutils.Error.NoSuchAdapter", Code::NotFound),
        ("org.hvutils.Error.TooLong", Code::Failed),
        ("org.hvutils.Error.ReadOnlyPool", Code::Failed),
        ("org.hvutils.Error.NotAuthorized", Code::Denied),
        ("org.hvutils.Error.NotSupported", Code::Failed),
        ("org.hvutils.Error.Busy", Code::Failed),
        ("org.hvutils.Error.Full", Code::Failed),
        ("org.hvutils.Error.InvalidArgument", Code::Failed),
        ("org.hvutils.Error.SomethingNew", Code::Failed),
        ("org.freedesktop.DBus.Error.ServiceUnknown", Code::Unavailable),
        ("org.freedesktop.DBus.Error.NameHasNoOwner", Code::Unavailable),
        ("org.freedesktop.DBus.Error.NoReply", Code::Unavailable),
        ("org.freedesktop.DBus.Error.TimedOut", Code::Unavailable),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", Code::Unavailable),
        ("org.freedesktop.systemd1.NoSuchUnit", Code::Unavailable),
        ("org.freedesktop.DBus.Error.AccessDenied", Code::Denied),
        ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Code::Denied),
        ("org.freedesktop.DBus.Error.UnknownMethod", Code::Failed),
        ("org.freedesktop.DBus.Error.LimitsExceeded", Code::Failed),
        ("com.example.Other", Code::Failed),
    ];
    for (name, code) in table {
        let error = of_reply("hv-kvpd", name.to_owned(), "");
        assert_eq!((error.code, error.name.as_str()), (code, name));
        assert!(!error.message.is_empty() && !error.hint.is_empty(), "{name}: {error:?}");
    }
}

#[test]
fn the_daemons_own_sentence_is_kept() {
    let error = of_reply("hv-kvpd", "org.hvutils.Error.Busy".to_owned(), "the pool is locked by pid 7");
    assert_eq!(error.message, "the pool is locked by pid 7");
    assert_eq!(error.short_name(), "Busy");
}

#[test]
fn what_applications_may_not_report_has_a_hint_that_names_the_key() {
    let error = of_reply("hv-heartbeatd", "org.hvutils.Error.NotSupported".to_owned(), "they may not");
    assert!(error.hint.contains("applications = true in [heartbeat]"), "{error:?}");
}

#[test]
fn waiting_makes_sense_for_a_daemon_but_not_for_a_bus() {
    assert!(
        of_reply("hv-kvpd", "org.freedesktop.DBus.Error.ServiceUnknown".to_owned(), "").is_absent_daemon()
    );
    assert!(Error::silent("hv-kvpd").is_absent_daemon());
    assert!(!Error::no_bus("system bus", "gone").is_absent_daemon());
    assert!(!Error::no_such_pool("x").is_absent_daemon());
}
