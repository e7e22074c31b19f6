//! The description in `dbus` is that of the object.

use hv_utils_core::testing::described::{introspect, members, repository};

use super::*;

#[test]
fn description_is_that_of_the_object() {
    run(async {
        let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
        let live = members(&introspect(&setup.client, TIMESYNC1, PATH).await, TIMESYNC1);
        let expected = [
            "method Samples ->a(txxxsss)",
            "property Accuracy x read false",
            "property Clients as read",
            "property Fed as read",
            "property Frequency d read false",
            "property Jitter x read false",
            "property LastAction (tsxs) read false",
            "property LastSample (txs) read false",
            "property LastStep (txs) read false",
            "property LastVerdict s read false",
            "property Mode s read",
            "property Offset x read false",
            "property Ruler s read",
            "property Source s read",
            "signal Sampled when:t offset:x delay:x verdict:s",
            "signal Stepped ns:x reason:s",
        ];
        assert_eq!(live, expected);
        assert_eq!(live, members(&repository("dbus/org.hvutils.TimeSync1.xml"), TIMESYNC1));
    });
}

#[test]
fn anyone_may_read_and_nobody_else_may_own_the_name() {
    let policy = repository("dbus/org.hvutils.TimeSync1.conf");
    let owners: Vec<&str> = policy.split("<policy ").filter(|part| part.contains("allow own=")).collect();
    assert_eq!(owners.len(), 2);
    assert!(owners[0].starts_with("user=\"hv-timesyncd\"") && owners[1].starts_with("user=\"root\""));
    assert!(!policy.contains("send_member=\"Set\""), "writable properties are root's");
}
