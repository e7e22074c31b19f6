//! Every form in which hosts send a configuration, and every way in which it can be wrong, as the three framings carry
//! it: text and binary on the raw channel, text on the char device.

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};
use hv_utils_core::wire::kvp::raw::{HostRequest, encode_request};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, Origin, Request, chardev, raw};
use hv_utils_core::wire::{Guid, Status, Version};
use proptest::prelude::*;

use super::{Adapters, Refused};

/// Every adapter is there, with this configuration.
struct All(IpInfo);

impl Adapters for All {
    fn of_device(&self, _: Guid) -> Option<IpInfo> {
        Some(self.0.clone())
    }

    fn is_coming(&self, _: Guid) -> bool {
        false
    }

    fn ip_info(&self, _: &str) -> Option<IpInfo> {
        None
    }
}

fn injection(info: &IpInfo) -> Result<Injection, Refused> {
    super::injection(info, &All(IpInfo::default()))
}

const GUID: &str = "f8b3781a-1e82-4818-a1c3-63d806ec15bb";
const TEXT: Version = Version::new(4, 0);
const BINARY: Version = Version::new(5, 0);

/// A message in a host's words: `address/prefix`, gateways, DNS servers.
fn info(family: Family, dhcp: bool, addresses: &[&str], gateways: &[&str], dns: &[&str]) -> IpInfo {
    let address = |text: &&str| {
        let (ip, prefix) = text.split_once('/').unwrap();
        Address { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap(), origin: Origin::Unknown }
    };
    let parse = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
    IpInfo {
        adapter_id: format!("{{{}}}", GUID.to_uppercase()),
        family,
        dhcp,
        addresses: addresses.iter().map(address).collect(),
        gateways: parse(gateways),
        dns: parse(dns),
    }
}

/// The body of the host's message.
fn encode(info: &IpInfo, version: Version) -> Vec<u8> {
    encode_request(&HostRequest::SetIpInfo(Box::new(info.clone())), version).unwrap()
}

/// The same as each framing brings it.
fn carried(info: &IpInfo) -> [IpInfo; 3] {
    let of = |request: Request| match request {
        Request::SetIpInfo(info) => *info,
        other => panic!("{other:?}"),
    };
    let raw = |version| of(raw::parse(&encode(info, version), version).unwrap());
    [raw(TEXT), raw(BINARY), of(chardev::parse(&char_device(info)).unwrap())]
}

/// The message of the char device: the text form's fields in UTF-8, 28 bytes further to the front.
fn char_device(info: &IpInfo) -> Vec<u8> {
    let body = encode(info, TEXT);
    let mut message = vec![0; chardev::MESSAGE_BYTES];
    message[0] = body[0];
    message[4 + 256..4 + 258].copy_from_slice(&body[2 + 256..2 + 258]);
    for (raw, own, bytes) in [
        (2, 4, 256),
        (2 + 258, 4 + 258, 2048),
        (2 + 2306, 4 + 2306, 2048),
        (2 + 4354, 4 + 4354, 1024),
        (2 + 5378, 4 + 5378, 2048),
    ] {
        let units = body[raw..raw + bytes].chunks_exact(2).map(|unit| unit[0]).take_while(|byte| *byte != 0);
        units.enumerate().for_each(|(at, byte)| message[own + at] = byte);
    }
    message
}

#[track_caller]
fn comes_to(info: &IpInfo, ipv4: &Plan, ipv6: &Plan) {
    let expected = Injection { adapter: GUID.to_owned(), ipv4: ipv4.clone(), ipv6: ipv6.clone() };
    for carried in carried(info) {
        assert_eq!(injection(&carried), Ok(expected.clone()));
    }
}

#[track_caller]
fn is_refused(info: &IpInfo, why: &Refused) {
    for carried in carried(info) {
        assert_eq!(injection(&carried), Err(why.clone()));
    }
    assert_eq!(why.status(), Status::INVALID_ARG);
}

