//! The few rtnetlink messages that matter, from bytes to [`Event`]s, and the requests for a dump.
//!
//! No socket here. Numbers are those of `linux/rtnetlink.h`, `linux/if_link.h` and `linux/if_addr.h`. What a
//! message lacks, has too much of or has in another form than expected makes it no message, never a panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::NlasIterator;

use super::route::{self, RouteNews};
use super::table::{Address, HardwareAddress, Kind};

/// `RTM_NEWLINK`
const NEW_LINK: u16 = 16;
/// `RTM_DELLINK`
const DEL_LINK: u16 = 17;
/// `RTM_NEWADDR`
const NEW_ADDRESS: u16 = 20;
/// `RTM_DELADDR`
const DEL_ADDRESS: u16 = 21;
/// `RTM_NEWROUTE`
const NEW_ROUTE: u16 = 24;
/// `RTM_DELROUTE`
const DEL_ROUTE: u16 = 25;
/// `RTM_NEWNEXTHOP`
const NEW_NEXT_HOP: u16 = 104;
/// `RTM_DELNEXTHOP`
const DEL_NEXT_HOP: u16 = 105;

/// Bytes of `struct ifinfomsg`.
const LINK_HEADER: usize = 16;
/// Bytes of `struct ifaddrmsg`.
const ADDRESS_HEADER: usize = 8;
/// Bytes of `struct nhmsg`.
const NEXT_HOP_HEADER: usize = 8;

/// `AF_UNSPEC`: the family of messages about an interface as such.
const AF_UNSPEC: u8 = 0;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_LINK_NETNSID: u16 = 37;
/// Since Linux 5.6, and where the hardware has one.
const IFLA_PERM_ADDRESS: u16 = 54;
/// Since Linux 5.14; before, sysfs is asked.
const IFLA_PARENT_DEV_NAME: u16 = 56;
const IFLA_INFO_KIND: u16 = 1;
/// Leave out counters, two thirds of a message; older kernels ignore it.
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

const NHA_ID: u16 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// An interface is there, in this state.
    Link(LinkNews),
    /// An interface is gone.
    LinkGone(u32),
    /// An interface has this address, in this state.
    Address(u32, Address),
    /// An interface no longer has this address of this prefix.
    AddressGone(u32, IpAddr, u8),
    /// A default route is there.
    Route(RouteNews),
    /// A default route is gone.
    RouteGone(RouteNews),
    /// A next hop that routes share, or a group of them, is gone, and those routes with it, or is another: a group that
    /// loses a member. Neither is announced route by route.
    NextHop(u32),
}

/// One interface, as a message describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkNews {
    pub(super) index: u32,
    pub(super) name: Box<str>,
    pub(super) hardware: HardwareAddress,
    pub(super) permanent: Option<HardwareAddress>,
    /// `IFF_*` of `linux/if.h`.
    pub(super) flags: u32,
    pub(super) kind: Kind,
    /// The kernel has named the device behind it.
    pub(super) has_parent: bool,
    pub(super) lower: Option<u32>,
    pub(super) lower_elsewhere: bool,
    pub(super) master: Option<u32>,
}

/// What can be dumped: everything there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dump {
    Links,
    Addresses,
    Routes,
}

