//! The description in `dbus` is that of the object.

use hv_utils_core::testing::described::{introspect, members, repository};

use super::*;

#[tokio::test]
async fn description_is_that_of_the_object() {
    let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
    let live = members(&introspect(&setup.client, VSS1, PATH).await, VSS1);
    let expected = [
        "method Freeze timeout_s:u",
        "method History ->aa{sv}",
        "method Plan ->a(ssss)",
        "method Thaw",
        "property Deadline t read",
        "property FrozenMounts as read",
        "property FrozenSince t read",
        "property LastFreeze (ttsa(ssts)) read",
        "property Origin s read",
        "property State s read",
        "signal Frozen mounts:as",
        "signal Thawed frozen_us:t cause:s",
    ];
    assert_eq!(live, expected);
    assert_eq!(live, members(&repository("dbus/org.hvutils.Vss1.xml"), VSS1));
}