fn fixed(addresses: &[&str], gateways: &[&str], dns: &[&str]) -> Plan {
    let plan = info(Family::Both, false, addresses, gateways, dns);
    let networks = plan.addresses.iter().map(|entry| Network { ip: entry.ip, prefix: entry.prefix });
    Plan { addressing: Addressing::Static(networks.collect()), gateways: plan.gateways, dns: Some(plan.dns) }
}

fn automatic(dns: Option<&[&str]>) -> Plan {
    Plan { addressing: Addressing::Automatic, ..servers(dns) }
}

fn servers(dns: Option<&[&str]>) -> Plan {
    let dns = dns.map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect());
    Plan { addressing: Addressing::Keep, gateways: Vec::new(), dns }
}

fn keep() -> Plan {
    Plan::default()
}

use Family::{Both, Unspecified, V4, V6};

#[test]
fn ipv4_static_is_static_in_every_family_that_includes_it() {
    for family in [Unspecified, V4, Both] {
        let one = info(family, false, &["192.0.2.7/24"], &["192.0.2.1"], &["192.0.2.53", "198.51.100.53"]);
        comes_to(&one, &fixed(&["192.0.2.7/24"], &["192.0.2.1"], &["192.0.2.53", "198.51.100.53"]), &keep());
    }
    let two = info(V4, false, &["192.0.2.7/24", "198.51.100.7/25"], &["192.0.2.1", "198.51.100.1"], &[]);
    comes_to(
        &two,
        &fixed(&["192.0.2.7/24", "198.51.100.7/25"], &["192.0.2.1", "198.51.100.1"], &[]),
        &keep(),
    );
    let alone = info(V4, false, &["192.0.2.7/24"], &[], &[]);
    comes_to(&alone, &fixed(&["192.0.2.7/24"], &[], &[]), &keep());
}

#[test]
fn ipv6_static_leaves_ipv4_alone_and_both_are_each_their_own() {
    let v6 = info(V6, false, &["2001:db8::7/64"], &["fe80::1"], &["2001:db8::53"]);
    comes_to(&v6, &keep(), &fixed(&["2001:db8::7/64"], &["fe80::1"], &["2001:db8::53"]));
    let mixed = info(
        Both,
        false,
        &["192.0.2.7/24", "2001:db8::7/64"],
        &["192.0.2.1", "2001:db8::1"],
        &["192.0.2.53", "2001:db8::53"],
    );
    comes_to(
        &mixed,
        &fixed(&["192.0.2.7/24"], &["192.0.2.1"], &["192.0.2.53"]),
        &fixed(&["2001:db8::7/64"], &["2001:db8::1"], &["2001:db8::53"]),
    );
    let link_local = info(V6, false, &["fe80::7/64"], &[], &[]);
    comes_to(&link_local, &keep(), &fixed(&["fe80::7/64"], &[], &[]));
}

#[test]
fn dhcp_is_ipv4s_and_wins_over_addresses_the_host_has_learned() {
    for family in [Unspecified, V4, Both] {
        comes_to(&info(family, true, &[], &[], &[]), &automatic(None), &keep());
    }
    let with_dns = info(V4, true, &[], &[], &["192.0.2.53"]);
    comes_to(&with_dns, &automatic(Some(&["192.0.2.53"])), &keep());
    // What is ignored is not judged either.
    let learned = info(Both, true, &["192.0.2.0/24"], &["192.0.2.255"], &[]);
    comes_to(&learned, &automatic(None), &keep());
    let and_v6 = info(Both, true, &["192.0.2.7/24", "2001:db8::7/64"], &["192.0.2.1"], &[]);
    comes_to(&and_v6, &automatic(None), &fixed(&["2001:db8::7/64"], &[], &[]));
}

#[test]
fn dhcp_in_a_message_about_ipv6_alone_is_ipv6s_unless_it_has_addresses() {
    comes_to(&info(V6, true, &[], &[], &[]), &keep(), &automatic(None));
    comes_to(&info(V6, true, &[], &["fe80::1"], &[]), &keep(), &automatic(None));
    let dns = info(V6, true, &[], &[], &["2001:db8::53"]);
    comes_to(&dns, &keep(), &automatic(Some(&["2001:db8::53"])));
    let fixed_v6 = info(V6, true, &["2001:db8::7/64"], &[], &[]);
    comes_to(&fixed_v6, &keep(), &fixed(&["2001:db8::7/64"], &[], &[]));
}

