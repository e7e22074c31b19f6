//! The default routes that are known, and how messages, and the kernel's silence, change them.
//!
//! Only a store. The kernel does not announce every route that goes: one whose interface is switched off, or loses
//! its last IPv4 address, or that is for an address or by a next hop object which goes, is flushed without a
//! message. What follows from other messages is done here; where it does not follow, [`Routes::is_stale`] says so,
//! and they have to be listed again.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::route::{Route, RouteFamily, RouteNews};

/// Routes by their rank; those of the same rank in no order that means anything.
#[derive(Debug, Clone, Default)]
pub(super) struct Routes {
    known: Vec<Route>,
    /// A way of several was lost with its interface, or that one's last address, and comes back with it unannounced.
    torn: bool,
    /// The next hop objects by which any of them went since the last list.
    next_hops: BTreeSet<u32>,
    stale: bool,
}

/// What is known, not how: two that came about differently are the same.
impl PartialEq for Routes {
    fn eq(&self, other: &Routes) -> bool {
        let all = |one: &Routes, other: &Routes| one.known.iter().all(|route| other.known.contains(route));
        self.known.len() == other.known.len() && all(self, other) && all(other, self)
    }
}

impl Eq for Routes {}

impl Routes {
    pub(super) fn all(&self) -> &[Route] {
        &self.known
    }

    /// Whether they have to be listed anew to be right.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Takes in a route that is there; tells whether anything is different now.
    pub(super) fn add(&mut self, news: RouteNews) -> bool {
        self.torn |= news.torn;
        self.next_hops.extend(news.next_hop);
        let mut changed = false;
        if news.replaces {
            changed = self.replace(&news.ways);
        }
        for way in news.ways {
            if !self.known.contains(&way) {
                let place = self.known.partition_point(|known| known.rank() <= way.rank());
                self.known.insert(place, way);
                changed = true;
            }
        }
        changed
    }

    /// The kernel replaces the first route of the same metric in the same table. If there are several ways, it is not
    /// known which of them belonged to that one.
    fn replace(&mut self, ways: &[Route]) -> bool {
        let Some(way) = ways.first() else {
            self.stale = true;
            return false;
        };
        let same =
            |known: &Route| (known.family, known.table, known.metric) == (way.family, way.table, way.metric);
        match self.known.iter().filter(|known| same(known)).count() {
            0 => false,
            1 => self.remove_where(same),
            _ => {
                self.stale = true;
                false
            }
        }
    }

    /// Takes in that a route has gone.
    pub(super) fn remove(&mut self, news: &RouteNews) -> bool {
        self.remove_where(|known| news.ways.contains(known))
    }

    /// An interface is switched off or gone: no route leads through it.
    pub(super) fn link_down(&mut self, interface: u32) -> bool {
        self.lose(|route| route.interface == interface)
    }

    /// An interface is switched on, or has its first IPv4 address.
    pub(super) fn link_up(&mut self) {
        self.stale |= std::mem::take(&mut self.torn);
    }

    /// An interface has lost its last IPv4 address.
    pub(super) fn last_address_gone(&mut self, interface: u32) -> bool {
        self.lose(|route| route.interface == interface && route.family == RouteFamily::V4)
    }

    /// These go; where others of the same route stay, they come back unannounced.
    fn lose(&mut self, gone: impl Fn(&Route) -> bool) -> bool {
        let lost: Vec<Route> = self.known.iter().filter(|route| gone(route)).cloned().collect();
        self.torn |= lost.iter().any(|lost| {
            let beside = |known: &Route| {
                (known.family, known.table, known.metric) == (lost.family, lost.table, lost.metric)
            };
            self.known.iter().any(|known| !gone(known) && beside(known))
        });
        self.remove_where(gone)
    }

    /// Whether one is for this address.
    pub(super) fn any_for(&self, ip: IpAddr) -> bool {
        self.known.iter().any(|route| route.source == Some(ip))
    }

    /// The machine no longer has this address.
    pub(super) fn source_gone(&mut self, ip: IpAddr) -> bool {
        self.remove_where(|route| route.source == Some(ip))
    }

    /// A next hop is gone, or another; which of the routes go by it was not kept.
    pub(super) fn next_hop(&mut self, number: u32) -> bool {
        self.stale |= self.next_hops.contains(&number);
        false
    }

    fn remove_where(&mut self, gone: impl Fn(&Route) -> bool) -> bool {
        let before = self.known.len();
        self.known.retain(|route| !gone(route));
        self.known.len() != before
    }
}

#[cfg(test)]
mod tests;
