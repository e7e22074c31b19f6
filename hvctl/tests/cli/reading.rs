//! `kvp list`, `kvp get` and `host`.

use crate::fake::Fake;
use crate::harness::{Bus, run};
use crate::monitor::Monitor;

const ITEMS: [(&str, &str, &str); 4] = [
    ("guest", "deployment", "finished"),
    ("external", "token", "abc"),
    ("guest", "日本", "two\nlines\t\u{1b}[31m"),
    ("auto-external", "HostName", "hv07"),
];

#[test]
fn list_shows_all_pools_in_order_of_their_numbers_in_aligned_columns() {
    let Some(bus) = Bus::start("list") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    let want = "\
POOL           KEY         VALUE
external       token       abc
guest          deployment  finished
guest          日本        two\\nlines\\t\\u{1b}[31m
auto-external  HostName    hv07
";
    bus.run(&["kvp", "list"]).is(0, want, "");
}

#[test]
fn list_as_json_has_the_raw_values_in_the_daemons_order() {
    let Some(bus) = Bus::start("list --json") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    let want = "{\"schema\":1,\"kind\":\"kvp-list\",\"items\":[\
        {\"pool\":\"guest\",\"key\":\"deployment\",\"value\":\"finished\"},\
        {\"pool\":\"guest\",\"key\":\"日本\",\"value\":\"two\\nlines\\t\\u001b[31m\"}]}\n";
    bus.run(&["kvp", "list", "guest", "--json"]).is(0, want, "");
    bus.run(&["--json", "kvp", "list", "1"]).is(0, want, "");
}

#[test]
fn list_of_an_empty_pool_is_empty_and_no_error() {
    let Some(bus) = Bus::start("list of an empty pool") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[]);
    bus.run(&["kvp", "list", "guest"]).is(0, "", "no items\n");
    bus.run(&["kvp", "list", "guest", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-list\",\"items\":[]}\n",
        "",
    );
}

#[test]
fn list_of_a_large_pool_is_fetched_in_pages() {
    let Some(bus) = Bus::start("list of a large pool") else { return };
    let names: Vec<String> = (0..2500).map(|number| format!("key-{number:04}")).collect();
    let items: Vec<_> = names.iter().map(|name| ("guest", name.as_str(), "x")).collect();
    let kvpd = Fake::kvpd(&bus.address, &items);
    let ran = bus.run(&["kvp", "list", "guest"]);
    let listed: Vec<&str> =
        ran.out.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(listed, names);
    assert_eq!(
        kvpd.calls(),
        ["ListPage guest 0 1000", "ListPage guest 1000 1000", "ListPage guest 2000 1000"]
    );
}

#[test]
fn get_prints_the_raw_value_and_a_newline_into_a_pipe() {
    let Some(bus) = Bus::start("get") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    bus.run(&["kvp", "get", "guest", "deployment"]).is(0, "finished\n", "");
    bus.run(&["kvp", "get", "1", "日本"]).is(0, "two\nlines\t\u{1b}[31m\n", "");
    bus.run(&["kvp", "get", "guest", "deployment", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-get\",\"pool\":\"guest\",\"key\":\"deployment\",\"value\":\"finished\"}\n",
        "",
    );
}

#[test]
fn get_of_a_missing_key_is_exit_2_with_the_daemons_sentence() {
    let Some(bus) = Bus::start("get of a missing key") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    bus.run(&["kvp", "get", "guest", "nothing"]).is(
        2,
        "",
        "hvctl: there is no key \"nothing\" in pool guest\n\
         hint: hvctl kvp list shows the keys there are, hvctl kvp wait waits for one to appear\n",
    );
    bus.run(&["kvp", "get", "guest", "nothing", "--json"]).is(
        2,
        "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.NoSuchKey\",\
         \"message\":\"there is no key \\\"nothing\\\" in pool guest\",\
         \"hint\":\"hvctl kvp list shows the keys there are, hvctl kvp wait waits for one to appear\"}}\n",
        "",
    );
}

#[test]
fn get_costs_one_call_after_the_bus_has_been_greeted() {
    let Some(bus) = Bus::start("get costs one call") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    let monitor = Monitor::start(&bus.address);
    bus.run(&["kvp", "get", "guest", "deployment"]).is(0, "finished\n", "");
    assert_eq!(monitor.until("Get"), ["Hello", "Get"]);
    // Seen through the next one: nothing came after the Get.
    bus.run(&["kvp", "get", "guest", "deployment"]).is(0, "finished\n", "");
    assert_eq!(monitor.until("Get"), ["Hello", "Get"]);
    assert_eq!(monitor.rest(), [""; 0]);
}

#[test]
fn the_address_of_the_system_bus_can_come_from_the_environment() {
    let Some(bus) = Bus::start("system bus from the environment") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &ITEMS);
    let mut command = crate::harness::hvctl(&["kvp", "get", "external", "token"]);
    run(command.env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address)).is(0, "abc\n", "");
    let mut command = crate::harness::hvctl(&["--bus", "session", "kvp", "get", "external", "token"]);
    run(command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address)).is(0, "abc\n", "");
}

#[test]
fn host_shows_known_items_first_in_words_and_the_others_as_they_are() {
    let Some(bus) = Bus::start("host") else { return };
    let items = [
        ("auto-external", "HostName", "cluster1"),
        ("auto-external", "HostingSystemEditionId", "8"),
        ("auto-external", "NewInNextWindows", "yes"),
        ("auto-external", "PhysicalHostName", "HV-07"),
        ("auto-external", "VirtualMachineDynamicMemoryBalancingEnabled", "0"),
        ("auto-external", "VirtualMachineId", "5C1C2A70-1D5C-4A59-8C3E-4B9B1E3C1D2A"),
        ("auto-external", "VirtualMachineName", "web01\u{7}"),
    ];
    let _kvpd = Fake::kvpd(&bus.address, &items);
    let want = "\
WHAT                 VALUE
Virtual machine      web01\\u{7}
Virtual machine ID   5C1C2A70-1D5C-4A59-8C3E-4B9B1E3C1D2A
Dynamic memory       no (0)
Physical host        HV-07
Host (cluster) name  cluster1
Host edition         Windows Server Datacenter (8)
NewInNextWindows     yes
";
    bus.run(&["host"]).is(0, want, "");
}

#[test]
fn host_as_json_has_the_items_and_a_map_of_them() {
    let Some(bus) = Bus::start("host --json") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[("auto-external", "VirtualMachineName", "web01")]);
    bus.run(&["host", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"host\",\"host\":{\"VirtualMachineName\":\"web01\"},\
         \"items\":[{\"pool\":\"auto-external\",\"key\":\"VirtualMachineName\",\"value\":\"web01\"}]}\n",
        "",
    );
}

#[test]
fn host_that_has_told_nothing_is_exit_2_and_explained() {
    let Some(bus) = Bus::start("host that has told nothing") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[("guest", "a", "b")]);
    bus.run(&["host"]).is(
        2,
        "",
        "hvctl: the host has told nothing about itself: pool auto-external is empty\n\
         hint: hvctl status shows whether hv-kvpd has met the host; the host sends this soon after. \
         On the host: Enable-VMIntegrationService -VMName NAME -Name 'Key-Value Pair Exchange'\n",
    );
}
