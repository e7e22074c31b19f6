//! The description in `dbus` is that of the object.

use hv_utils_core::testing::described::{introspect, members, repository};

use super::*;

#[test]
fn description_is_that_of_the_object() {
    run(async {
        let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
        let live = members(&introspect(&setup.client, SHUTDOWN1, PATH).await, SHUTDOWN1);
        let expected = [
            "method History ->a(tsbuuss)",
            "method Inhibit who:s why:s ->h",
            "property CanHibernate (bs) read false",
            "property Inhibitors a(ssut) read",
            "property LastRequest (tsbuus) read",
            "property Outcome s read",
            "property Pending b read",
            "signal Requested when:t kind:s forced:b reason:u timeout:u text:s",
        ];
        assert_eq!(live, expected);
        assert_eq!(live, members(&repository("dbus/org.hvutils.Shutdown1.xml"), SHUTDOWN1));
    });
}

#[test]
fn anyone_may_read_and_nobody_else_may_own_the_name() {
    let policy = repository("dbus/org.hvutils.Shutdown1.conf");
    let owners: Vec<&str> = policy.split("<policy ").filter(|part| part.contains("allow own=")).collect();
    assert_eq!(owners.len(), 1);
    assert!(owners[0].starts_with("user=\"root\""));
    assert!(!policy.contains("send_member=\"Set\""), "writable properties are root's");
}
