use super::*;
use crate::verb::Verb;

const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

fn made(line: &str, version: Version) -> Result<Vec<u8>, String> {
    let made = match Verb::from_words(crate::words::split(line).unwrap()).unwrap() {
        Verb::GetIp(ask) => get(&ask, version),
        Verb::SetIp(ask) => set(&ask, version),
        other => panic!("{other:?}"),
    };
    made.map_err(|error| error.to_string())
}

/// A body of 7428 bytes with the given bytes at the given offsets, zero elsewhere.
fn body_of(parts: &[(usize, &[u8])]) -> Result<Vec<u8>, String> {
    let mut body = vec![0u8; 7428];
    for (at, bytes) in parts {
        body[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    Ok(body)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn the_adapter_is_sent_as_it_was_typed_and_so_are_families() {
    for (name, family, number) in
        [("00-15-5d-01-02-03", "v4", 1), ("00155D010203", "both", 3), ("x y", "none", 0), ("", "200", 200)]
    {
        let line = format!("get-ip --family {family} '{name}'");
        let text = body_of(&[(0, &[4, 1]), (2, &utf16(name)), (258, &[number])]);
        assert_eq!(made(&line, V4), text);
        let binary = body_of(&[(0, &[4, 1]), (28, &utf16(name)), (284, &[number])]);
        assert_eq!(made(&line, V5), binary);
    }
    let long = "x".repeat(128);
    assert_eq!(made(&format!("get-ip {long}"), V5).unwrap_err(), "adapter id of 258 bytes, 256 are possible");
}

#[test]
fn a_configuration_is_that_of_a_host_in_both_forms() {
    let line = "set-ip {G} --ip-addresses 10.0.0.4,2001:DB8::5,10.0.0.5 --subnets 255.0.0.0,64,255.255.255.255 \
                --default-gateways 10.0.0.1 --dns-servers 8.8.8.8,::1";
    let text = body_of(&[
        (0, &[5, 1]),
        (2, &utf16("{G}")),
        (258, &[3, 0]),
        (260, &utf16("10.0.0.4;2001:db8::5;10.0.0.5")),
        (2308, &utf16("255.0.0.0;64;255.255.255.255")),
        (4356, &utf16("10.0.0.1")),
        (5380, &utf16("8.8.8.8;::1")),
    ]);
    assert_eq!(made(line, V4), text);
    let binary = body_of(&[
        (0, &[5, 1]),
        (4, &[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
        (28, &utf16("{G}")),
        (284, &[3, 0]),
        (288, &[10, 0, 0, 4, 10, 0, 0, 5]),
        (544, &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
        (1568, &[255, 0, 0, 0, 255, 255, 255, 255]),
        (1824, &[64]),
        (2080, &[10, 0, 0, 1]),
        (2180, &[8, 8, 8, 8]),
        (2451, &[1]),
    ]);
    assert_eq!(made(line, V5), binary);
}

#[test]
fn families_are_those_of_what_is_given_unless_they_are_said() {
    let family = |line: &str| (made(line, V4).unwrap()[258], made(line, V5).unwrap()[284]);
    for (options, number) in [
        ("", 0),
        ("--dhcp-enabled true", 1),
        ("--dns-servers ::1", 2),
        ("--default-gateways 10.0.0.1 --dns-servers ::1", 3),
        ("--dhcp-enabled true --ip-addresses fe80::1 --subnets 64", 3),
        ("--ip-addresses '' --dns-servers 8.8.8.8", 1),
        ("--protocol-if-type none --dns-servers 8.8.8.8", 0),
        ("--protocol-if-type 4097 --dns-servers 8.8.8.8", 2),
        ("--protocol-if-type 77 --unchecked", 77),
    ] {
        assert_eq!(family(&format!("set-ip x {options}")), (number, number), "{options}");
    }
}

#[test]
fn what_no_host_sends_is_refused_with_the_place() {
    let many = |entry: &str, count: usize| vec![entry; count].join(",");
    let (gateways, dns) = (many("10.0.0.1", 6), many("::1", 65));
    let (addresses, masks) = (many("2001:db8:1111:2222:3333:4444:5555:6666", 27), many("64", 27));
    for (options, expected) in [
        ("--ip-addresses 300.1.2.3 --subnets 255.0.0.0", "\"300.1.2.3\" in IPAddresses is not an IP address"),
        ("--ip-addresses 10.0.0.1,, --subnets 255.0.0.0", "\"\" in IPAddresses is not an IP address"),
        ("--dns-servers dns.example", "\"dns.example\" in DNSServers is not an IP address"),
        ("--ip-addresses 10.0.0.1", "1 addresses with 0 subnets: each address has one"),
        (
            "--ip-addresses 10.0.0.1 --subnets 24",
            "\"24\" is no subnet for 10.0.0.1: IPv4 has a dotted mask, IPv6 the length of the prefix",
        ),
        ("--ip-addresses 10.0.0.1 --subnets 255.0.255.0", "\"255.0.255.0\" is no subnet for 10.0.0.1"),
        ("--ip-addresses ::1 --subnets 129", "\"129\" is no subnet for ::1"),
        ("--ip-addresses ::1 --subnets /64", "\"/64\" is no subnet for ::1"),
        ("--protocol-if-type 4", "4 says no families: 4096 is IPv4, 4097 IPv6, 4098 both"),
        (
            &format!("--default-gateways {gateways}"),
            "6 entries of one family in DefaultGateways, at most 5 are possible",
        ),
        (&format!("--dns-servers {dns}"), "65 entries of one family in DNSServers, at most 64 are possible"),
    ] {
        for version in [V4, V5] {
            let error = made(&format!("set-ip x {options}"), version).unwrap_err();
            assert!(error.starts_with(expected), "{options}: {error}");
        }
    }
    // What the binary form has places for may be too long as text.
    let line = format!("set-ip x --ip-addresses {addresses} --subnets {masks}");
    assert!(made(&line, V5).is_ok());
    let error = made(&line, V4).unwrap_err();
    assert_eq!(error, "IPAddresses has 1052 UTF-16 units, a message of these versions holds 1023");
}

#[test]
fn what_is_not_checked_is_sent_as_it_is_and_cut_where_its_field_ends() {
    let line = "set-ip --unchecked x --protocol-if-type 9 --ip-addresses '300.1.2.3,, y' --default-gateways 1,2,3,4,5,6,7";
    let text = body_of(&[
        (0, &[5, 1]),
        (2, b"x"),
        (258, &[9]),
        (260, &utf16("300.1.2.3;; y")),
        (4356, &utf16("1;2;3;4;5;6;7")),
    ]);
    assert_eq!(made(line, V4), text);
    assert_eq!(made(line, V5).unwrap_err(), "\"300.1.2.3\" in IPAddresses is not an IP address");
    let long = made(&format!("set-ip --unchecked x --default-gateways {}", "g".repeat(600)), V4).unwrap();
    assert_eq!((&long[5376..5380], long[5380]), (&b"g\0g\0"[..], 0));
}

#[test]
fn numbers_that_are_wrong_reach_either_form() {
    let lists = Lists { family: 7, dhcp: 2, ..Lists::default() };
    assert_eq!(lists.as_they_are(V4).unwrap()[258..260], [7, 2]);
    assert_eq!(lists.as_they_are(V5).unwrap()[284..286], [7, 2]);
}
