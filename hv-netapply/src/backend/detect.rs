//! Which backend: what the administrator says, else whoever owns the link now, else whoever will own it once it runs.
//!
//! The kernel itself is told only where really nobody has the link. A port has nobody at all: its addresses are its
//! master's matter.

use std::rc::Rc;

use hv_utils_core::netapply::BackendChoice;
use hv_utils_core::network::{Kind, Table};

use super::ifupdown::Ifupdown;
use super::netlink::Netlink;
use super::netplan::Netplan;
use super::network_manager::NetworkManager;
use super::networkd::Networkd;
use super::script::Script;
use super::{Backend, Claim, Readiness, Target};
use crate::error::Error;
use crate::readback::Reader;
use crate::state::State;
use crate::world::World;

/// The managers, in the order in which they are asked: netplan before those that it writes for.
fn managers(world: &Rc<World>) -> Vec<Box<dyn Backend>> {
    vec![
        Box::new(Netplan::new(Rc::clone(world))),
        Box::new(NetworkManager::new(Rc::clone(world))),
        Box::new(Networkd::new(Rc::clone(world))),
        Box::new(Ifupdown::new(Rc::clone(world))),
    ]
}

/// The backend called `name`.
#[must_use]
pub fn named(name: &str, world: &Rc<World>, state: &State) -> Option<Box<dyn Backend>> {
    match name {
        "netlink" => Some(Box::new(Netlink::new(Rc::clone(world), state.clone()))),
        "script" => Some(Box::new(Script::new(Rc::clone(world), state.clone()))),
        _ => managers(world).into_iter().find(|manager| manager.name() == name),
    }
}

/// The backend for a link.
///
/// # Errors
/// The configuration names one that is not there; the link is a port; or somebody has it that is not known here.
pub async fn choose(world: &Rc<World>, state: &State, target: &Target) -> Result<Box<dyn Backend>, Error> {
    let mut reader = Reader::open(&world.roots.sysfs)?;
    stands_alone(target, reader.table()?)?;
    let choice = world.settings.backend;
    if choice != BackendChoice::Auto {
        let word =
            BackendChoice::WORDS.iter().find(|(_, known)| *known == choice).map_or("", |(word, _)| word);
        let chosen = named(word, world, state).ok_or_else(|| {
            Error::not_supported(format!("[network] backend = \"{word}\" is not to be had here"))
        })?;
        return is_or_will_be(chosen, target).await;
    }
    let mut later = None;
    for manager in managers(world) {
        match manager.claim(target).await {
            Claim::Now => return Ok(manager),
            Claim::AtStart => later = later.or(Some(manager)),
            Claim::None => {}
        }
    }
    if let Some(manager) = later {
        return Ok(manager);
    }
    has_no_client(target, reader.table()?)?;
    Ok(Box::new(Netlink::new(Rc::clone(world), state.clone())))
}

/// What was chosen by name must be able to do it, now or at its start: the host would be told of what never comes.
async fn is_or_will_be(chosen: Box<dyn Backend>, target: &Target) -> Result<Box<dyn Backend>, Error> {
    let able = matches!(chosen.name(), "netlink" | "script")
        || chosen.claim(target).await != Claim::None
        || chosen.readiness(target).await == Readiness::Ready;
    if able {
        return Ok(chosen);
    }
    let name = chosen.name();
    Err(Error::not_supported(format!(
        "[network] backend = \"{name}\", but {name} neither runs here nor is to be started, or has nothing to do with {}",
        target.interface
    )))
}

/// A port of a bridge, bond or team has no use for an address: packets to it go to the master. A VRF is another thing.
fn stands_alone(target: &Target, table: &Table) -> Result<(), Error> {
    let master = table.link(target.index).and_then(|link| table.link(link.master?));
    match master.filter(|master| master.kind == Kind::Stacked) {
        None => Ok(()),
        Some(master) => Err(Error::not_supported(format!(
            "{} is a port of {}: an address on it could not be reached; configure {} itself",
            target.interface, master.name, master.name
        ))),
    }
}

/// A DHCP client would put its own back over ours: dhclient, dhcpcd, wicked, connman and others, who cannot be asked.
fn has_no_client(target: &Target, table: &Table) -> Result<(), Error> {
    let addresses = table.link(target.index).into_iter().flat_map(|link| &link.addresses);
    let leased = addresses.filter(|there| there.ip.is_ipv4()).any(|there| !there.is_permanent());
    let by_route = table.routes().iter().any(|route| route.interface == target.index && route.is_dhcp());
    if !leased && !by_route {
        return Ok(());
    }
    Err(Error::not_supported(format!(
        "{} has its address from a DHCP client that hv-netapply does not know: set [network] backend = \"script\" or \
         \"netlink\"",
        target.interface
    )))
}

#[cfg(test)]
mod tests;