/// An adapter whose IPv6 is the routers', with leased DNS servers, and what a host makes of it that reads it, switches
/// DHCP on and writes it back.
fn read_and_written_back(family: Family) -> (All, IpInfo) {
    let addresses = ["192.0.2.7/24", "2001:db8::7/64", "2001:db8::aa/64", "fe80::7/64"];
    let gateways = ["192.0.2.1", "fe80::1"];
    let dns = ["2001:db8::53", "192.0.2.53"];
    let mut current = info(Both, false, &addresses, &gateways, &dns);
    current.addresses[0].origin = Origin::Static;
    current.addresses[1..].iter_mut().for_each(|address| address.origin = Origin::Other);
    let written = IpInfo { family, dhcp: true, ..current.clone() };
    (All(current), written)
}

#[track_caller]
fn with_it_comes_to(current: &All, info: &IpInfo, ipv4: &Plan, ipv6: &Plan) {
    let expected = Injection { adapter: GUID.to_owned(), ipv4: ipv4.clone(), ipv6: ipv6.clone() };
    for carried in carried(info) {
        assert_eq!(super::injection(&carried, current), Ok(expected.clone()));
    }
}

#[test]
fn dhcp_that_is_switched_on_in_what_was_read_leaves_ipv6_and_leased_servers_alone() {
    for family in [Both, Unspecified] {
        let (current, written) = read_and_written_back(family);
        with_it_comes_to(&current, &written, &automatic(None), &keep());
    }
    let (current, written) = read_and_written_back(V6);
    with_it_comes_to(&current, &written, &keep(), &automatic(None));
    // Another server is the host's word.
    let (current, mut written) = read_and_written_back(Both);
    written.dns.push("192.0.2.54".parse().unwrap());
    let (ipv4, ipv6) = (["192.0.2.53", "192.0.2.54"], ["2001:db8::53"]);
    with_it_comes_to(&current, &written, &automatic(Some(&ipv4)), &servers(Some(&ipv6)));
}

#[test]
fn ipv6_addresses_that_the_adapter_does_not_have_by_itself_are_fixed() {
    let (current, mut written) = read_and_written_back(Both);
    written.addresses[1].ip = "2001:db8::8".parse().unwrap();
    let ipv6 = ["2001:db8::8/64", "2001:db8::aa/64", "fe80::7/64"];
    with_it_comes_to(&current, &written, &automatic(None), &fixed(&ipv6, &["fe80::1"], &["2001:db8::53"]));
    let (mut current, written) = read_and_written_back(Both);
    current.0.addresses[1].origin = Origin::Static;
    let ipv6 = ["2001:db8::7/64", "2001:db8::aa/64", "fe80::7/64"];
    with_it_comes_to(&current, &written, &automatic(None), &fixed(&ipv6, &["fe80::1"], &["2001:db8::53"]));
    // Without DHCP everything is the host's word.
    let (current, mut written) = read_and_written_back(Both);
    written.dhcp = false;
    let ipv4 = fixed(&["192.0.2.7/24"], &["192.0.2.1"], &["192.0.2.53"]);
    with_it_comes_to(&current, &written, &ipv4, &fixed(&ipv6, &["fe80::1"], &["2001:db8::53"]));
}

#[test]
fn dns_servers_alone_change_nothing_else() {
    let v4 = info(V4, false, &[], &[], &["192.0.2.53", "127.0.0.1"]);
    comes_to(&v4, &servers(Some(&["192.0.2.53", "127.0.0.1"])), &keep());
    let both = info(Both, false, &[], &[], &["192.0.2.53", "2001:db8::53", "::1"]);
    comes_to(&both, &servers(Some(&["192.0.2.53"])), &servers(Some(&["2001:db8::53", "::1"])));
}

