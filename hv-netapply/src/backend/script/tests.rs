use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Network, Plan};

use super::files::{ifcfg, keyfile};
use super::*;

fn target() -> Target {
    Target {
        interface: "eth0".to_owned(),
        index: 2,
        mac: "00:15:5d:01:02:0a".to_owned(),
        adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(),
    }
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn fixed(addresses: &[(&str, u8)], gateways: &[&str], dns: &[&str]) -> Plan {
    let network = |(ip, prefix): &(&str, u8)| Network { ip: ip.parse().unwrap(), prefix: *prefix };
    Plan {
        addressing: Addressing::Static(addresses.iter().map(network).collect()),
        gateways: ips(gateways),
        dns: Some(ips(dns)),
    }
}

/// protocol.md §5.9.
#[test]
fn the_two_files_of_a_mixed_configuration() {
    let injection = Injection {
        adapter: target().adapter,
        ipv4: fixed(&[("192.0.2.7", 24), ("192.0.2.8", 24)], &["192.0.2.1", "192.0.2.2"], &["192.0.2.53"]),
        ipv6: fixed(&[("2001:db8::7", 64), ("2001:db8::8", 64)], &["2001:db8::1"], &["2001:db8::53"]),
    };
    let expected = "HWADDR=00:15:5D:01:02:0A\nDEVICE=eth0\nBOOTPROTO=none\n\
        IPADDR0=192.0.2.7\nIPADDR1=192.0.2.8\n\
        IPV6ADDR=2001:0db8:0000:0000:0000:0000:0000:0007\nIPV6ADDR_1=2001:0db8:0000:0000:0000:0000:0000:0008\n\
        NETMASK0=255.255.255.0\nNETMASK1=255.255.255.0\nIPV6NETMASK=64\nIPV6NETMASK_1=64\n\
        GATEWAY=192.0.2.1\nGATEWAY1=192.0.2.2\nIPV6_DEFAULTGW=2001:0db8:0000:0000:0000:0000:0000:0001\n\
        DNS1=192.0.2.53\nDNS2=2001:0db8:0000:0000:0000:0000:0000:0053\n";
    assert_eq!(ifcfg(&target(), &injection), expected);
    let expected = "[connection]\ninterface-name=eth0\n\n[ethernet]\nmac-address=00:15:5D:01:02:0A\n\
        \n[ipv4]\naddress1=192.0.2.7/24\naddress2=192.0.2.8/24\nmethod=manual\ngateway=192.0.2.1,192.0.2.2\n\
        dns=192.0.2.53\n\
        \n[ipv6]\naddress1=2001:0db8:0000:0000:0000:0000:0000:0007/64\n\
        address2=2001:0db8:0000:0000:0000:0000:0000:0008/64\nmethod=manual\n\
        gateway=2001:0db8:0000:0000:0000:0000:0000:0001\ndns=2001:0db8:0000:0000:0000:0000:0000:0053\n";
    assert_eq!(keyfile(&target(), &injection), expected);
}

#[test]
fn the_two_files_of_dhcp() {
    let ipv4 = Plan { addressing: Addressing::Automatic, ..Plan::default() };
    let injection = Injection { adapter: target().adapter, ipv4, ipv6: Plan::default() };
    assert_eq!(ifcfg(&target(), &injection), "HWADDR=00:15:5D:01:02:0A\nDEVICE=eth0\nBOOTPROTO=dhcp\n");
    let expected = "[connection]\ninterface-name=eth0\n\n[ethernet]\nmac-address=00:15:5D:01:02:0A\n\
        \n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n";
    assert_eq!(keyfile(&target(), &injection), expected);
}
