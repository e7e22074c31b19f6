use super::*;
use proptest::prelude::*;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn v6(last: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into()
}

fn address(ip: IpAddr, prefix: u8, origin: Origin) -> Address {
    Address { ip, prefix, origin }
}

#[test]
fn masks_and_prefixes_are_each_others_inverse() {
    for (prefix, mask) in
        [(0, "0.0.0.0"), (1, "128.0.0.0"), (8, "255.0.0.0"), (23, "255.255.254.0"), (32, "255.255.255.255")]
    {
        assert_eq!(Address::mask(prefix).to_string(), mask);
        assert_eq!(Address::prefix_of(mask.parse().unwrap()), Some(prefix));
    }
    assert!((0..=32).all(|prefix| Address::prefix_of(Address::mask(prefix)) == Some(prefix)));
    assert_eq!(Address::mask(200), Ipv4Addr::BROADCAST);
    for holes in ["255.0.255.0", "0.0.0.1", "127.255.255.255", "255.255.255.253"] {
        assert_eq!(Address::prefix_of(holes.parse().unwrap()), None, "{holes}");
    }
}

#[test]
fn families_beyond_both_are_refused() {
    for (number, family) in [(0, Family::Unspecified), (1, Family::V4), (2, Family::V6), (3, Family::Both)] {
        assert_eq!(Family::try_from(number), Ok(family));
        assert_eq!(family.number(), number);
    }
    assert_eq!(Family::try_from(4), Err(Problem::Family(4)));
}

#[test]
fn origins_of_the_second_family_follow_without_a_gap() {
    let info = IpInfo {
        addresses: vec![
            address(v6(1), 64, Origin::Static),
            address(v4(1), 24, Origin::Other),
            address(v4(2), 24, Origin::Static),
            address(v6(2), 128, Origin::Other),
        ],
        ..IpInfo::default()
    };
    let mut raw = IpBinary::new_zeroed();
    to_binary(&info, &mut raw);
    assert_eq!(raw.origins[..5].as_bytes(), [1, 0, 2, 0, 2, 0, 1, 0, 0, 0]);
    let read = from_binary(&raw).unwrap();
    let mut expected = info.addresses;
    expected.sort_by_key(|address| address.ip.is_ipv6()); // IPv4 first, else as it was
    assert_eq!(read.addresses, expected);
}

#[test]
fn an_origin_nobody_defined_is_unknown() {
    let mut raw = IpBinary::new_zeroed();
    raw.v4_count = 1.into();
    raw.origins[0] = 3.into();
    assert_eq!(from_binary(&raw).unwrap().addresses[0].origin, Origin::Unknown);
}

#[test]
fn counts_beyond_their_arrays_are_refused() {
    type Set = fn(&mut IpBinary, u32);
    let lists: [(Set, &str, u32); 6] = [
        (|raw, count| raw.v4_count = count.into(), "IPv4 addresses", 64),
        (|raw, count| raw.v6_count = count.into(), "IPv6 addresses", 64),
        (|raw, count| raw.v4_gateway_count = count.into(), "IPv4 gateways", 5),
        (|raw, count| raw.v6_gateway_count = count.into(), "IPv6 gateways", 5),
        (|raw, count| raw.v4_dns_count = count.into(), "IPv4 DNS servers", 64),
        (|raw, count| raw.v6_dns_count = count.into(), "IPv6 DNS servers", 64),
    ];
    for (set, field, max) in lists {
        let mut raw = IpBinary::new_zeroed();
        set(&mut raw, max);
        assert!(from_binary(&raw).is_ok(), "{field}");
        for count in [max + 1, u32::MAX] {
            set(&mut raw, count);
            assert_eq!(from_binary(&raw), Err(Problem::TooMany { field, count, max }));
        }
    }
}

#[test]
fn subnets_with_holes_and_prefixes_beyond_128_are_refused() {
    let mut raw = IpBinary::new_zeroed();
    (raw.v4_count, raw.v6_count) = (2.into(), 2.into());
    raw.v6_prefixes[1] = 128.into();
    assert!(from_binary(&raw).is_ok());
    raw.v6_prefixes[1] = 129.into();
    assert_eq!(from_binary(&raw), Err(Problem::Subnet { field: "IPv6 subnets", position: 1 }));
    raw.v6_prefixes[1] = 0x100.into();
    assert_eq!(from_binary(&raw), Err(Problem::Subnet { field: "IPv6 subnets", position: 1 }));
    raw.v4_masks[1] = [255, 0, 255, 0];
    assert_eq!(from_binary(&raw), Err(Problem::Subnet { field: "IPv4 subnets", position: 1 }));
}

#[test]
fn what_exceeds_the_arrays_is_left_out_from_the_end() {
    let many = |count: usize| (0..count).map(|n| v4(n as u8)).chain((0..count).map(|n| v6(n as u16)));
    let info = IpInfo {
        addresses: many(70).map(|ip| address(ip, 24, Origin::Static)).collect(),
        gateways: many(6).collect(),
        dns: many(65).collect(),
        ..IpInfo::default()
    };
    let mut raw = IpBinary::new_zeroed();
    to_binary(&info, &mut raw);
    let read = from_binary(&raw).unwrap();
    assert_eq!((read.addresses.len(), read.gateways.len(), read.dns.len()), (128, 10, 128));
    assert_eq!((read.addresses[63].ip, read.addresses[127].ip), (v4(63), v6(63)));
    assert!(read.addresses.iter().all(|address| address.origin == Origin::Static));
}

#[test]
fn writing_keeps_the_adapter_id_and_nothing_else() {
    let mut bytes = [0xee; size_of::<IpBinary>()];
    let raw = IpBinary::mut_from_bytes(&mut bytes).unwrap();
    to_binary(&IpInfo::default(), raw);
    let rest: Vec<u8> = bytes[..24].iter().chain(&bytes[280..]).copied().collect();
    assert_eq!(bytes[24..280], [0xee; 256]);
    assert!(rest.iter().all(|byte| *byte == 0));
}

proptest! {
    /// Decode, encode, decode: what was understood once is understood the same again.
    #[test]
    fn binary_is_stable(
        counts in proptest::array::uniform6(0..7_u8),
        noise in proptest::collection::vec(any::<u8>(), size_of::<IpBinary>()),
    ) {
        let mut raw = IpBinary::read_from_bytes(&noise).unwrap();
        for (place, count) in raw.as_mut_bytes()[..24].chunks_exact_mut(4).zip(counts) {
            place.copy_from_slice(&u32::from(count).to_le_bytes());
        }
        raw.family &= 3;
        raw.v6_prefixes.iter_mut().for_each(|prefix| *prefix = (prefix.get() & 127).into());
        raw.v4_masks.iter_mut().for_each(|mask| *mask = Address::mask(mask[0] % 33).octets());
        if let Ok(info) = from_binary(&raw) {
            let mut again = IpBinary::new_zeroed();
            to_binary(&info, &mut again);
            prop_assert_eq!(from_binary(&again).unwrap(), info);
        } else {
            prop_assert!(counts[2] > 5 || counts[3] > 5, "only the gateway counts can be wrong");
        }
    }
}
