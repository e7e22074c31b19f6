use std::time::Duration;

use super::*;

fn read(line: &str) -> Verb {
    Verb::from_words(crate::words::split(line).unwrap()).unwrap()
}

#[test]
fn every_verb_survives_being_made_into_words() {
    let lines = [
        "get-kvp",
        "get-kvp 2",
        "get-kvp external 'a key'",
        "get-kvp --direct 0 --weird",
        "add-kvp -k '--value'",
        "modify-kvp k ''",
        "remove-kvp --json",
        "set-kvp 1 k -1 --type dword",
        "set-kvp --type u64 -- 3 --type 5",
        "delete-kvp auto-internal k",
        "get-guest-intrinsic-items",
        "get-guest-items",
        "get-host-items",
        "enumerate 2",
        "enumerate auto 7",
        "get-integration-services",
        "renegotiate",
        "renegotiate heartbeat",
        "disable-service kvp",
        "enable-service heartbeat",
        "raw 01 02",
        "raw --body --size 7428 0401",
        "raw --service heartbeat 00",
        "wait-guest",
        "wait-guest kvp",
        "get-ip 00:15:5D:01:02:03",
        "get-ip --family v6 -- --family",
        "get-ip '' --family 255",
        "set-ip {f8b3781b-1e82-4818-a1c3-63d806ec15bb}",
        "set-ip x --protocol-if-type 4098 --dhcp-enabled true --ip-addresses 10.0.0.4,fe80::1 --subnets \
         255.0.0.0,64 --default-gateways 10.0.0.1 --dns-servers 8.8.8.8,1.1.1.1",
        "set-ip --unchecked --ip-addresses '300.1.2.3,, x' --subnets '' --protocol-if-type none -- --x",
        "stop-vm",
        "stop-vm --force --message '-f for all' --reason 0xffffffff --grace 4294967295",
        "restart-vm --reason 0",
        "hibernate-vm --message ''",
        "suspend-vm --hibernate",
        "suspend-vm --force --hibernate --message x --reason 1 --grace 2",
        "copy-vmfile /a /b",
        "copy-vmfile -- --force --chunk",
        "copy-vmfile /a '/b c/' --force --create-full-path --short-last --chunk 1 --cut-after 0",
        "copy-vmfile /a b --cancel-after 18446744073709551615",
        "get-vm",
        "sync-time",
        "sync-time --offset -0.0000001 --reference 18446744073709551615",
        "sample-time --offset 12.5",
        "sample-time --parent 18446744073709551615 --flags 0 --leap 3 --stratum 255",
        "vss-check",
        "vss-freeze",
        "vss-thaw",
        "checkpoint-vm",
        "checkpoint-vm --hold 0.1",
        "checkpoint-vm --snapshot /a/disk=/b/copy --snapshot=/c=/d=e",
        "vss-operation query-cluster",
        "vss-operation 77",
        "quit",
    ];
    for line in lines {
        let verb = read(line);
        assert_eq!(Verb::from_words(verb.to_words()).unwrap(), verb, "{line}: {:?}", verb.to_words());
    }
}

#[test]
fn pools_have_names_and_numbers() {
    assert_eq!(read("enumerate 4"), read("enumerate auto-internal"));
    for wrong in ["enumerate 5", "enumerate pool", "enumerate", "get-kvp 0 k extra", "renegotiate rdv"] {
        let words = crate::words::split(wrong).unwrap();
        assert!(Verb::from_words(words).is_err(), "{wrong}");
    }
}

#[test]
fn verbs_know_whose_channel_they_need() {
    assert_eq!(read("get-guest-items").service(), Some(Ic::Kvp));
    assert_eq!(read("raw --service heartbeat 00").service(), Some(Ic::Heartbeat));
    assert_eq!(read("disable-service vss").service(), None);
    assert_eq!(read("disable-service vss").target(), Some(Ic::Vss));
    assert_eq!(read("enable-service heartbeat").target(), Some(Ic::Heartbeat));
    assert_eq!(read("wait-guest").service(), None);
    assert_eq!(read("get-ip x").service(), Some(Ic::Kvp));
    assert_eq!(read("set-ip x").target(), Some(Ic::Kvp));
    assert_eq!(read("restart-vm").service(), Some(Ic::Shutdown));
    assert_eq!(read("sample-time").service(), Some(Ic::TimeSync));
    assert_eq!(read("checkpoint-vm").service(), Some(Ic::Vss));
    assert_eq!(read("wait-guest heartbeat").service(), Some(Ic::Heartbeat));
    assert_eq!(read("suspend-vm --hibernate").service(), Some(Ic::Shutdown));
    assert_eq!(read("copy-vmfile a b").service(), Some(Ic::FileCopy));
    assert_eq!((read("get-vm").service(), read("get-vm").target()), (None, Some(Ic::Heartbeat)));
}

#[test]
fn the_options_of_set_ip_have_their_wmi_names_too() {
    let wmi = "set-ip x --ProtocolIFType 4097 --DHCPEnabled true --IPAddresses a,b --Subnets c --DefaultGateways d \
               --DNSServers e";
    let ours = "set-ip x --protocol-if-type 2 --dhcp-enabled true --ip-addresses a,b --subnets c \
                --default-gateways d --dns-servers e";
    assert_eq!(read(wmi), read(ours));
    let Verb::SetIp(ask) = read(wmi) else { panic!() };
    assert_eq!((ask.protocol_if_type, ask.dhcp_enabled, ask.ip_addresses.len()), (Some(2), true, 2));
    let families =
        [("4096", Some(4096)), ("4097", Some(4097)), ("4098", Some(4098)), ("none", None), ("9", None)];
    for (word, named) in families {
        let Verb::SetIp(ask) = read(&format!("set-ip x --protocol-if-type {word}")) else { panic!() };
        assert_eq!(ask.protocol_if_type.and_then(protocol_if_type), named);
    }
}

