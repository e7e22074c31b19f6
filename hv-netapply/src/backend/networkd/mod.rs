//! systemd-networkd: a complete `.network` file of ours for the NIC, before the one that it has now.
//!
//! The owner's file is read and never written. Why a file and no drop-in beside it: the owner's may fit many links, and in
//! a drop-in lists can only be taken back for both families at once. Why before it: networkd takes the first that fits, by
//! the order of names. networkd has no program that checks a file (`systemd-analyze verify` does not know them, networkctl
//! has no such word); what goes into ours are values of types, not texts, and what comes to be is read back from the kernel.

pub mod bus;
pub mod compose;
pub mod file;
pub mod filter;
pub mod header;
pub mod matches;
pub mod owner;
pub mod pattern;

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::daemon::{directory, replace};
use hv_utils_core::netapply::{Injection, Plan};
use tokio::time::{sleep, timeout};

use self::compose::{Nic, compose};
use self::header::{Header, merge};
use self::owner::LinkState;
use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::saved::{SavedFile, Snapshot};
use crate::world::World;

const UNIT: &str = "systemd-networkd.service";
/// Facts of a snapshot: our file's name on the machine, that of the file it stands in for, and whether ours was in force
/// already.
const OURS: &str = "ours";
const ORIGIN: &str = "origin";
const STANDS: &str = "stands";
/// What our file's name may begin with: the first of these that sorts before the owner's is taken.
const PREFIXES: [&str; 4] = ["00-hv-utils-", "0-hv-utils-", "+hv-utils-", "!hv-utils-"];

/// systemd-networkd.
#[derive(Debug)]
pub struct Networkd {
    world: Rc<World>,
}