impl Dump {
    /// The whole request, with its netlink header.
    pub(super) fn request(self, sequence: u32) -> Vec<u8> {
        /// `NLM_F_REQUEST | NLM_F_DUMP`
        const FLAGS: u16 = 0x1 | 0x300;
        let (length, kind): (u32, u16) = match self {
            Dump::Links => (40, 18),     // RTM_GETLINK, struct ifinfomsg, one attribute
            Dump::Addresses => (24, 22), // RTM_GETADDR, struct ifaddrmsg
            Dump::Routes => (28, 26),    // RTM_GETROUTE, struct rtmsg
        };
        let mut message = vec![0; 40];
        message[0..4].copy_from_slice(&length.to_ne_bytes());
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[6..8].copy_from_slice(&FLAGS.to_ne_bytes());
        message[8..12].copy_from_slice(&sequence.to_ne_bytes());
        match self {
            Dump::Links => {
                message[32..34].copy_from_slice(&8_u16.to_ne_bytes());
                message[34..36].copy_from_slice(&IFLA_EXT_MASK.to_ne_bytes());
                message[36..40].copy_from_slice(&RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
            }
            Dump::Addresses => message.truncate(24),
            Dump::Routes => message.truncate(28),
        }
        message
    }
}

/// Reads one message; `None` if it is not about what we keep, or not well formed.
pub(super) fn parse(kind: u16, payload: &[u8]) -> Option<Event> {
    match kind {
        NEW_LINK => parse_link(payload).map(Event::Link),
        // A bridge that loses a member says so by a DELLINK of that member in its own family.
        DEL_LINK if payload.first() == Some(&AF_UNSPEC) => word(payload, 4).map(Event::LinkGone),
        NEW_ADDRESS => parse_address(payload).map(|(index, address)| Event::Address(index, address)),
        DEL_ADDRESS => parse_address(payload)
            .map(|(index, address)| Event::AddressGone(index, address.ip, address.prefix)),
        NEW_ROUTE => route::parse(payload).map(Event::Route),
        DEL_ROUTE => route::parse(payload).map(Event::RouteGone),
        NEW_NEXT_HOP | DEL_NEXT_HOP => {
            let mut attributes = attributes(payload.get(NEXT_HOP_HEADER..)?);
            attributes
                .find(|(kind, _)| *kind == NHA_ID)
                .and_then(|(_, value)| word(value, 0))
                .map(Event::NextHop)
        }
        _ => None,
    }
}

fn parse_link(payload: &[u8]) -> Option<LinkNews> {
    if payload.first() != Some(&AF_UNSPEC) {
        return None;
    }
    let mut news = LinkNews {
        index: word(payload, 4)?,
        name: Box::default(),
        hardware: HardwareAddress::default(),
        permanent: None,
        flags: word(payload, 8)?,
        kind: Kind::Plain,
        has_parent: false,
        lower: None,
        lower_elsewhere: false,
        master: None,
    };
    for (kind, value) in attributes(payload.get(LINK_HEADER..)?) {
        match kind {
            IFLA_ADDRESS => news.hardware = HardwareAddress::new(value),
            IFLA_PERM_ADDRESS => news.permanent = Some(HardwareAddress::new(value)),
            IFLA_IFNAME => news.name = String::from_utf8_lossy(until_nul(value)).into(),
            IFLA_LINK => news.lower = word(value, 0).filter(|index| *index != 0),
            IFLA_MASTER => news.master = word(value, 0).filter(|index| *index != 0),
            IFLA_LINKINFO => news.kind = info_kind(value),
            IFLA_LINK_NETNSID => news.lower_elsewhere = true,
            IFLA_PARENT_DEV_NAME => news.has_parent = true,
            _ => {}
        }
    }
    (!news.name.is_empty()).then_some(news)
}

fn info_kind(info: &[u8]) -> Kind {
    attributes(info)
        .find(|(kind, _)| *kind == IFLA_INFO_KIND)
        .map_or(Kind::Plain, |(_, value)| Kind::from_info(until_nul(value)))
}

fn parse_address(payload: &[u8]) -> Option<(u32, Address)> {
    let (prefix, flags, scope) = (*payload.get(1)?, *payload.get(2)?, *payload.get(3)?);
    let index = word(payload, 4)?;
    let (mut near, mut far, mut flags) = (None, None, u32::from(flags));
    for (kind, value) in attributes(payload.get(ADDRESS_HEADER..)?) {
        match kind {
            IFA_LOCAL => near = ip(value),
            IFA_ADDRESS => far = ip(value),
            IFA_FLAGS => flags = word(value, 0)?,
            _ => {}
        }
    }
    // On a point-to-point link the address is the other end's, and the local one ours.
    Some((index, Address { ip: near.or(far)?, prefix, scope, flags }))
}

/// The well-formed attributes of a message, up to the first that is not.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes).map_while(Result::ok).map(|attribute| {
        let length = attribute.value_length();
        let kind = attribute.kind();
        (kind, &attribute.into_inner()[4..4 + length])
    })
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
