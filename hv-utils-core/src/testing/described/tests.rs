//! Two descriptions of one interface are the same, and those of two are not.

use super::*;

const BY_HAND: &str = r#"<!-- a comment with a <method name="Gone"/> of before the interface -->
<node>
  <interface name="org.example.Other"><method name="Other"/></interface>
  <interface name="org.example.One">
    <!-- A comment. -->
    <signal name="Heard">
      <arg name="what" type="s"/>
    </signal>
    <method name="Ask">
      <arg name="who" type="s" direction="in"/>
      <arg name="how" type="a(ss)" direction="out"/>
    </method>
    <property name="Age" type="u" access="read"/>
    <property name="Count" type="t" access="readwrite">
      <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="false"/>
    </property>
  </interface>
</node>"#;

const BY_PROGRAM: &str = r#"<node><interface name="org.example.One"><method name="Ask"><arg type="s" name="who"
 direction="in"/><arg type="a(ss)" direction="out"/></method><property type="t" access="readwrite" name="Count"><annotation
 value="false" name="org.freedesktop.DBus.Property.EmitsChangedSignal"/></property><property access="read" name="Age" type="u"/>
<signal name="Heard"><arg type="s" name="what"/></signal></interface><interface name="org.example.Two"></interface></node>"#;

#[test]
fn order_and_layout_make_no_difference() {
    let expected = [
        "method Ask who:s ->a(ss)",
        "property Age u read",
        "property Count t readwrite false",
        "signal Heard what:s",
    ];
    assert_eq!(members(BY_HAND, "org.example.One"), expected);
    assert_eq!(members(&BY_PROGRAM.replace('\n', ""), "org.example.One"), expected);
}

#[test]
fn types_directions_access_and_annotations_do() {
    let all = members(BY_HAND, "org.example.One");
    for (from, to) in [
        ("type=\"s\" direction=\"in\"", "type=\"u\" direction=\"in\""),
        ("direction=\"out\"", "direction=\"in\""),
        ("access=\"read\"", "access=\"readwrite\""),
        ("value=\"false\"", "value=\"const\""),
        ("name=\"what\"", "name=\"why\""),
        ("signal name=\"Heard\"", "signal name=\"Seen\""),
    ] {
        assert!(BY_HAND.contains(from), "{from}");
        assert_ne!(members(&BY_HAND.replace(from, to), "org.example.One"), all, "{from} -> {to}");
    }
}

#[test]
fn other_interfaces_of_the_document_are_not_looked_at() {
    assert_eq!(members(BY_HAND, "org.example.Other"), ["method Other"]);
    assert_eq!(members(BY_PROGRAM, "org.example.Two"), [""; 0]);
}

#[test]
fn files_are_found_from_the_root_of_the_repository() {
    let described = members(&repository("dbus/org.hvutils.Service1.xml"), "org.hvutils.Service1");
    assert!(described.contains(&"property Version s read const".to_owned()), "{described:?}");
}