impl Networkd {
    /// The one of this world.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { world }
    }

    /// The file that the link has, or will have.
    async fn owner(&self, target: &Target) -> Option<String> {
        let roots = &self.world.roots;
        let running = bus::runs(&self.world).await;
        let state = LinkState::read(roots, target.index).filter(|_| running);
        match state {
            Some(state) if state.is_managed() => state.file,
            _ => owner::predict(roots, target),
        }
    }

    async fn claimed(&self, target: &Target) -> Claim {
        let running = bus::runs(&self.world).await;
        let state = LinkState::read(&self.world.roots, target.index).unwrap_or_default();
        if running && !state.is_undecided() {
            let theirs = state.file.as_deref().is_some_and(owner::is_netplans);
            return if state.is_managed() && !theirs { Claim::Now } else { Claim::None };
        }
        let starts = running || self.world.is_enabled(UNIT);
        match owner::predict(&self.world.roots, target) {
            Some(file) if starts && !owner::is_netplans(&file) => Claim::AtStart,
            _ => Claim::None,
        }
    }

    async fn readable(&self, target: &Target) -> Readiness {
        if !self.world.is_on_bus(bus::NAME).await {
            return Readiness::NotYet("systemd-networkd is not on the bus yet".to_owned());
        }
        let carrier = self.world.roots.sysfs.join("class/net").join(&target.interface).join("carrier");
        // A link that is down does not say; networkd brings it up.
        match fs::read_to_string(carrier) {
            Ok(carrier) if carrier.trim() == "0" => {
                Readiness::NotYet(format!("{} has no carrier: is its cable plugged in?", target.interface))
            }
            _ => Readiness::Ready,
        }
    }

    async fn remember(&self, target: &Target) -> Result<Snapshot, Error> {
        let owner = self.owner(target).await;
        let is_ours = |file: &String| file.ends_with(&file_name("hv-utils-", &target.interface));
        let stands = owner.as_ref().is_some_and(is_ours);
        let (ours, origin) = match owner {
            Some(file) if stands => {
                let text = fs::read_to_string(owner::place(&self.world.roots, &file)).unwrap_or_default();
                let origin = Header::read(&text).and_then(|header| header.origin);
                (file, origin)
            }
            owner => (path_before(owner.as_deref(), &target.interface)?, owner),
        };
        let mut snapshot = Snapshot::default();
        snapshot.add(&owner::place(&self.world.roots, &ours))?;
        snapshot.facts.insert(OURS.to_owned(), ours);
        snapshot.facts.insert(ORIGIN.to_owned(), origin.unwrap_or_default());
        if stands {
            snapshot.facts.insert(STANDS.to_owned(), "yes".to_owned());
        }
        Ok(snapshot)
    }

    fn put(&self, target: &Target, injection: &Injection, snapshot: &Snapshot) -> Result<(), Error> {
        let roots = &self.world.roots;
        let (path, saved) = self.ours(snapshot)?;
        let before = saved.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let before = before.unwrap_or_default();
        let origin = snapshot.facts.get(ORIGIN).filter(|origin| !origin.is_empty()).cloned();
        // One that no longer fits (the hardware address is another one) says nothing about this link.
        let known = Header::read(&before).filter(|_| snapshot.facts.contains_key(STANDS));
        let wanted = known.map_or_else(|| injection.clone(), |header| merge(&header.wanted, injection));
        let base = match &origin {
            Some(file) if owner::place(roots, file).exists() => owner::sections(roots, file),
            // Its owner's is gone: what we had copied of it is all there is.
            _ if snapshot.facts.contains_key(STANDS) => file::parse(&before),
            _ => Vec::new(),
        };
        let text = compose(&self.nic(target), &Header { origin, wanted }, base);
        if let Some(parent) = path.parent() {
            directory(parent)?;
        }
        Ok(replace(&path, text.as_bytes(), 0o644)?)
    }

    /// Our file: where, and as it was.
    fn ours<'a>(&self, snapshot: &'a Snapshot) -> Result<(PathBuf, &'a SavedFile), Error> {
        let path = snapshot.facts.get(OURS).map(|file| owner::place(&self.world.roots, file));
        let found = path.and_then(|path| {
            let saved = snapshot.files.iter().find(|saved| saved.path == path)?;
            Some((path, saved))
        });
        found.ok_or_else(|| Error::not_applied("what was kept of systemd-networkd's files is damaged"))
    }

    fn nic(&self, target: &Target) -> Nic {
        let kind = self.world.roots.sysfs.join("class/net").join(&target.interface).join("addr_assign_type");
        let permanent = fs::read_to_string(kind).is_ok_and(|kind| kind.trim() == "0");
        Nic { interface: target.interface.clone(), mac: target.mac.clone(), permanent }
    }

    async fn put_back(&self, target: &Target, snapshot: &Snapshot, live: bool) -> Result<(), Error> {
        if live && bus::runs(&self.world).await {
            self.let_go(target, snapshot).await?;
        }
        snapshot.restore_files()?;
        if live { bus::reconfigure(&self.world, target.index).await } else { Ok(()) }
    }

    /// If what comes back says `KeepConfiguration=`, our addresses would be kept: the same without that word first.
    async fn let_go(&self, target: &Target, snapshot: &Snapshot) -> Result<(), Error> {
        let (path, saved) = self.ours(snapshot)?;
        let origin = snapshot.facts.get(ORIGIN).filter(|origin| !origin.is_empty()).cloned();
        let mut sections = match (saved.bytes(), &origin) {
            (Some(bytes), _) => file::parse(&String::from_utf8_lossy(&bytes)),
            (None, Some(file)) => owner::sections(&self.world.roots, file),
            (None, None) => return Ok(()),
        };
        let mut keeps = false;
        for section in &mut sections {
            let before = section.entries.len();
            section.entries.retain(|(key, _)| !filter::keeps(key));
            keeps |= section.entries.len() != before;
        }
        if !keeps {
            return Ok(());
        }
        let wanted =
            Injection { adapter: target.adapter.clone(), ipv4: Plan::default(), ipv6: Plan::default() };
        let text = compose(&self.nic(target), &Header { origin, wanted }, sections);
        replace(&path, text.as_bytes(), 0o644)?;
        bus::reconfigure(&self.world, target.index).await?;
        self.taken(target).await;
        Ok(())
    }

    /// Waits until networkd has done with the link. Not for long: what follows says the same again.
    async fn taken(&self, target: &Target) {
        let done = async {
            while LinkState::read(&self.world.roots, target.index).is_some_and(|state| {
                matches!(state.admin.as_str(), "pending" | "initialized" | "configuring")
            }) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(Duration::from_secs(2), done).await;
    }
}

fn file_name(prefix: &str, interface: &str) -> String {
    format!("{prefix}{interface}.network")
}

/// Where our file goes, so that it is found before the owner's.
fn path_before(owner: Option<&str>, interface: &str) -> Result<String, Error> {
    let names = PREFIXES.iter().map(|prefix| file_name(prefix, interface));
    let mut first = names.filter(|ours| owner.is_none_or(|file| ours.as_str() < owner::name(file)));
    let name = first.next().ok_or_else(|| {
        let owner = owner.unwrap_or_default();
        Error::not_applied(format!("no file can come before {owner}: give it another name"))
    })?;
    Ok(format!("/etc/systemd/network/{name}"))
}

impl Backend for Networkd {
    fn name(&self) -> &'static str {
        "systemd-networkd"
    }

    fn claim<'a>(&'a self, target: &'a Target) -> Later<'a, Claim> {
        Box::pin(self.claimed(target))
    }

    fn readiness<'a>(&'a self, target: &'a Target) -> Later<'a, Readiness> {
        Box::pin(self.readable(target))
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(self.remember(target))
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        injection: &'a Injection,
        snapshot: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(async { self.put(target, injection, snapshot) })
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(bus::reconfigure(&self.world, target.index))
    }

    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        live: bool,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.put_back(target, snapshot, live))
    }
}

#[cfg(test)]
mod tests;
