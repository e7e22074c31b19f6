//! Before a device is taken from `uio_hv_generic`: nobody may have its node open.
//!
//! Linux (6.12, and mainline's source of 2025) does not close the channel of a device whose driver is unbound under an open node; it frees
//! the rings, and the host goes on writing there. So our own daemon is asked to let go, anybody else is waited for, and
//! where somebody stays the device stays too.

use std::time::{Duration, Instant};

use hv_utils_core::wire::Ic;

use super::{Daemons, Roots};
use crate::components::Component;
use crate::engine::{Identity, Owner, UIO};
use crate::error::Error;
use crate::sysfs::{Bus, Node, Opener, openers};

/// How long programs may take to close the node.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);
/// A host that replaces a closed device does so within this.
const SETTLE: Duration = Duration::from_millis(1500);
/// How long the daemon is to leave the device alone: longer than any journey takes.
const AWAY: Duration = Duration::from_secs(20);

/// Waits, bounded, until nobody has the component's device open. `false`: somebody had, and the device may be another one
/// by now.
///
/// # Errors
/// Somebody keeps it open, or it cannot be seen whether anybody does.
pub(super) fn free(
    bus: &Bus,
    roots: &Roots,
    daemons: &dyn Daemons,
    component: Component,
) -> Result<bool, Error> {
    let mut daemon: Option<Result<u32, String>> = None;
    let mut answer = None;
    let mut closed = None;
    let mut end = Instant::now() + PATIENCE;
    loop {
        let Some((node, there)) = look(bus, roots, component)? else {
            if let Some(before) = closed.filter(|_| component.ic == Ic::Kvp) {
                settle(bus, component, before)?;
            }
            return Ok(daemon.is_none());
        };
        let daemon = daemon.get_or_insert_with(|| daemons.process(component));
        // Not while others have it too: the daemon would let go in vain.
        let alone = there.iter().all(|opener| Ok(opener.pid) == *daemon);
        if alone && answer.is_none() {
            tracing::debug!(daemon = component.daemon, "asked to let go of {}", node.path.display());
            closed = bus.find(component.ic)?.map(|found| found.device.identity);
            answer = Some(daemons.release(component, AWAY));
            end = Instant::now() + PATIENCE;
        } else if Instant::now() >= end {
            return Err(kept(component, &node, &there, daemon, answer.as_ref()));
        } else {
            std::thread::sleep(LOOK);
        }
    }
}

/// Waits for the host to replace a device whose channel was closed a moment ago, or until it is clear that it does not.
///
/// Linux 6.12 does not survive an unbind that meets the host's rescind: `hv_uio_rescind` finds a driver that is half gone,
/// and the kernel's own thread dies with VMBus' lock in its hands. Seen.
fn settle(bus: &Bus, component: Component, before: Identity) -> Result<(), Error> {
    let end = Instant::now() + SETTLE;
    while Instant::now() < end {
        // A device that is gone is waited for by the journey.
        if bus.find(component.ic)?.is_none_or(|found| found.device.identity != before) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The node of the component's device, and who has it open; `None` if nobody has.
fn look(bus: &Bus, roots: &Roots, component: Component) -> Result<Option<(Node, Vec<Opener>)>, Error> {
    let found = bus.find(component.ic)?.filter(|found| found.device.owner == Owner::Uio);
    let Some(node) = found.and_then(|found| bus.node(&found.vmbus, &roots.dev)) else { return Ok(None) };
    let there = openers(&roots.proc, &node)?;
    Ok(if there.is_empty() { None } else { Some((node, there)) })
}

fn kept(
    component: Component,
    node: &Node,
    there: &[Opener],
    daemon: &Result<u32, String>,
    answer: Option<&Result<(), String>>,
) -> Error {
    let names: Vec<String> = there.iter().map(|by| format!("{} (process {})", by.program, by.pid)).collect();
    let (have, them) = if names.len() == 1 { ("has", "it") } else { ("have", "them") };
    let ours = there.iter().any(|by| by.program == component.daemon || Ok(by.pid) == *daemon);
    let said = match (daemon, answer) {
        _ if !ours => String::new(),
        (Err(why), _) => format!(", and {} cannot be asked to let go ({why})", component.daemon),
        (_, Some(Err(why))) => format!(", and {} was asked to let go and does not ({why})", component.daemon),
        (_, Some(Ok(()))) => format!(", though {} was asked to let go", component.daemon),
        (_, None) => String::new(),
    };
    Error::refused(format!(
        "{} stays on {UIO}: {} {have} {} open{said}; the kernel would free memory that the host still writes to; \
         stop {them} and try again",
        component.name,
        names.join(", "),
        node.path.display()
    ))
}
