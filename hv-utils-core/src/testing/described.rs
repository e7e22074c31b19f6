//! For tests: whether an object on the bus is what its file in `dbus` says of it.
//!
//! The same XML in two hands, `zbus`'s and a person's: it is compared by what it means, member by member. The bus files have
//! more in them, for `tests/house.sh` to look at.

#![expect(clippy::unwrap_used, reason = "for tests: what fails here fails the test")]

use std::fs;
use std::path::Path;

/// An interface as one line for each member, sorted, whatever the order of members and attributes: `method Inhibit who:s ->h`,
/// `signal Thawed frozen_us:t`, `property Sequence t read false`. The last word of a property is its `EmitsChangedSignal`, where
/// that is said. Results have no names on the bus.
///
/// # Panics
/// `xml` does not have the interface, or is not of that kind.
#[must_use]
pub fn members(xml: &str, interface: &str) -> Vec<String> {
    let start = xml.find(&format!("<interface name=\"{interface}\"")).unwrap();
    let body = &xml[start..start + xml[start..].find("</interface>").unwrap()];
    let mut found: Vec<String> = Vec::new();
    for tag in body.split('<').map(|text| text.split('>').next().unwrap_or_default()) {
        let name = attribute(tag, "name");
        match tag.split([' ', '/']).next().unwrap_or_default() {
            word @ ("method" | "signal") => found.push(format!("{word} {name}")),
            "property" => {
                found.push(format!(
                    "property {name} {} {}",
                    attribute(tag, "type"),
                    attribute(tag, "access")
                ));
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

/// An attribute's value; "" if there is none.
fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let value = tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest);
    value.and_then(|rest| rest.split_once('"')).map_or("", |(value, _)| value)
}

/// A file of this repository: `dbus/org.hvutils.Vss1.xml`.
///
/// # Panics
/// It cannot be read.
#[must_use]
pub fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

/// What the object at `path` says of itself on a bus, where its owner has `name`, as XML.
///
/// # Panics
/// It does not answer.
#[cfg(feature = "daemon")]
pub async fn introspect(client: &zbus::Connection, name: &str, path: &str) -> String {
    let proxy = zbus::fdo::IntrospectableProxy::builder(client).destination(name).path(path);
    proxy.build().await.unwrap().introspect().await.unwrap()
}

#[cfg(test)]
mod tests;