#[test]
fn nothing_said_is_nothing_done() {
    for family in [Unspecified, V4, V6, Both] {
        is_refused(&info(family, false, &[], &[], &[]), &Refused::Nothing);
    }
}

#[test]
fn an_address_or_a_gateway_of_the_other_family_is_refused() {
    let other = |ip: &str| Refused::OtherFamily(ip.parse().unwrap());
    is_refused(&info(V4, false, &["192.0.2.7/24", "2001:db8::7/64"], &[], &[]), &other("2001:db8::7"));
    is_refused(&info(V4, false, &["192.0.2.7/24"], &["fe80::1"], &[]), &other("fe80::1"));
    is_refused(&info(V6, false, &["2001:db8::7/64"], &["192.0.2.1"], &[]), &other("192.0.2.1"));
}

#[test]
fn dns_servers_of_the_other_family_are_taken() {
    let v4 = info(V4, false, &["192.0.2.7/24"], &[], &["192.0.2.53", "2001:db8::53"]);
    comes_to(&v4, &fixed(&["192.0.2.7/24"], &[], &["192.0.2.53"]), &servers(Some(&["2001:db8::53"])));
    let dhcp = info(V4, true, &[], &[], &["2001:db8::53"]);
    comes_to(&dhcp, &automatic(None), &servers(Some(&["2001:db8::53"])));
    let v6 = info(V6, false, &[], &[], &["192.0.2.53"]);
    comes_to(&v6, &servers(Some(&["192.0.2.53"])), &keep());
}

#[test]
fn with_dhcp_addresses_and_gateways_of_the_other_family_do_not_count() {
    let v4 = info(V4, true, &["192.0.2.7/24", "2001:db8::7/64"], &["192.0.2.1", "fe80::1"], &[]);
    comes_to(&v4, &automatic(None), &keep());
    let v6 = info(V6, true, &["192.0.2.7/24"], &["192.0.2.1"], &[]);
    comes_to(&v6, &keep(), &automatic(None));
}

#[test]
fn addresses_that_no_interface_can_have_are_refused() {
    for text in [
        "0.0.0.0/24",
        "0.1.2.3/8",
        "127.0.0.1/8",
        "224.0.0.1/24",
        "239.255.255.255/32",
        "240.0.0.1/24",
        "255.255.255.255/32",
        "192.0.2.0/24",
        "192.0.2.255/24",
        "192.0.2.4/30",
        "192.0.2.7/30",
        "10.255.255.255/8",
        "192.0.2.7/0",
        "::/64",
        "::1/128",
        "ff02::1/64",
        "::ffff:192.0.2.7/96",
        "::192.0.2.7/96",
        "2001:db8::7/0",
    ] {
        let (ip, prefix) = text.split_once('/').unwrap();
        let network = Network { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() };
        is_refused(&info(Both, false, &[text], &[], &[]), &Refused::Address(network));
        is_refused(&info(Both, false, &["198.51.100.7/24", text], &[], &[]), &Refused::Address(network));
    }
    // Subnets of two and of one have neither network nor broadcast address.
    for text in ["192.0.2.6/31", "192.0.2.7/31", "192.0.2.255/32", "192.0.2.0/32", "169.254.1.1/16"] {
        comes_to(&info(V4, false, &[text], &[], &[]), &fixed(&[text], &[], &[]), &keep());
    }
    // IPv6 has no broadcast; the subnet's first address is its routers', and Linux takes it.
    for text in ["2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff/64", "fd00::1/127", "2001:db8::1/128"] {
        comes_to(&info(V6, false, &[text], &[], &[]), &keep(), &fixed(&[text], &[], &[]));
    }
}

#[test]
fn a_prefix_beyond_the_family_is_refused_whoever_made_it() {
    let mut beyond = info(V4, false, &["192.0.2.7/33"], &[], &[]);
    assert_eq!(injection(&beyond).unwrap_err().status(), Status::INVALID_ARG);
    beyond.addresses[0] =
        Address { ip: "2001:db8::7".parse().unwrap(), prefix: 129, origin: Origin::Unknown };
    beyond.family = Both;
    assert_eq!(injection(&beyond).unwrap_err().status(), Status::INVALID_ARG);
}

