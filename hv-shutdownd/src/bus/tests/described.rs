//! The description in `dbus` is that of the object.

use zbus::fdo::IntrospectableProxy;

use super::*;

/// An interface as one line per member, in order, whatever the order of attributes. Results have no names on the bus.
fn members(xml: &str) -> Vec<String> {
    let start = xml.find(&format!("<interface name=\"{SHUTDOWN1}\"")).unwrap();
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
            "annotation" => found.last_mut().unwrap().push_str(&format!(" {}", attribute(tag, "value"))),
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

#[test]
fn description_is_that_of_the_object() {
    run(async {
        let Some(setup) = Setup::start("description_is_that_of_the_object").await else { return };
        let proxy = IntrospectableProxy::builder(&setup.client).destination(SHUTDOWN1).path(PATH);
        let proxy = proxy.build().await.unwrap();
        let live = members(&proxy.introspect().await.unwrap());
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
        assert_eq!(live, members(&repository("dbus/org.hvutils.Shutdown1.xml")));
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
