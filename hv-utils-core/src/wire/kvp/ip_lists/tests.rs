use super::*;
use crate::wire::kvp::Family;
use proptest::prelude::*;
use zerocopy::FromZeros;

const TEXT: Encoding = Encoding::Utf8;

fn put(field: &mut [u8], text: &str) {
    field[..text.len()].copy_from_slice(text.as_bytes());
}

fn read_lists(addresses: &str, subnets: &str, gateways: &str, dns: &str) -> Result<IpInfo, Problem> {
    let mut raw = IpText::new_zeroed();
    put(&mut raw.addresses, addresses);
    put(&mut raw.subnets, subnets);
    put(&mut raw.gateways, gateways);
    put(&mut raw.dns, dns);
    read(&raw, TEXT)
}

fn addresses(info: &IpInfo) -> Vec<String> {
    info.addresses.iter().map(|address| format!("{}/{}", address.ip, address.prefix)).collect()
}

#[test]
fn spaces_trailing_separators_and_both_prefix_styles_are_understood() {
    let info = read_lists(
        " 10.0.0.4; 10.0.0.5 ;fe80::1;2001:DB8::1;172.16.0.1;",
        "255.255.255.0;24; /64;64;/12",
        "10.0.0.1;",
        ";8.8.8.8; ;2001:4860:4860::8888",
    )
    .unwrap();
    assert_eq!(
        addresses(&info),
        ["10.0.0.4/24", "10.0.0.5/24", "fe80::1/64", "2001:db8::1/64", "172.16.0.1/12"]
    );
    assert_eq!(info.gateways.len(), 1);
    assert_eq!(info.dns, ["8.8.8.8".parse::<IpAddr>().unwrap(), "2001:4860:4860::8888".parse().unwrap()]);
}

#[test]
fn empty_lists_are_a_configuration_too() {
    let info = read_lists("", "", "", "").unwrap();
    assert_eq!(info, IpInfo::default());
}

#[test]
fn a_dhcp_flag_goes_with_static_ipv6() {
    let mut raw = IpText::new_zeroed();
    put(&mut raw.addresses, "2001:db8::5");
    put(&mut raw.subnets, "64");
    (raw.family, raw.dhcp) = (2, 1);
    let info = read(&raw, TEXT).unwrap();
    assert_eq!((info.family, info.dhcp, addresses(&info)), (Family::V6, true, vec!["2001:db8::5/64".into()]));
}

#[test]
fn nonsense_is_named_with_its_list_and_place() {
    let address = |field, position| Problem::Address { field, position };
    let subnet = |position| Problem::Subnet { field: "subnets", position };
    for (addresses, subnets, problem) in [
        ("10.0.0.256", "255.0.0.0", address("addresses", 0)),
        ("10.0.0.1;10.0.0", "8;8", address("addresses", 1)),
        ("10.0.0.1 10.0.0.2", "8", address("addresses", 0)),
        ("fe80::1%2", "64", address("addresses", 0)),
        ("$(reboot)", "8", address("addresses", 0)),
        ("10.0.0.1", "255.0.255.0", subnet(0)),
        ("10.0.0.1", "33", subnet(0)),
        ("10.0.0.1", "/33", subnet(0)),
        ("10.0.0.1", "//8", subnet(0)),
        ("10.0.0.1", "+8", subnet(0)),
        ("10.0.0.1", "/", subnet(0)),
        ("fe80::1", "129", subnet(0)),
        ("fe80::1", "255.255.255.0", subnet(0)),
        ("10.0.0.1;fe80::1", "8;ffff::", subnet(1)),
        ("10.0.0.1;10.0.0.2", "8", Problem::SubnetCount { addresses: 2, subnets: 1 }),
        ("10.0.0.1", "", Problem::SubnetCount { addresses: 1, subnets: 0 }),
        ("", "8", Problem::SubnetCount { addresses: 0, subnets: 1 }),
    ] {
        assert_eq!(read_lists(addresses, subnets, "", ""), Err(problem), "{addresses} {subnets}");
    }
    assert_eq!(read_lists("", "", "gw", ""), Err(address("gateways", 0)));
    assert_eq!(read_lists("", "", "", "8.8.8.8;dns"), Err(address("DNS servers", 1)));
}

#[test]
fn an_entry_as_long_as_its_field_is_only_a_bad_address() {
    let mut raw = IpText::new_zeroed();
    raw.addresses = [b'1'; 2048];
    put(&mut raw.subnets, "8");
    assert_eq!(read(&raw, TEXT), Err(Problem::Address { field: "addresses", position: 0 }));
}

