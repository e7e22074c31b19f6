//! The description in `dbus` is that of the object.

use zbus::fdo::IntrospectableProxy;

use super::*;

/// An interface as one line per member, in order, whatever the order of attributes. Results have no names on the bus.
fn members(xml: &str) -> Vec<String> {
    let start = xml.find(&format!("<interface name=\"{VSS1}\"")).unwrap();
    let body = &xml[start..start + xml[start..].find("</interface>").unwrap()];
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest);
        value.and_then(|rest| rest.split_once('"')).map(|(value, _)| value.to_owned()).unwrap_or_default()
    };
    let mut found: Vec<String> = Vec::new();
    for tag in body.split('<').map(|text| text.split('>').next().unwrap()) {
        let word = tag.split([' ', '/']).next().unwrap();
        let name = attribute(tag, "name");
        match word {
            "method" | "signal" => found.push(format!("{word} {name}")),
            "property" => {
                found.push(format!("{word} {name} {} {}", attribute(tag, "type"), attribute(tag, "access")));
            }
            "annotation" => found.last_mut().unwrap().push_str(&format!(" @{name}")),
            "arg" => {
                let result = attribute(tag, "direction") == "out";
                let name = if result { "->".to_owned() } else { format!("{name}:") };
                found.last_mut().unwrap().push_str(&format!(" {name}{}", attribute(tag, "type")));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn description_is_that_of_the_object() {
    let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
    let proxy = IntrospectableProxy::builder(&setup.client).destination(VSS1).path(PATH);
    let proxy = proxy.build().await.unwrap();
    let live = members(&proxy.introspect().await.unwrap());
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
    assert_eq!(live, members(&repository("dbus/org.hvutils.Vss1.xml")));
}
