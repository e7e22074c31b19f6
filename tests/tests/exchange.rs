//! The exchange as a person knows it: the host's verbs on one side, `hvctl` on the other.

use hv_utils_tests::{Stack, StackOptions};

fn stack() -> Option<Stack> {
    Stack::start(StackOptions::default())
}

#[test]
fn item_of_the_host_is_read_in_the_guest() {
    let Some(stack) = stack() else { return };
    stack.host(&["add-kvp", "Colour", "green"]).expect_code(0);
    assert_eq!(stack.hvctl(&["kvp", "get", "external", "Colour"]).expect_code(0).text(), "green");
    stack.host(&["modify-kvp", "Colour", "grün €𝄞"]).expect_code(0);
    assert_eq!(stack.hvctl(&["kvp", "get", "0", "Colour"]).expect_code(0).text(), "grün €𝄞");
    stack.host(&["remove-kvp", "Colour"]).expect_code(0);
    stack.hvctl(&["kvp", "get", "external", "Colour"]).expect_code(2);
}

#[test]
fn item_of_the_guest_is_read_on_the_host() {
    let Some(stack) = stack() else { return };
    stack.hvctl(&["kvp", "set", "guest", "Role", "database"]).expect_code(0);
    let items = stack.host(&["get-guest-items"]).expect_code(0);
    assert!(items.stdout.contains("Role") && items.stdout.contains("database"), "{}", items.stdout);
    stack.hvctl(&["kvp", "delete", "guest", "Role"]).expect_code(0);
    let items = stack.host(&["get-guest-items"]).expect_code(0);
    assert!(!items.stdout.contains("Role"), "{}", items.stdout);
}

#[test]
fn pool_of_the_host_is_read_only_on_the_bus() {
    let Some(stack) = stack() else { return };
    let refused = stack.hvctl(&["kvp", "set", "external", "Colour", "red"]).expect_code(1);
    assert!(refused.stderr.contains("guest only"), "{}", refused.stderr);
}

#[test]
fn intrinsic_items_are_the_ten_in_their_order_and_tell_no_errors() {
    let Some(stack) = stack() else { return };
    let listed = stack.host(&["--json", "get-guest-intrinsic-items"]).expect_code(0);
    let object: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one JSON object");
    let items = object["items"].as_array().expect("a list of items");
    let keys: Vec<&str> = items.iter().take(10).map(|item| item["key"].as_str().unwrap_or("?")).collect();
    let expected = [
        "FullyQualifiedDomainName",
        "IntegrationServicesVersion",
        "NetworkAddressIPv4",
        "NetworkAddressIPv6",
        "OSBuildNumber",
        "OSName",
        "OSMajorVersion",
        "OSMinorVersion",
        "OSVersion",
        "ProcessorArchitecture",
    ];
    assert_eq!(keys, expected);
    let value = |key: &str| {
        let item = items.iter().find(|item| item["key"] == key).expect("the key is there");
        item["value"].as_str().expect("a text").to_owned()
    };
    let uname = rustix::system::uname();
    assert_eq!(value("OSBuildNumber"), uname.release().to_string_lossy());
    assert_eq!(value("ProcessorArchitecture"), uname.machine().to_string_lossy());
    assert!(!value("FullyQualifiedDomainName").contains("failed"));
}

#[test]
fn host_items_tell_the_guest_where_it_runs() {
    let Some(stack) = stack() else { return };
    let waited = stack.hvctl(&["kvp", "wait", "auto-external", "VirtualMachineName", "--timeout", "20"]);
    let name = waited.expect_code(0);
    assert!(!name.text().is_empty());
    assert!(stack.hvctl(&["host"]).expect_code(0).stdout.contains(name.text()));
}

#[test]
fn longest_items_pass_and_one_unit_more_does_not() {
    let Some(stack) = stack() else { return };
    let (key, value) = ("k".repeat(255), "v".repeat(1023));
    stack.host(&["add-kvp", &key, &value]).expect_code(0);
    assert_eq!(stack.hvctl(&["kvp", "get", "external", &key]).expect_code(0).text(), value);
    let (key, value) = ("k".repeat(254), "v".repeat(1022));
    stack.hvctl(&["kvp", "set", "guest", &key, &value]).expect_code(0);
    stack.hvctl(&["kvp", "set", "guest", &format!("{key}k"), "v"]).expect_code(1);
    stack.hvctl(&["kvp", "set", "guest", "k", &format!("{value}v")]).expect_code(1);
}

#[test]
fn integers_arrive_as_decimal_text() {
    let Some(stack) = stack() else { return };
    for (kind, given, text) in [
        ("dword", "4294967295", "4294967295"),
        ("qword", "18446744073709551615", "18446744073709551615"),
        ("u64", "7", "7"),
        ("expand-sz", "%PATH%", "%PATH%"),
    ] {
        stack.host(&["set-kvp", "external", kind, given, "--type", kind]).expect_code(0);
        assert_eq!(stack.hvctl(&["kvp", "get", "external", kind]).expect_code(0).text(), text);
    }
}

#[test]
fn host_ends_an_enumeration_and_refuses_the_auto_pool() {
    let Some(stack) = stack() else { return };
    let end = stack.host(&["enumerate", "guest", "0"]).expect_code(1);
    assert!(format!("{}{}", end.stdout, end.stderr).contains("0x80070103"), "{end:?}");
    let refused = stack.host(&["set-kvp", "auto", "OSName", "Windows"]).expect_code(1);
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("0x80004005"), "{refused:?}");
}
