//! What the kernel has said about interfaces, addresses and routes, and how one message changes it.
//!
//! Only a store: nothing here knows which interfaces matter, or talks to the kernel.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::message::{Event, LinkNews};
use super::route::Route;
#[cfg(any(test, feature = "testing"))]
use super::route::RouteNews;
use super::routes::Routes;

/// `IFF_UP` of `linux/if.h`.
const IFF_UP: u32 = 0x1;
/// `IFF_LOWER_UP` of `linux/if.h`.
const IFF_LOWER_UP: u32 = 0x1_0000;
/// `IFF_LOOPBACK` of `linux/if.h`.
const IFF_LOOPBACK: u32 = 0x8;

/// `IFA_F_SECONDARY` for IPv4, `IFA_F_TEMPORARY` for IPv6: one bit (`linux/if_addr.h`).
const IFA_F_SECONDARY: u32 = 0x01;
/// `IFA_F_DADFAILED`: another machine has this address.
const IFA_F_DADFAILED: u32 = 0x08;
/// `IFA_F_DEPRECATED`: not to be used for new connections.
const IFA_F_DEPRECATED: u32 = 0x20;
/// `IFA_F_TENTATIVE`: it is not known yet whether another machine has this address.
const IFA_F_TENTATIVE: u32 = 0x40;
/// `IFA_F_PERMANENT`: without a lifetime, as a person or a file gave it.
const IFA_F_PERMANENT: u32 = 0x80;

/// What an interface is made of, as far as it decides about showing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The driver names no kind: hardware, or what is presented as such.
    Plain,
    /// Stands on other interfaces and carries their addresses: bond, team, bridge, vlan, macvlan, ipvlan, macsec.
    Stacked,
    /// One end of a pair; in a container, the end that is its uplink.
    Veth,
    /// A placeholder without a wire.
    Dummy,
    /// Tunnels, taps, overlays and all else.
    Other,
}

impl Kind {
    /// From the text of `IFLA_INFO_KIND`.
    pub(super) fn from_info(kind: &[u8]) -> Kind {
        match kind {
            b"" => Kind::Plain,
            b"bond" | b"team" | b"bridge" | b"vlan" | b"macvlan" | b"ipvlan" | b"macsec" => Kind::Stacked,
            b"veth" => Kind::Veth,
            b"dummy" => Kind::Dummy,
            _ => Kind::Other,
        }
    }
}

/// A hardware address of up to 32 bytes (`MAX_ADDR_LEN`); six of them on Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HardwareAddress {
    length: u8,
    bytes: [u8; 32],
}

impl HardwareAddress {
    /// The first 32 bytes of what the kernel gave.
    #[must_use]
    pub fn new(from: &[u8]) -> HardwareAddress {
        let mut bytes = [0; 32];
        let length = from.len().min(bytes.len());
        bytes[..length].copy_from_slice(&from[..length]);
        HardwareAddress { length: u8::try_from(length).expect("at most 32 bytes"), bytes }
    }

    /// The bytes, in the order in which they are written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The machine's own end, also on point-to-point links.
    pub ip: IpAddr,
    /// Bits of the network's part.
    pub prefix: u8,
    /// `ifa_scope` (`linux/rtnetlink.h`): 0 everywhere, 253 on the link, 254 within the machine.
    pub scope: u8,
    /// `IFA_F_*` of `linux/if_addr.h`.
    pub flags: u32,
}

impl Address {
    /// No duplicate is known, and the question is settled.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == 0
    }

    /// IPv4: not the first of its subnet. IPv6: made for privacy, soon to be replaced.
    #[must_use]
    pub fn is_secondary(&self) -> bool {
        self.flags & IFA_F_SECONDARY != 0
    }

    /// Its preferred lifetime is over.
    #[must_use]
    pub fn is_deprecated(&self) -> bool {
        self.flags & IFA_F_DEPRECATED != 0
    }

    /// Given by hand or by a file, not by DHCP or a router.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.flags & IFA_F_PERMANENT != 0
    }
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number of it.
    pub index: u32,
    /// Its name, at most 15 bytes; bytes that are not UTF-8 appear as U+FFFD.
    pub name: Box<str>,
    /// Its present hardware address.
    pub hardware: HardwareAddress,
    /// The one that it was made with, where the kernel tells: a bond gives its members another.
    pub permanent: Option<HardwareAddress>,
    /// Switched on by the administrator.
    pub up: bool,
    /// Something is at the other end of its wire.
    pub carrier: bool,
    /// Leads nowhere but back.
    pub loopback: bool,
    /// What it is made of.
    pub kind: Kind,
    /// A device is behind it: a NIC.
    pub device: bool,
    /// The interface under it (`IFLA_LINK`), in this network namespace.
    pub lower: Option<u32>,
    /// The interface under it, or its other end, is in another network namespace.
    pub lower_elsewhere: bool,
    /// The bond, team or bridge that it is a member of.
    pub master: Option<u32>,
    /// In the kernel's order, as far as it can be known.
    pub addresses: Vec<Address>,
}