#[test]
fn the_same_address_twice_is_refused_with_whatever_prefix() {
    let twice = Refused::Twice("192.0.2.7".parse().unwrap());
    is_refused(&info(V4, false, &["192.0.2.7/24", "192.0.2.7/24"], &[], &[]), &twice);
    is_refused(&info(V4, false, &["192.0.2.7/24", "198.51.100.7/24", "192.0.2.7/16"], &[], &[]), &twice);
    let twice = Refused::Twice("2001:db8::7".parse().unwrap());
    is_refused(&info(V6, false, &["2001:db8::7/64", "2001:db8:0::7/48"], &[], &[]), &twice);
}

#[test]
fn gateways_that_cannot_be_are_refused() {
    for (address, gateway) in [
        ("192.0.2.7/24", "192.0.2.7"),
        ("192.0.2.7/24", "0.0.0.0"),
        ("192.0.2.7/24", "127.0.0.1"),
        ("192.0.2.7/24", "224.0.0.1"),
        ("192.0.2.7/24", "255.255.255.255"),
        ("192.0.2.7/24", "192.0.2.255"),
        ("192.0.2.7/24", "192.0.2.0"),
        ("2001:db8::7/64", "2001:db8::7"),
        ("2001:db8::7/64", "::"),
        ("2001:db8::7/64", "::1"),
        ("2001:db8::7/64", "ff02::2"),
        ("2001:db8::7/64", "::ffff:192.0.2.1"),
    ] {
        let why = Refused::Gateway(gateway.parse().unwrap());
        is_refused(&info(Both, false, &[address], &[gateway], &[]), &why);
    }
}

#[test]
fn gateways_outside_of_every_subnet_and_link_local_ones_are_taken_each_once() {
    let v4 = info(V4, false, &["192.0.2.7/32"], &["198.51.100.1", "192.0.2.1", "198.51.100.1"], &[]);
    comes_to(&v4, &fixed(&["192.0.2.7/32"], &["198.51.100.1", "192.0.2.1"], &[]), &keep());
    let v6 = info(V6, false, &["2001:db8::7/64"], &["fe80::1"], &[]);
    comes_to(&v6, &keep(), &fixed(&["2001:db8::7/64"], &["fe80::1"], &[]));
}

#[test]
fn a_gateway_without_an_address_of_its_family_is_refused() {
    let alone = |ip: &str| Refused::GatewayAlone(ip.parse().unwrap());
    is_refused(&info(V4, false, &[], &["192.0.2.1"], &["192.0.2.53"]), &alone("192.0.2.1"));
    is_refused(&info(Both, false, &["192.0.2.7/24"], &["192.0.2.1", "fe80::1"], &[]), &alone("fe80::1"));
    is_refused(&info(Both, true, &[], &["192.0.2.1", "fe80::1"], &[]), &alone("fe80::1"));
}

#[test]
fn more_gateways_than_five_are_refused() {
    let gateways: Vec<String> = (1..=6).map(|n| format!("192.0.2.{n}")).collect();
    let gateways: Vec<&str> = gateways.iter().map(String::as_str).collect();
    let addresses = ["192.0.2.70/24"];
    comes_to(
        &info(V4, false, &addresses, &gateways[..5], &[]),
        &fixed(&addresses, &gateways[..5], &[]),
        &keep(),
    );
    let six = info(V4, false, &addresses, &gateways, &[]);
    assert_eq!(injection(&six), Err(Refused::Gateways(6)));
    assert_eq!(raw_status(&encode(&six, TEXT), TEXT), Some(Status::INVALID_ARG));
    assert_eq!(chardev::parse(&char_device(&six)).unwrap_err().status, Status::INVALID_ARG);
}

