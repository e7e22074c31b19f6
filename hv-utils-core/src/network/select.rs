//! Which interfaces are the virtual machine's, in which order their addresses are told, and as what text.
//!
//! Plain decisions over a [`Table`]; no socket, no file. The host's user wants the addresses under which the
//! machine is reached, not those of docker0, virbr0 or a VPN: so an interface counts if a device is behind it (a
//! NIC), or if it is of a kind that stands on others and one of those counts. The administrator's patterns come
//! last and decide; they are needed for the internal ports of Open vSwitch, which show no relation to a NIC.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use super::route::Route;
use super::table::{Address, Kind, Link, Table};
use crate::glob;

/// `RT_SCOPE_LINK` of `linux/rtnetlink.h`: means something on the link only.
const SCOPE_LINK: u8 = 253;
/// `RT_SCOPE_HOST`: means something within this machine only.
const SCOPE_HOST: u8 = 254;

/// The administrator's word about interfaces: patterns with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    include: Vec<String>,
    exclude: Vec<String>,
}

/// A NIC of the virtual machine, or what stands in for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic<'t> {
    /// Its own interface, which may be switched off.
    pub link: &'t Link,
    /// What of it is shown: itself, then what stands on it, as far as it is switched on.
    pub shown: Vec<&'t Link>,
}

/// A list of addresses as one text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Joined {
    /// The addresses, `;` between them.
    pub text: String,
    /// Addresses that there was no room for.
    pub left_out: usize,
}

impl Selection {
    /// `include`: shown though it would not be. `exclude`: never shown, whatever else holds.
    #[must_use]
    pub fn new(include: Vec<String>, exclude: Vec<String>) -> Selection {
        Selection { include, exclude }
    }

    /// The interfaces that the host is told about: those that are switched on, the primary NIC first, then by number,
    /// and what stands on a NIC directly after it. The primary NIC has the best default route.
    #[must_use]
    pub fn shown<'t>(&self, table: &'t Table) -> Vec<&'t Link> {
        let roots = self.counted(table);
        let mut shown: Vec<&Link> =
            table.links().filter(|link| roots.contains_key(&link.index) && self.may_show(link)).collect();
        let is_shown = |index: u32| shown.iter().any(|link| link.index == index);
        let best = table.routes().iter().map(|route| route.interface).find(|index| is_shown(*index));
        let primary = best.and_then(|index| roots.get(&index).copied());
        shown.sort_by_key(|link| {
            let root = roots[&link.index];
            (Some(root) != primary, root, link.index)
        });
        shown
    }

    /// The NICs, the primary one first, then by number. What stands on several is shown with each.
    #[must_use]
    pub fn nics<'t>(&self, table: &'t Table) -> Vec<Nic<'t>> {
        let roots = self.counted(table);
        let stems = roots.iter().filter(|(index, root)| index == root);
        let links = stems.filter_map(|(index, _)| table.link(*index));
        let mut nics: Vec<Nic<'t>> = links
            .filter(|link| !link.loopback && !any(&self.exclude, &link.name))
            .map(|link| Nic { link, shown: self.shown_on(table, link.index, &roots) })
            .collect();
        let best = |nic: &Nic<'_>| {
            let leads = |route: &Route| nic.shown.iter().any(|link| link.index == route.interface);
            table.routes().iter().position(leads).unwrap_or(usize::MAX)
        };
        if let Some(primary) = (0..nics.len()).min_by_key(|position| best(&nics[*position])) {
            nics[..=primary].rotate_right(1);
        }
        nics
    }

    fn shown_on<'t>(&self, table: &'t Table, nic: u32, counted: &BTreeMap<u32, u32>) -> Vec<&'t Link> {
        let mut roots = BTreeMap::from([(nic, nic)]);
        let carries = |link: &Link| link.lower == Some(nic) || (link.index == nic && link.master.is_some());
        if table.links().any(carries) {
            storeys(table, &mut roots);
        }
        let links = roots.keys().filter(|index| counted.contains_key(index));
        let mut shown: Vec<&Link> =
            links.filter_map(|index| table.link(*index)).filter(|link| self.may_show(link)).collect();
        shown.sort_by_key(|link| link.index != nic);
        shown
    }

    fn may_show(&self, link: &Link) -> bool {
        link.up && !link.loopback && !any(&self.exclude, &link.name)
    }

    /// What counts, and for each the lowest index that it stands on: NICs, or what stands in for them, what stands
    /// on those, and what the administrator adds.
    fn counted(&self, table: &Table) -> BTreeMap<u32, u32> {
        let mut roots = stems(table, |link| link.device);
        if roots.is_empty() {
            roots = stems(table, is_stand_in);
        }
        storeys(table, &mut roots);
        for link in table.links().filter(|link| any(&self.include, &link.name)) {
            roots.entry(link.index).or_insert(link.index);
        }
        roots
    }

    /// The IPv4 addresses of the interfaces shown, joined into at most `units` UTF-16 units.
    #[must_use]
    pub fn ipv4(&self, table: &Table, units: usize) -> Joined {
        join(&listed(&self.shown(table), IpAddr::is_ipv4), units)
    }

    /// The IPv6 addresses of the interfaces shown, joined into at most `units` UTF-16 units.
    #[must_use]
    pub fn ipv6(&self, table: &Table, units: usize) -> Joined {
        join(&listed(&self.shown(table), IpAddr::is_ipv6), units)
    }
}

fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob::matches(pattern, name))
}

/// Interfaces that count by themselves; each stands on itself.
fn stems(table: &Table, counts: impl Fn(&Link) -> bool) -> BTreeMap<u32, u32> {
    table.links().filter(|link| counts(link)).map(|link| (link.index, link.index)).collect()
}

/// Adds what stands on `roots`; for each the lowest index that it stands on.
fn storeys(table: &Table, roots: &mut BTreeMap<u32, u32>) {
    // Each round goes one storey up; roots only ever appear or fall, so this ends even if the kernel showed a ring.
    loop {
        let mut higher = Vec::new();
        for link in table.links() {
            let under = link.lower.filter(|_| link.kind == Kind::Stacked).and_then(|lower| roots.get(&lower));
            if let Some(root) = under {
                higher.push((link.index, *root));
            }
            let master = link.master.and_then(|master| table.link(master));
            if let (Some(master), Some(root)) = (master, roots.get(&link.index)) {
                higher.extend((master.kind == Kind::Stacked).then_some((master.index, *root)));
            }
        }
        higher.retain(|(index, root)| roots.get(index).is_none_or(|known| root < known));
        if higher.is_empty() {
            return;
        }
        for (index, root) in higher {
            let known = roots.entry(index).or_insert(root);
            *known = root.min(*known);
        }
    }
}

/// What counts where no NIC is: in a container the near end of its uplink, on a test machine a dummy. A veth that
/// is a member of something leads into a container; a bridge without members leads nowhere.
fn is_stand_in(link: &Link) -> bool {
    match link.kind {
        Kind::Plain | Kind::Dummy => !link.loopback,
        Kind::Veth | Kind::Stacked => link.lower_elsewhere && link.master.is_none(),
        Kind::Other => false,
    }
}

/// The addresses of `links` in the order in which they are told, each once: what is reachable from afar before what is
/// on the link only; within both, one interface after the other, IPv4 before IPv6, lasting before passing ones. Those
/// that are not, or not yet, known to be the machine's alone are left out.
#[must_use]
pub fn in_order<'t>(links: &[&'t Link]) -> Vec<&'t Address> {
    let mut ranked: Vec<(Rank, usize, &Address)> = Vec::new();
    for (position, link) in links.iter().enumerate() {
        ranked.extend(link.addresses.iter().filter_map(|address| Some((rank(address)?, position, address))));
    }
    // Stable: what ranks the same stays in the kernel's order, which for IPv4 is that of configuration. The kernel
    // announces IPv6 addresses oldest first and lists them newest first: there the number decides.
    ranked.sort_by_key(|(rank, position, address)| {
        let number = match address.ip {
            IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
            IpAddr::V6(ip) => ip,
        };
        (rank.on_link, *position, address.ip.is_ipv6(), rank.lesser, number)
    });
    let mut told = BTreeSet::new();
    ranked.retain(|(_, _, address)| told.insert(address.ip));
    ranked.into_iter().map(|(_, _, address)| address).collect()
}

/// The addresses of one family in their order.
fn listed(shown: &[&Link], family: impl Fn(&IpAddr) -> bool) -> Vec<IpAddr> {
    in_order(shown).into_iter().map(|address| address.ip).filter(family).collect()
}

/// Where an address stands among others; lower comes first.
#[derive(Debug, Clone, Copy)]
struct Rank {
    on_link: bool,
    lesser: u8,
}

/// `None` for what is not (yet) an address of this machine to others.
fn rank(address: &Address) -> Option<Rank> {
    let nobody = address.ip.is_loopback() || address.ip.is_unspecified() || address.ip.is_multicast();
    if nobody || !address.is_confirmed() || address.scope >= SCOPE_HOST {
        return None;
    }
    let on_link = match address.ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let lesser = match (address.is_deprecated(), address.is_secondary()) {
        (false, false) => 0,
        (false, true) => 1,
        (true, _) => 2,
    };
    Some(Rank { on_link: on_link || address.scope == SCOPE_LINK, lesser })
}

/// As many whole addresses as fit. All of them are ASCII: a byte is a unit.
fn join(addresses: &[IpAddr], units: usize) -> Joined {
    let mut text = String::new();
    for (position, address) in addresses.iter().enumerate() {
        let before = text.len();
        if position > 0 {
            text.push(';');
        }
        text.push_str(&address.to_string());
        if text.len() > units {
            text.truncate(before);
            return Joined { text, left_out: addresses.len() - position };
        }
    }
    Joined { text, left_out: 0 }
}

#[cfg(test)]
mod tests;