/// All interfaces and default routes of one network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    links: BTreeMap<u32, Link>,
    routes: Routes,
}

impl Table {
    /// For tests: a table with this in it.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn of(links: Vec<Link>, routes: Vec<Route>) -> Table {
        let mut table = Table::default();
        table.links.extend(links.into_iter().map(|link| (link.index, link)));
        table.routes.add(RouteNews { ways: routes, ..RouteNews::default() });
        table
    }

    /// All interfaces, by index.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// One interface.
    #[must_use]
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// All default routes, best first; a route of several ways is as many.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        self.routes.all()
    }

    /// Whether routes may have come or gone without a message.
    pub(super) fn is_stale(&self) -> bool {
        self.routes.is_stale()
    }

    /// Takes in one message; tells whether anything is different now. `has_device` is asked about interfaces
    /// that are new or renamed and of whose device the kernel says nothing.
    pub(super) fn apply(&mut self, event: Event, has_device: impl FnOnce(&str) -> bool) -> bool {
        match event {
            Event::Link(news) => self.set_link(news, has_device),
            Event::LinkGone(index) => {
                let routes = self.routes.link_down(index);
                self.links.remove(&index).is_some() | routes
            }
            Event::Address(index, address) => self.set_address(index, address),
            Event::AddressGone(index, ip, prefix) => self.remove_address(index, ip, prefix),
            Event::Route(news) => self.routes.add(news),
            Event::RouteGone(news) => self.routes.remove(&news),
            Event::NextHop(number) => self.routes.next_hop(number),
        }
    }

    fn set_link(&mut self, news: LinkNews, has_device: impl FnOnce(&str) -> bool) -> bool {
        let known = self.links.get(&news.index).filter(|known| known.name == news.name);
        let device = match known {
            _ if news.has_parent => true,
            Some(known) => known.device,
            None => has_device(&news.name),
        };
        let link = Link {
            index: news.index,
            hardware: news.hardware,
            permanent: news.permanent,
            up: news.flags & IFF_UP != 0,
            carrier: news.flags & IFF_LOWER_UP != 0,
            loopback: news.flags & IFF_LOOPBACK != 0,
            kind: news.kind,
            device,
            lower: news.lower.filter(|_| !news.lower_elsewhere),
            lower_elsewhere: news.lower_elsewhere,
            master: news.master,
            addresses: Vec::new(),
            name: news.name,
        };
        let routes = match link.up {
            true => false,
            false => self.routes.link_down(link.index),
        };
        let Some(known) = self.links.get_mut(&link.index) else {
            self.links.insert(link.index, link);
            return true;
        };
        if link.up && !known.up {
            self.routes.link_up();
        }
        let addresses = std::mem::take(&mut known.addresses);
        let differs = *known != link; // both without addresses: those are not this message's matter
        *known = Link { addresses, ..link };
        differs | routes
    }

    /// An address of an interface that is not known belongs to one that has gone since: nothing to keep.
    fn set_address(&mut self, index: u32, address: Address) -> bool {
        let Some(link) = self.links.get_mut(&index) else { return false };
        let found =
            link.addresses.iter_mut().find(|known| known.ip == address.ip && known.prefix == address.prefix);
        match found {
            Some(known) if *known == address => false,
            Some(known) => {
                *known = address;
                true
            }
            None => {
                if address.ip.is_ipv4() && !link.addresses.iter().any(|known| known.ip.is_ipv4()) {
                    self.routes.link_up();
                }
                link.addresses.push(address);
                true
            }
        }
    }

    fn remove_address(&mut self, index: u32, ip: IpAddr, prefix: u8) -> bool {
        let Some(link) = self.links.get_mut(&index) else { return false };
        let before = link.addresses.len();
        link.addresses.retain(|known| known.ip != ip || known.prefix != prefix);
        let mut changed = link.addresses.len() != before;
        if ip.is_ipv4() && !link.addresses.iter().any(|known| known.ip.is_ipv4()) {
            changed |= self.routes.last_address_gone(index);
        }
        if self.routes.any_for(ip)
            && !self.links().any(|link| link.addresses.iter().any(|known| known.ip == ip))
        {
            changed |= self.routes.source_gone(ip);
        }
        changed
    }
}

#[cfg(test)]
mod tests;
