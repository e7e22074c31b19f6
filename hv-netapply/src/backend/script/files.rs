//! The two files, as Linux' C daemon writes them (`docs/protocol/kvp.md`): scripts read them, so names, order and forms of the
//! keys are kept to the letter.

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};

use crate::backend::Target;

fn networks(plan: &Plan) -> &[Network] {
    match &plan.addressing {
        Addressing::Static(networks) => networks,
        Addressing::Keep | Addressing::Automatic => &[],
    }
}

fn dns(injection: &Injection) -> impl Iterator<Item = &IpAddr> {
    [&injection.ipv4.dns, &injection.ipv6.dns].into_iter().flatten().flatten()
}

/// Eight groups of four digits, as the C daemon writes IPv6 addresses.
fn expanded(ip: Ipv6Addr) -> String {
    ip.segments().map(|segment| format!("{segment:04x}")).join(":")
}

fn text(ip: &IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => expanded(*ip),
    }
}

/// `ifcfg-IF`.
pub(super) fn ifcfg(target: &Target, injection: &Injection) -> String {
    let protocol = if injection.ipv4.addressing == Addressing::Automatic { "dhcp" } else { "none" };
    let mut file =
        format!("HWADDR={}\nDEVICE={}\nBOOTPROTO={protocol}\n", target.mac.to_uppercase(), target.interface);
    let mut line = |key: String, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(file, "{key}={value}");
    };
    let bare = |name: &str, position: usize| match position {
        0 => name.to_owned(),
        position => format!("{name}{position}"),
    };
    let under = |name: &str, position: usize| match position {
        0 => name.to_owned(),
        position => format!("{name}_{position}"),
    };
    for (position, network) in networks(&injection.ipv4).iter().enumerate() {
        line(format!("IPADDR{position}"), text(&network.ip));
    }
    for (position, network) in networks(&injection.ipv6).iter().enumerate() {
        line(under("IPV6ADDR", position), text(&network.ip));
    }
    for (position, network) in networks(&injection.ipv4).iter().enumerate() {
        let mask = hv_utils_core::wire::kvp::ip::Address::mask(network.prefix);
        line(format!("NETMASK{position}"), mask.to_string());
    }
    for (position, network) in networks(&injection.ipv6).iter().enumerate() {
        line(under("IPV6NETMASK", position), network.prefix.to_string());
    }
    for (position, gateway) in injection.ipv4.gateways.iter().enumerate() {
        line(bare("GATEWAY", position), text(gateway));
    }
    for (position, gateway) in injection.ipv6.gateways.iter().enumerate() {
        line(under("IPV6_DEFAULTGW", position), text(gateway));
    }
    for (position, server) in dns(injection).enumerate() {
        line(format!("DNS{}", position + 1), text(server));
    }
    file
}

/// `IF.nmconnection`.
pub(super) fn keyfile(target: &Target, injection: &Injection) -> String {
    let v4 = match injection.ipv4.addressing {
        Addressing::Automatic => "auto",
        Addressing::Static(_) => "manual",
        Addressing::Keep => "disabled",
    };
    let v6 = if networks(&injection.ipv6).is_empty() { "auto" } else { "manual" };
    let mut file = format!(
        "[connection]\ninterface-name={}\n\n[ethernet]\nmac-address={}\n",
        target.interface,
        target.mac.to_uppercase()
    );
    for (name, method, plan) in [("ipv4", v4, &injection.ipv4), ("ipv6", v6, &injection.ipv6)] {
        let _ = write!(file, "\n[{name}]\n");
        for (position, network) in networks(plan).iter().enumerate() {
            let _ = writeln!(file, "address{}={}/{}", position + 1, text(&network.ip), network.prefix);
        }
        let _ = writeln!(file, "method={method}");
        let list = |ips: &[IpAddr]| ips.iter().map(text).collect::<Vec<_>>().join(",");
        if !plan.gateways.is_empty() {
            let _ = writeln!(file, "gateway={}", list(&plan.gateways));
        }
        if let Some(servers) = plan.dns.as_deref().filter(|servers| !servers.is_empty()) {
            let _ = writeln!(file, "dns={}", list(servers));
        }
    }
    file
}
