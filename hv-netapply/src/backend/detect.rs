//! Which backend: what the administrator says, else whoever owns the link now, else whoever will own it once it runs.

use std::rc::Rc;

use hv_utils_core::netapply::BackendChoice;

use super::ifupdown::Ifupdown;
use super::netlink::Netlink;
use super::netplan::Netplan;
use super::network_manager::NetworkManager;
use super::networkd::Networkd;
use super::script::Script;
use super::{Backend, Claim, Target};
use crate::error::Error;
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
/// The configuration names one that is not there.
pub async fn choose(world: &Rc<World>, state: &State, target: &Target) -> Result<Box<dyn Backend>, Error> {
    let choice = world.settings.backend;
    if choice != BackendChoice::Auto {
        let word =
            BackendChoice::WORDS.iter().find(|(_, known)| *known == choice).map_or("", |(word, _)| word);
        return named(word, world, state).ok_or_else(|| {
            Error::not_supported(format!("[network] backend = \"{word}\" is not to be had here"))
        });
    }
    let mut later = None;
    for manager in managers(world) {
        match manager.claim(target).await {
            Claim::Now => return Ok(manager),
            Claim::AtStart => later = later.or(Some(manager)),
            Claim::None => {}
        }
    }
    Ok(later.unwrap_or_else(|| Box::new(Netlink::new(Rc::clone(world), state.clone()))))
}