#[test]
fn dns_servers_that_cannot_be_are_refused() {
    for (family, server) in [
        (V4, "0.0.0.0"),
        (V4, "224.0.0.251"),
        (V4, "255.255.255.255"),
        (V6, "::"),
        (V6, "ff02::fb"),
        (V6, "::ffff:192.0.2.53"),
    ] {
        let why = Refused::Dns(server.parse().unwrap());
        is_refused(&info(family, false, &[], &[], &[server]), &why);
        is_refused(&info(family, true, &[], &[], &[server]), &why);
    }
}

#[test]
fn adapters_are_named_with_or_without_braces_in_any_case() {
    let mut named = info(V4, true, &[], &[], &[]);
    for id in
        [GUID, &GUID.to_uppercase(), &format!("{{{GUID}}}"), &format!("  {{{GUID}}} "), &format!(" {GUID}")]
    {
        named.adapter_id = id.to_owned();
        for carried in carried(&named) {
            assert_eq!(injection(&carried).unwrap().adapter, GUID);
        }
    }
    for id in
        ["", "eth0", "00:15:5D:01:02:03", &format!("{{{GUID}"), &format!("{GUID}}}"), &GUID[1..], "Ünïcode"]
    {
        named.adapter_id = id.to_owned();
        assert_eq!(injection(&named), Err(Refused::NoAdapter), "{id}");
    }
    assert_eq!(Refused::NoAdapter.status(), Status(0x8004_1002));
    assert_eq!(Refused::Forbidden.status(), Status(0x8007_0032));
}

fn raw_status(body: &[u8], version: Version) -> Option<Status> {
    raw::parse(body, version).err().map(|refusal| refusal.status)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What the wire refuses by itself: also an invalid argument, in both texts.
#[test]
fn lists_that_cannot_be_read_are_invalid_arguments() {
    for (addresses, subnets, gateways, dns) in [
        ("192.0.2.7", "", "", ""),
        ("192.0.2.7;192.0.2.8", "255.255.255.0", "", ""),
        ("192.0.2.7", "255.255.255.0;255.255.255.0", "", ""),
        ("", "255.255.255.0", "", ""),
        ("192.0.2.7", "255.0.255.0", "", ""),
        ("192.0.2.7", "33", "", ""),
        ("2001:db8::7", "129", "", ""),
        ("2001:db8::7", "255.255.255.0", "", ""),
        ("192.0.2.256", "255.255.255.0", "", ""),
        ("192.0.2", "255.255.255.0", "", ""),
        ("fe80::1%3", "64", "", ""),
        ("192.0.2.7", "255.255.255.0", "router", ""),
        ("192.0.2.7", "255.255.255.0", "", "192.0.2.53,192.0.2.54"),
    ] {
        let mut body = encode(&info(Both, false, &[], &[], &[]), TEXT);
        let mut message = char_device(&info(Both, false, &[], &[], &[]));
        for (at, list) in [(258, addresses), (2306, subnets), (4354, gateways), (5378, dns)] {
            let text = utf16(list);
            body[2 + at..2 + at + text.len()].copy_from_slice(&text);
            message[4 + at..4 + at + list.len()].copy_from_slice(list.as_bytes());
        }
        assert_eq!(
            raw_status(&body, TEXT),
            Some(Status::INVALID_ARG),
            "{addresses} {subnets} {gateways} {dns}"
        );
        let refusal = chardev::parse(&message).unwrap_err();
        assert_eq!(refusal.status, Status::INVALID_ARG, "{addresses} {subnets} {gateways} {dns}");
    }
}

#[test]
fn binary_lists_that_cannot_be_are_invalid_arguments() {
    let good = info(Both, false, &["192.0.2.7/24", "2001:db8::7/64"], &["192.0.2.1"], &[]);
    let body = encode(&good, BINARY);
    assert_eq!(raw_status(&body, BINARY), None);
    let broken: [(usize, &[u8]); 8] = [
        (0, &[65, 0, 0, 0]),        // more IPv4 addresses than places
        (4, &[255, 255, 255, 255]), // and IPv6
        (8, &[6, 0, 0, 0]),         // gateways
        (16, &[65, 0, 0, 0]),       // DNS servers
        (280, &[4]),                // a family that is none
        (1564, &[255, 0, 255, 0]),  // a mask with a hole
        (1820, &[129, 0, 0, 0]),    // a prefix that is too long
        (24, &[0, 0xd8]),           // half a surrogate pair in the adapter's id
    ];
    for (at, bytes) in broken {
        let mut body = body.clone();
        body[4 + at..4 + at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(raw_status(&body, BINARY), Some(Status::INVALID_ARG), "{at}");
    }
    // Entries are counted: what is behind them is not looked at, zeros among them are entries.
    let mut zeros = body;
    zeros[4] = 2;
    let Ok(Request::SetIpInfo(info)) = raw::parse(&zeros, BINARY) else { panic!("a SET") };
    assert!(matches!(injection(&info), Err(Refused::Address(_))));
}

#[test]
fn text_that_never_ends_is_read_to_the_end_of_its_field() {
    let body = encode(&info(V4, true, &[], &[], &[]), TEXT);
    for fill in [b'1', b';', b' ', 0xff] {
        for (start, end) in [(2, 258), (260, 2308), (2308, 4356), (4356, 5380), (5380, 7428)] {
            let mut body = body.clone();
            body[start..end].iter_mut().step_by(2).for_each(|byte| *byte = fill);
            if let Ok(Request::SetIpInfo(info)) = raw::parse(&body, TEXT) {
                let _ = injection(&info);
            }
            let mut message = char_device(&self::info(V4, true, &[], &[], &[]));
            message[start + 2..end + 2].fill(fill);
            if let Ok(Request::SetIpInfo(info)) = chardev::parse(&message) {
                let _ = injection(&info);
            }
        }
    }
    for length in [0, 1, 2, 4, 100, 3700, 7427] {
        for version in [TEXT, BINARY] {
            let cut = &body[..length.min(body.len())];
            assert!(raw_status(cut, version).is_some() || version == BINARY, "{length}");
        }
    }
}

fn any_ip() -> impl Strategy<Value = std::net::IpAddr> {
    let v4 = any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).into());
    let v6 = any::<u128>().prop_map(|bits| std::net::Ipv6Addr::from_bits(bits).into());
    let usual = (0..4_u8, 0..8_u8).prop_map(|(net, host)| std::net::Ipv4Addr::new(192, 0, net, host).into());
    prop_oneof![v4, v6, usual]
}