#[test]
fn more_entries_than_the_binary_form_has_are_refused() {
    let list = |entry: &str, count: usize| vec![entry; count].join(";");
    let too_many = |field, count, max| Err(Problem::TooMany { field, count, max });
    assert!(read_lists(&list("10.0.0.1", 64), &list("8", 64), &list("1.1.1.1", 5), "").is_ok());
    assert_eq!(read_lists(&list("10.0.0.1", 65), &list("8", 65), "", ""), too_many("addresses", 65, 64));
    assert_eq!(read_lists(&list("fe80::1", 65), &list("8", 65), "", ""), too_many("addresses", 65, 64));
    assert_eq!(read_lists("", "", &list("1.1.1.1", 6), ""), too_many("gateways", 6, 5));
    assert_eq!(read_lists("", "", "", &list("8.8.8.8", 66)), too_many("DNS servers", 66, 64));
    let both = [list("1.1.1.1", 5), list("fe80::1", 5)].join(";");
    assert_eq!(read_lists("", "", &both, "").unwrap().gateways.len(), 10);
}

#[test]
fn an_adapter_id_may_fill_its_field_and_must_be_text() {
    let mut raw = IpText::new_zeroed();
    raw.adapter_id = [b'x'; 256];
    assert_eq!(query(&raw, Encoding::Utf8).unwrap().adapter_id.len(), 256);
    assert_eq!(query(&raw, Encoding::Utf16).unwrap().adapter_id.chars().count(), 128);
    raw.adapter_id = [0xff; 256];
    assert_eq!(query(&raw, Encoding::Utf8), Err(Problem::NotUtf8 { field: "adapter id" }));
}

#[test]
fn a_family_that_is_none_does_not_count_in_a_question_and_is_refused_in_a_configuration() {
    let mut raw = IpText::new_zeroed();
    for family in [4, 9, 255] {
        raw.family = family;
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            assert_eq!(query(&raw, encoding).map(|query| query.family), Ok(Family::Unspecified));
            assert_eq!(read(&raw, encoding), Err(Problem::Family(family)));
        }
    }
}

#[test]
fn what_finds_no_room_is_left_out_whole_and_the_lists_stay_in_step() {
    let ip: IpAddr = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(); // 38 characters
    let info = IpInfo {
        addresses: vec![Address { ip, prefix: 64, origin: Origin::Unknown }; 64],
        gateways: vec![ip; 64],
        dns: vec![ip; 64],
        ..IpInfo::default()
    };
    for (writer, encoding) in [
        (Writer::Guest, Encoding::Utf16),
        (Writer::Guest, Encoding::Utf8),
        (Writer::Host, Encoding::Utf16),
        (Writer::Host, Encoding::Utf8),
    ] {
        let mut raw = IpText::new_zeroed();
        write(&info, writer, encoding, &mut raw).unwrap();
        // 1023 and 511 characters hold 26 and 13 entries of 39.
        assert_eq!(entries(&encoding.field("x", &raw.addresses).unwrap()).count(), 26);
        assert_eq!(entries(&encoding.field("x", &raw.subnets).unwrap()).count(), 26);
        assert_eq!(entries(&encoding.field("x", &raw.gateways).unwrap()).count(), 13);
        assert_eq!(entries(&encoding.field("x", &raw.dns).unwrap()).count(), 26);
    }
}

fn any_address() -> impl Strategy<Value = Address> {
    let v4 = (any::<u32>(), 0..=32_u8).prop_map(|(ip, prefix)| (IpAddr::V4(Ipv4Addr::from_bits(ip)), prefix));
    let v6 = (any::<u128>(), 0..=128_u8).prop_map(|(ip, prefix)| (IpAddr::V6(ip.into()), prefix));
    prop_oneof![v4, v6].prop_map(|(ip, prefix)| Address { ip, prefix, origin: Origin::Unknown })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        addresses in proptest::collection::vec(any_address(), 0..20),
        gateways in proptest::collection::vec(any_address(), 0..5),
        dns in proptest::collection::vec(any_address(), 0..20),
        (family, dhcp, host, wide) in (0..4_u8, any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let info = IpInfo {
            adapter_id: String::new(),
            family: family.try_into().unwrap(),
            dhcp,
            addresses,
            gateways: gateways.iter().map(|address| address.ip).collect(),
            dns: dns.iter().map(|address| address.ip).collect(),
        };
        let writer = if host { Writer::Host } else { Writer::Guest };
        let encoding = if wide { Encoding::Utf16 } else { Encoding::Utf8 };
        let mut raw = IpText::new_zeroed();
        write(&info, writer, encoding, &mut raw).unwrap();
        prop_assert_eq!(read(&raw, encoding).unwrap(), info);
    }
}
