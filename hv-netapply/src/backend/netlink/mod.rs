//! A link that no manager owns: the kernel itself is told, and what it was told is kept in our own state and told again at
//! each start.
//!
//! There is no DHCP client here: IPv4 by DHCP is refused. IPv6 by routers is the kernel's own. DNS servers go to
//! systemd-resolved where it runs, else into `/etc/resolv.conf` where that is a plain file.

mod before;
mod kernel;
mod message;
mod names;
mod plan;
mod routers;

use std::rc::Rc;

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::{Addressing, Injection};

use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::readback::Reader;
use crate::saved::{SavedFile, Snapshot, remove};
use crate::state::State;
use crate::world::World;
use before::Before;
use kernel::Kernel;
use plan::Wanted;

/// The fact of a snapshot that has the link's addresses and routes.
const LINK: &str = "link";
/// The fact of another backend's snapshot that has what is kept here.
const KEPT: &str = "kept-without-manager";

/// No manager.
#[derive(Debug)]
pub struct Netlink {
    world: Rc<World>,
    state: State,
}

impl Netlink {
    /// The backend; what is kept is kept in `state`.
    #[must_use]
    pub fn new(world: Rc<World>, state: State) -> Self {
        Self { world, state }
    }

    /// Tells systemd-resolved the DNS servers that are kept for the adapter, when it is there: it keeps nothing itself, and at
    /// boot it starts later than we do. At once where it is not to start; else it waits up to two minutes. Cancel safe; holds
    /// nothing that others wait for.
    ///
    /// # Errors
    /// It does not come, or does not take them.
    pub async fn settle_names(&self, target: &Target) -> Result<(), Error> {
        let kept = self.state.statics().into_iter().find(|kept| kept.adapter == target.adapter);
        match kept {
            Some(kept) => names::until_told(&self.world, target, &kept).await,
            None => Ok(()),
        }
    }

    /// Takes what is kept for an adapter into the way back of whoever is about to have it; before [`Netlink::forget`]. Not
    /// among its files: other backends take those for their manager's.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn remember(state: &State, snapshot: &mut Snapshot, adapter: &str) -> Result<(), Error> {
        let path = state.static_file(adapter);
        if snapshot.files.iter().any(|saved| saved.path == path) {
            return Ok(());
        }
        let text = serde_json::to_string(&SavedFile::take(&path)?)
            .map_err(|error| Error::not_applied(format!("{} cannot be kept: {error}", path.display())))?;
        snapshot.facts.insert(KEPT.to_owned(), text);
        Ok(())
    }

    /// Puts back what [`Netlink::remember`] took.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn bring_back(snapshot: &Snapshot) -> Result<(), Error> {
        let Some(text) = snapshot.facts.get(KEPT) else { return Ok(()) };
        let saved: SavedFile = serde_json::from_str(text)
            .map_err(|_| Error::not_undone("what was kept of an adapter without a manager is damaged"))?;
        saved.restore()
    }

    /// Nothing is kept here any more for an adapter that somebody else writes: else it would be put over theirs at the next
    /// start. None kept is as good. [`State::unmark`] is for whoever ends the transaction.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(state: &State, adapter: &str) -> Result<(), Error> {
        remove(&state.static_file(adapter))
    }

    /// Whether the link is switched on; `None`: it has gone.
    fn is_up(&self, target: &Target) -> Result<Option<bool>, Error> {
        let mut reader = Reader::open(&self.world.roots.sysfs)?;
        Ok(reader.table()?.link(target.index).map(|link| link.up))
    }

    async fn put(&self, target: &Target, wanted: &Wanted) -> Result<(), Error> {
        let gone = || Error::not_applied(format!("{} has gone", target.interface));
        let up = self.is_up(target)?.ok_or_else(gone)?;
        Kernel::connect()?.put(target, wanted, up, &self.world.roots.proc).await
    }

    /// What is kept for the adapter after `injection`: families that it does not speak of stay as they were kept.
    fn merged(&self, injection: &Injection) -> Injection {
        let mut kept = injection.clone();
        let known = self.state.statics().into_iter().find(|known| known.adapter == injection.adapter);
        if let Some(known) = known {
            for (new, old) in [(&mut kept.ipv4, known.ipv4), (&mut kept.ipv6, known.ipv6)] {
                if new.addressing == Addressing::Keep {
                    new.addressing = old.addressing;
                    new.gateways = old.gateways;
                    new.dns = new.dns.take().or(old.dns);
                }
            }
        }
        kept
    }
}

impl Backend for Netlink {
    fn name(&self) -> &'static str {
        "netlink"
    }

    fn claim<'a>(&'a self, _: &'a Target) -> Later<'a, Claim> {
        // Of what nobody else has.
        Box::pin(async { Claim::None })
    }

    fn readiness<'a>(&'a self, _: &'a Target) -> Later<'a, Readiness> {
        Box::pin(async { Readiness::Ready })
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(async move {
            let mut snapshot = Snapshot::default();
            snapshot.add(&self.state.static_file(&target.adapter))?;
            let up = self.is_up(target)?.unwrap_or_default();
            let now = Before::take(&Kernel::connect()?, target, up, &self.world.roots.proc).await?;
            let text = serde_json::to_string(&now).map_err(|error| {
                Error::not_applied(format!("what is on the link cannot be kept: {error}"))
            })?;
            snapshot.facts.insert(LINK.to_owned(), text);
            names::snapshot(&self.world, &mut snapshot, target).await?;
            Ok(snapshot)
        })
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        injection: &'a Injection,
        _: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(async move {
            if injection.ipv4.addressing == Addressing::Automatic {
                return Err(Error::not_supported(format!(
                    "{} has no network manager, and there is no DHCP client here: install one, or give a static address",
                    target.interface
                )));
            }
            let text = serde_json::to_vec_pretty(&self.merged(injection))
                .map_err(|error| Error::not_applied(format!("it cannot be kept: {error}")))?;
            Ok(replace(&self.state.static_file(&target.adapter), &text, 0o600)?)
        })
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(async move {
            let kept = self.state.statics().into_iter().find(|kept| kept.adapter == target.adapter);
            let Some(kept) = kept else { return Ok(()) };
            self.put(target, &Wanted::of(&kept)).await?;
            names::put(&self.world, target, &kept).await
        })
    }

    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        _: bool,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(async move {
            let files = snapshot.restore_files();
            let before = snapshot.facts.get(LINK).and_then(|text| serde_json::from_str::<Before>(text).ok());
            let Some(before) = before else {
                return Err(Error::not_undone("what was kept of the link is damaged"));
            };
            let Some(up) = self.is_up(target)? else {
                // Nothing of it is left that could be put back.
                return files;
            };
            let link = before.restore(&Kernel::connect()?, target, up, &self.world.roots.proc).await;
            let names = names::restore(&self.world, snapshot, target).await;
            files.and(link).and(names)
        })
    }
}

#[cfg(test)]
mod tests;