proptest! {
    /// Whatever is taken keeps the promises of the types that hv-netapply gets.
    #[test]
    fn what_is_taken_keeps_its_promises(
        addresses in prop::collection::vec((any_ip(), any::<u8>()), 0..6),
        gateways in prop::collection::vec(any_ip(), 0..8),
        dns in prop::collection::vec(any_ip(), 0..6),
        family in 0..4_u8,
        dhcp in any::<bool>(),
    ) {
        let addresses = addresses.into_iter();
        let info = IpInfo {
            adapter_id: GUID.to_owned(),
            family: Family::try_from(family).unwrap(),
            dhcp,
            addresses: addresses.map(|(ip, prefix)| Address { ip, prefix, origin: Origin::Unknown }).collect(),
            gateways,
            dns,
        };
        let Ok(injection) = injection(&info) else { return Ok(()) };
        for (plan, v4) in [(&injection.ipv4, true), (&injection.ipv6, false)] {
            prop_assert!(plan.gateways.len() <= 5);
            let mut all: Vec<_> = plan.gateways.iter().chain(plan.dns.iter().flatten()).copied().collect();
            match &plan.addressing {
                Addressing::Static(list) => {
                    prop_assert!(!list.is_empty() && plan.dns.is_some());
                    let most = if v4 { 32 } else { 128 };
                    prop_assert!(list.iter().all(|network| (1..=most).contains(&network.prefix)));
                    all.extend(list.iter().map(|network| network.ip));
                }
                _ => prop_assert!(plan.gateways.is_empty()),
            }
            prop_assert!(all.iter().all(|ip| ip.is_ipv4() == v4 && !ip.is_multicast() && !ip.is_unspecified()));
        }
        prop_assert!(!(injection.ipv4.is_silent() && injection.ipv6.is_silent()));
    }
}
