//! GET_IP_INFO and SET_IP_INFO: 16 + 8 + 20 + 7428 bytes and a footer. Text at 0x2e before 5.0, binary at 0x30 from
//! 5.0 on.

use super::*;
use crate::wire::kvp::{Address, Family, IpInfo, IpQuery, Origin};

const BYTES: usize = 7480;

const HEADERS: &str = "
    0000: 06 00 02 00 a6 03 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 18 1d 00 00 03 00 00 00 02 00 00 00
    0020: 00 00 04 1d 00 00 00 00 00 03 00 00";

const TEXT_VERSIONS: [(Version, &str); 3] =
    [(V1, "001e: 01 00 00 00"), (V3, "001e: 03 00 00 00"), (V4, "001e: 04 00 00 00")];

fn packet(version: &str, text: &str) -> Vec<u8> {
    sparse(BYTES, &format!("{HEADERS}\n{version}\n{text}"))
}

fn address(ip: &str, prefix: u8, origin: Origin) -> Address {
    Address { ip: ip.parse().unwrap(), prefix, origin }
}

fn ips<const N: usize>(list: [&str; N]) -> Vec<core::net::IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn query() -> IpQuery {
    IpQuery { adapter_id: "00:15:5D:01:02:03".into(), family: Family::Both }
}

/// What the guest answers; the origins exist only in binary.
fn answer(v4: Origin, v6: Origin) -> IpInfo {
    IpInfo {
        adapter_id: "00:15:5D:01:02:03".into(),
        family: Family::Both,
        dhcp: true,
        addresses: vec![address("10.0.0.4", 24, v4), address("fe80::1", 64, v6)],
        gateways: ips(["10.0.0.1", "fe80::2"]),
        dns: ips(["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888"]),
    }
}

#[test]
fn get_as_text() {
    for (version, bytes) in TEXT_VERSIONS {
        let asked = packet(bytes, "002c: 04 01\n002e u: 00:15:5D:01:02:03\n012e: 03");
        let host = HostRequest::GetIpInfo(Box::new(query()));
        assert_same(&host_kvp(version, &host), &asked);
        let info = answer(Origin::Unknown, Origin::Unknown);
        // The host wants its own adapter id back, whatever the answer calls it.
        let reply = Reply::IpInfo(Box::new(IpInfo { adapter_id: "eth0".into(), ..info.clone() }));
        let sent = kvp(version, &asked, &Request::GetIpInfo(Box::new(query())), Ok(reply));
        let expected = patched(
            &asked,
            "0029: 05
             012e: 03 01
             0130 u: 10.0.0.4;fe80::1
             0930 u: 255.255.255.0;/64
             1130 u: 10.0.0.1;fe80::2;
             1530 u: 8.8.8.8;1.1.1.1;2001:4860:4860::8888;",
        );
        assert_same(&sent, &expected);
        assert_eq!(host_reply(version, &host, &sent), Reply::IpInfo(Box::new(info)));
    }
}

#[test]
fn get_as_binary() {
    let asked = packet("001e: 05", "002c: 04 01\n0048 u: 00:15:5D:01:02:03\n0148: 03");
    let host = HostRequest::GetIpInfo(Box::new(query()));
    assert_same(&host_kvp(V5, &host), &asked);
    let info = answer(Origin::Other, Origin::Static);
    let reply = Reply::IpInfo(Box::new(IpInfo { adapter_id: "eth0".into(), ..info.clone() }));
    // Nothing that the host left in the arrays comes back.
    let dirty = patched(&asked, "0030: ff ff\n0150: ff\n0db8: ff\n0ea0: ff");
    let sent = kvp(V5, &dirty, &Request::GetIpInfo(Box::new(query())), Ok(reply));
    let expected = patched(
        &asked,
        "0029: 05
         0030: 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 02 00 00 00 01 00 00 00
         0148: 03 01
         014c: 0a 00 00 04
         024c: fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01
         064c: ff ff ff 00
         074c: 40 00 00 00
         084c: 0a 00 00 01
         0860: fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 02
         08b0: 08 08 08 08 01 01 01 01
         09b0: 20 01 48 60 48 60 00 00 00 00 00 00 00 00 88 88
         0db0: 01 00 02 00",
    );
    assert_same(&sent, &expected);
    assert_eq!(host_reply(V5, &host, &sent), Reply::IpInfo(Box::new(info)));
}

#[test]
fn get_for_an_unknown_adapter_fails() {
    for (version, bytes, request) in [
        (V4, "001e: 04", "002c: 04 01\n002e u: 00:15:5D:01:02:03\n012e: 03"),
        (V5, "001e: 05", "002c: 04 01\n0048 u: 00:15:5D:01:02:03\n0148: 03"),
    ] {
        let asked = packet(bytes, request);
        let sent = kvp(version, &asked, &Request::GetIpInfo(Box::new(query())), Err(Status::FAIL));
        assert_same(&sent, &patched(&asked, "0024: 05 40 00 80\n0029: 05"));
    }
}

const GUID: &str = "{0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}";

/// What the host injects.
fn injected(origin: Origin) -> IpInfo {
    IpInfo {
        adapter_id: GUID.into(),
        family: Family::Both,
        dhcp: false,
        addresses: vec![address("192.168.1.10", 24, origin), address("2001:db8::5", 64, origin)],
        gateways: ips(["192.168.1.1"]),
        dns: ips(["192.168.1.2", "2001:db8::53"]),
    }
}

#[test]
fn set_as_text() {
    for (version, bytes) in TEXT_VERSIONS {
        let asked = packet(
            bytes,
            "002c: 05 01
             002e u: {0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}
             012e: 03 00
             0130 u: 192.168.1.10;2001:db8::5
             0930 u: 255.255.255.0;64
             1130 u: 192.168.1.1
             1530 u: 192.168.1.2;2001:db8::53",
        );
        let info = injected(Origin::Unknown);
        let host = HostRequest::SetIpInfo(Box::new(info.clone()));
        assert_same(&host_kvp(version, &host), &asked);
        let sent = kvp(version, &asked, &Request::SetIpInfo(Box::new(info)), Ok(Reply::Done));
        assert_same(&sent, &patched(&asked, "0029: 05"));
    }
}

#[test]
fn set_as_binary() {
    let asked = packet(
        "001e: 05",
        "002c: 05 01
         0030: 01 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00
         0048 u: {0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}
         0148: 03 00
         014c: c0 a8 01 0a
         024c: 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 05
         064c: ff ff ff 00
         074c: 40 00 00 00
         084c: c0 a8 01 01
         08b0: c0 a8 01 02
         09b0: 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 53
         0db0: 02 00 02 00",
    );
    let info = injected(Origin::Static);
    let host = HostRequest::SetIpInfo(Box::new(info.clone()));
    assert_same(&host_kvp(V5, &host), &asked);
    let sent = kvp(V5, &asked, &Request::SetIpInfo(Box::new(info)), Ok(Reply::Done));
    assert_same(&sent, &patched(&asked, "0029: 05"));
}

#[test]
fn set_of_nonsense_is_an_invalid_argument() {
    let text = "002c: 05 01\n002e u: {x}\n0130 u: 10.0.0.256\n0930 u: 255.0.0.0";
    let binary = "002c: 05 01\n0030: 41 00 00 00";
    for (version, bytes, request) in [(V4, "001e: 04", text), (V5, "001e: 05", binary)] {
        let asked = packet(bytes, request);
        let (_, sent) = refused(version, &asked);
        assert_same(&sent, &patched(&asked, "0024: 57 00 07 80\n0029: 05"));
    }
}