#[test]
fn only_what_a_guest_may_take_long_for_has_a_time_of_its_own() {
    assert_eq!(read("set-ip x").patience(), Some(Duration::from_secs(30)));
    assert_eq!(read("get-ip x").patience(), None);
    for line in ["vss-freeze", "checkpoint-vm", "vss-operation freeze", "vss-operation 5", "copy-vmfile a b"]
    {
        assert_eq!(read(line).patience(), Some(Duration::from_secs(120)), "{line}");
    }
    assert_eq!(read("vss-thaw").patience(), None);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for wrong in [
        "get-ip",
        "get-ip x --family v5",
        "get-ip x --family 256",
        "set-ip",
        "set-ip x --protocol-if-type 4099",
        "set-ip x --dhcp-enabled maybe",
        "set-ip x --dhcp-enabled",
        "stop-vm --reason 0x100000000",
        "stop-vm --reason +1",
        "stop-vm --grace -1",
        "stop-vm --hibernate",
        "suspend-vm --hibernate --grace x",
        "copy-vmfile a",
        "copy-vmfile '' b",
        "copy-vmfile a b --chunk 0",
        "copy-vmfile a b --chunk 6145",
        "copy-vmfile a b --cut-after -1",
        "copy-vmfile a b --cut-after 1 --cancel-after 1",
        "get-vm testguest",
        "sync-time --offset soon",
        "sync-time --reference -1",
        "sync-time --parent 1 --offset 1",
        "sync-time --parent -1",
        "sync-time --flags 256",
        "sync-time --leap -1",
        "sync-time --stratum x",
        "checkpoint-vm --hold -1",
        "checkpoint-vm --hold NaN",
        "vss-freeze now",
        "vss-operation",
        "vss-operation 256",
        "vss-operation backup",
        "checkpoint-vm --snapshot disk",
        "checkpoint-vm --snapshot =copy",
    ] {
        assert!(Verb::from_words(crate::words::split(wrong).unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn files_of_a_snapshot_are_those_of_whoever_typed_them() {
    let Verb::CheckpointVm(ask) = read("checkpoint-vm --snapshot disk.img=/tmp/copy=2") else { panic!() };
    let here = std::env::current_dir().unwrap().join("disk.img");
    assert_eq!((&ask.snapshots[0].file, ask.snapshots[0].copy.to_str()), (&here, Some("/tmp/copy=2")));
}

#[test]
fn operations_of_the_backup_service_have_names_and_numbers() {
    for (name, number) in [("create", 0), ("hot-backup", 2), ("bu-complete", 4), ("query-cluster", 8)] {
        assert_eq!(read(&format!("vss-operation {name}")), read(&format!("vss-operation {number}")));
    }
}

#[test]
fn a_plain_suspend_is_wrong_usage_that_says_why() {
    for line in ["suspend-vm", "Suspend-VM -Force"] {
        let error = Verb::from_words(line.split(' ')).unwrap_err();
        let why = crate::usage::explain(&error);
        assert!(why.message.starts_with("a plain suspend needs no guest"), "{why:?}");
        assert!(why.hint.contains("suspend-vm"), "{why:?}");
    }
    assert_eq!(read("suspend-vm --hibernate").service(), read("hibernate-vm").service());
}

#[test]
fn powershells_spelling_gives_the_same_verbs() {
    assert_eq!(
        read("Stop-VM -Force -Reason 0x1 -Message -Force"),
        read("stop-vm --force --reason 1 --message=-Force")
    );
    assert_eq!(
        read("Copy-VMFile a /b -CreateFullPath -force"),
        read("copy-vmfile a /b --create-full-path --force")
    );
    assert_eq!(read("add-kvp -Force -Type"), Verb::AddKvp { key: "-Force".into(), value: "-Type".into() });
}

#[test]
fn a_destination_is_a_path_and_a_name_or_the_sources_name() {
    let names = |destination: &str| {
        let Verb::CopyVmfile(ask) = Verb::from_words(["copy-vmfile", "dir/a file", destination]).unwrap()
        else {
            panic!()
        };
        let (path, name) = ask.names();
        (path.to_owned(), name)
    };
    for (destination, path, name) in [
        ("/srv/in/b", "/srv/in", "b"),
        ("/srv/in/", "/srv/in", "a file"),
        ("/b", "/", "b"),
        ("/", "/", "a file"),
        ("b", "", "b"),
        ("..//b", "../", "b"),
        ("", "", "a file"),
        ("/srv/..", "/srv", ".."),
    ] {
        assert_eq!(names(destination), (path.to_owned(), name.to_owned()), "{destination}");
    }
    let Verb::CopyVmfile(ask) = read("copy-vmfile x /b") else { panic!() };
    assert_eq!(ask.source, std::env::current_dir().unwrap().join("x"));
}

#[test]
fn services_go_by_their_names_in_powershell_too() {
    let verb = |line: &str| Verb::from_words(crate::words::split(line).unwrap()).unwrap();
    let kvp = Verb::DisableService { name: Ic::Kvp };
    assert_eq!(verb("Disable-VMIntegrationService -VMName web1 -Name 'Key-Value Pair Exchange'"), kvp);
    let copies = Verb::EnableService { name: Ic::FileCopy };
    assert_eq!(verb("Enable-VMIntegrationService -Name 'guest service interface'"), copies);
    assert_eq!(verb("enable-service 'Guest Service Interface'"), copies);
    assert_eq!(verb("Get-VMIntegrationService -VMName web1"), Verb::GetIntegrationServices);
}
