use hv_utils_core::wire::{PacketHeader, Status};

use super::*;
use crate::link::Packet;

const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

type Parts<'a> = &'a [(usize, &'a [u8])];
type Read = (Result<AdapterConfiguration, Problem>, Vec<String>);

/// Reads a body of `length` bytes with the given bytes at the given offsets, asked about an adapter named "M".
fn read(version: Version, length: usize, parts: Parts<'_>) -> Read {
    let mut asked = vec![0u8; 7428];
    asked[if version == V5 { 28 } else { 2 }] = b'M';
    let mut body = asked.clone();
    body.truncate(length);
    for (at, bytes) in parts {
        body[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    let packet = Packet { header: PacketHeader::in_band(0), payload: Vec::new() };
    let mut tolerated = Vec::new();
    let read = configuration(&asked, &Reply { status: Status::OK, body, packet }, version, &mut tolerated);
    assert!(tolerated.iter().all(|problem| !problem.is_fatal()));
    (read, tolerated.iter().map(ToString::to_string).collect())
}

/// The lists of the string form: addresses, subnets, gateways, DNS servers.
fn lists(family: u8, [addresses, subnets, gateways, dns]: [&str; 4]) -> Read {
    let texts = [utf16(addresses), utf16(subnets), utf16(gateways), utf16(dns)];
    let parts: [(usize, &[u8]); 5] =
        [(258, &[family, 1]), (260, &texts[0]), (2308, &texts[1]), (4356, &texts[2]), (5380, &texts[3])];
    read(V4, 7428, &parts)
}

const RIGHT: [(usize, &[u8]); 10] = [
    (4, &[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
    (284, &[3, 1]),
    (288, &[10, 0, 0, 4]),
    (544, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (1568, &[255, 255, 255, 0]),
    (1824, &[64, 0, 0, 0]),
    (2080, &[10, 0, 0, 1]),
    (2180, &[8, 8, 8, 8]),
    (2451, &[1]),
    (3460, &[1, 0, 2, 0]),
];

/// A right answer in binary, then whatever is to be different.
fn binary_with(parts: Parts<'_>) -> Read {
    let gateway: (usize, &[u8]) = (2115, &[2]);
    read(V5, 7428, &[&RIGHT[..], &[gateway], parts].concat())
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|entry| (*entry).to_owned()).collect()
}

#[test]
fn the_string_form_is_read_in_the_styles_of_hosts_and_of_the_c_daemon() {
    let there = AdapterConfiguration {
        instance_id: "M".to_owned(),
        protocol_if_type: Some(4098),
        dhcp_enabled: true,
        ip_addresses: strings(&["10.0.0.4", "fe80::1"]),
        subnets: strings(&["255.255.255.0", "64"]),
        default_gateways: strings(&["10.0.0.1"]),
        dns_servers: strings(&["8.8.8.8", "::1"]),
        ip_address_origins: None,
    };
    let daemon = ["10.0.0.4;fe80::1", "255.255.255.0;/64", "10.0.0.1;", "8.8.8.8;::1;"];
    assert_eq!(lists(3, daemon), (Ok(there.clone()), Vec::new()));
    let host = ["10.0.0.4; fe80::1", "255.255.255.0; 64", "10.0.0.1", "8.8.8.8;::1"];
    assert_eq!(lists(3, host), (Ok(there), Vec::new()));
    let (nothing, tolerated) = lists(0, [""; 4]);
    assert_eq!((nothing.unwrap().protocol_if_type, tolerated), (None, Vec::new()));
}

#[test]
fn the_binary_form_is_read_from_its_offsets() {
    let there = AdapterConfiguration {
        instance_id: "M".to_owned(),
        protocol_if_type: Some(4098),
        dhcp_enabled: true,
        ip_addresses: strings(&["10.0.0.4", "fe80::1"]),
        subnets: strings(&["255.255.255.0", "64"]),
        default_gateways: strings(&["10.0.0.1", "::2"]),
        dns_servers: strings(&["8.8.8.8", "::1"]),
        ip_address_origins: Some(vec![1, 2]),
    };
    assert_eq!(binary_with(&[]), (Ok(there), Vec::new()));
}

#[test]
fn what_cannot_be_read_is_fatal() {
    let short = |version, length| read(version, length, &[]).0.unwrap_err().to_string();
    assert_eq!(short(V4, 7427), "network adapter: body of 7427 bytes, at least 7428 are needed");
    assert_eq!(short(V5, 3715), "network adapter: body of 3715 bytes, at least 3716 are needed");
    assert!(read(V5, 3716, &[]).0.is_ok());
    let whats = [
        "IPv4 subnets: 65 are counted, there are places for 64",
        "IPv6 subnets: 65 are counted, there are places for 64",
        "IPv4 gateways: 6 are counted, there are places for 5",
        "IPv6 gateways: 6 are counted, there are places for 5",
        "IPv4 DNS servers: 65 are counted, there are places for 64",
        "IPv6 DNS servers: 65 are counted, there are places for 64",
    ];
    for (count, what) in whats.into_iter().enumerate() {
        let wrong = if what.contains("gateways") { [6] } else { [65] };
        let problem = binary_with(&[(4 + 4 * count, &wrong)]).0.unwrap_err();
        assert_eq!((problem.to_string().as_str(), problem.is_fatal()), (what, true));
    }
    assert!(binary_with(&[(7, &[0xff])]).0.unwrap_err().to_string().contains("4278190081 are counted"));
    let full = vec![b'1'; 1024];
    let problem = read(V4, 7428, &[(4356, &full)]).0.unwrap_err();
    assert_eq!(problem.to_string(), "DefaultGateways: no NUL in the 1024 bytes of its field");
    assert!(problem.is_fatal());
}

#[test]
fn lists_that_no_guest_should_send_are_named_and_shown() {
    let odd = |family, texts| {
        let (read, tolerated) = lists(family, texts);
        assert!(read.is_ok());
        tolerated.join("; ")
    };
    assert_eq!(odd(3, ["10.0.0.4;10.0.0.5", "255.0.0.0", "", ""]), "Subnets: 1 for 2 addresses");
    assert_eq!(odd(3, ["", "255.0.0.0", "", ""]), "Subnets: 1 for 0 addresses");
    assert_eq!(odd(3, ["10.0.0.4", "/24", "", ""]), "Subnets: \"/24\" is no subnet of 10.0.0.4");
    assert_eq!(odd(3, ["::4", "/129", "", ""]), "Subnets: \"/129\" is no subnet of ::4");
    assert_eq!(odd(3, ["::4", "+64", "", ""]), "Subnets: \"+64\" is no subnet of ::4");
    let scope = "fe80::1%eth0";
    assert_eq!(odd(3, [scope, "64", "", ""]), "IPAddresses: \"fe80::1%eth0\" is not an IP address");
    assert_eq!(odd(3, ["", "", "", "8.8.8.8;;1.1.1.1"]), "DNSServers: \"\" is not an IP address");
    let mixed = ["10.0.0.4;::4", "255.0.0.0;64", "", ""];
    assert_eq!(odd(1, mixed), "IPAddresses: ::4 is of another family than 1");
    assert_eq!(odd(2, mixed), "IPAddresses: 10.0.0.4 is of another family than 2");
    assert_eq!(odd(0, mixed), "");
    assert_eq!(odd(1, ["", "", "10.0.0.1;::1", "::2"]), "");
    let six = ["", "", "::1;::2;::3;::4;::5;::6;10.0.0.1", ""];
    assert_eq!(odd(3, six), "DefaultGateways: 6 of one family, at most 5 are possible");
    assert_eq!(odd(4, [""; 4]), "ProtocolIFType: families 4, defined are 0 to 3");
    let behind = read(V4, 7428, &[(264, b"x")]).1;
    assert_eq!(behind, ["IPAddresses: bytes that are not zero behind the NUL"]);
}

#[test]
fn the_adapter_must_come_back_as_it_was_sent() {
    let other = "not echoed as it was sent: the adapter id";
    assert_eq!(read(V4, 7428, &[(2, b"m")]).1, [other]);
    assert_eq!(read(V5, 7428, &[(28, b"m")]).1, [other]);
    let (read, tolerated) = read(V5, 7428, &[(40, b"x")]);
    assert_eq!((read.unwrap().instance_id.as_str(), tolerated), ("M", vec![other.to_owned()]));
}

#[test]
fn numbers_and_padding_of_the_binary_form_are_checked() {
    let odd = |at, bytes: &[u8]| binary_with(&[(at, bytes)]).1.join("; ");
    assert_eq!(odd(285, &[2]), "DHCPEnabled: 2, must be 0 or 1");
    assert_eq!(odd(1568, &[255, 0, 255, 0]), "Subnets: \"255.0.255.0\" is no subnet of 10.0.0.4");
    assert_eq!(odd(1824, &[129]), "Subnets: \"129\" is no subnet of fe80::1");
    assert_eq!(odd(1827, &[1]), "Subnets: \"16777280\" is no subnet of fe80::1");
    assert_eq!(odd(3460, &[3]), "IPAddressOrigins: 3, defined are 0 to 2");
    let uncounted = "bytes that are not zero and that nothing counts";
    for (at, what) in [
        (287, "the padding behind DHCPEnabled"),
        (292, "IPv4 addresses"),
        (1567, "IPv6 addresses"),
        (1572, "IPv4 subnets"),
        (2079, "IPv6 subnets"),
        (2099, "IPv4 gateways"),
        (2179, "IPv6 gateways"),
        (2184, "IPv4 DNS servers"),
        (3459, "IPv6 DNS servers"),
        (3464, "IPAddressOrigins"),
        (3716, "the padding behind the configuration"),
        (7427, "the padding behind the configuration"),
    ] {
        assert_eq!(odd(at, &[1]), format!("{what}: {uncounted}"), "{at}");
    }
}
