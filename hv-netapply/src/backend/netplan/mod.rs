//! netplan: a file of ours in `etc/netplan` for each definition, made and checked by netplan's own program.
//!
//! `netplan set` adds to lists and never replaces them, be it in the same file or in another; `null` takes a list out of the
//! file that it is said to. That is how lists are replaced here, in a copy first (`draft`); the files that come out are
//! put in place, and `netplan generate` writes what the managers read. They are then told on the bus, for this
//! link: `netplan apply` would touch every other one too.
//!
//! A file from which something had to go loses its comments by that, as with any `netplan set`; on the way back it
//! is there again to the byte, unless somebody has changed it since (`back`).

mod back;
pub mod compose;
mod draft;
pub mod get;
mod nm;
pub mod which;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::Injection;

use self::compose::{Change, change};
use self::draft::{Draft, PATIENCE, name, yaml};
use self::get::Definition;
use self::which::{Found, Renderer, is_generated, predict, profile, sharers};
use super::family::{Family, networks};
use super::networkd::{Networkd, bus};
use super::{Backend, Claim, Later, Readiness, Target, stray};
use crate::error::Error;
use crate::saved::{SavedFile, Snapshot, remove};
use crate::world::World;

/// A fact of a snapshot: the definition.
const ID: &str = "id";

/// netplan.
#[derive(Debug)]
pub struct Netplan {
    world: Rc<World>,
    networkd: Networkd,
}

impl Netplan {
    /// The one of this world.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { networkd: Networkd::new(Rc::clone(&world)), world }
    }

    fn program(&self) -> Option<PathBuf> {
        let places = ["sbin/netplan", "bin/netplan"].map(|place| self.world.roots.usr.join(place));
        places.into_iter().find(|path| path.exists())
    }

    fn installed(&self) -> Result<PathBuf, Error> {
        self.program().ok_or_else(|| Error::not_applied("netplan is not installed"))
    }

    fn directory(&self) -> PathBuf {
        self.world.roots.etc.join("netplan")
    }

    async fn found(&self, target: &Target) -> Result<Found, Error> {
        self.find(target)
            .await
            .ok_or_else(|| Error::not_applied(format!("netplan has no definition for {}", target.interface)))
    }

    /// The definition of a link. Before netplan has made anything and any manager runs: by what it would make.
    async fn find(&self, target: &Target) -> Option<Found> {
        let found = which::find(&self.world, target).await;
        if found.is_some() || is_generated(&self.world.roots) {
            return found;
        }
        if bus::runs(&self.world).await || self.world.is_on_bus(nm::NAME).await {
            return None;
        }
        let draft = Draft::new(&self.world, self.program()?, &Snapshot::default()).ok()?;
        draft.generate().await.ok()?;
        predict(&draft.roots(), target)
    }

    async fn claimed(&self, target: &Target) -> Claim {
        let roots = &self.world.roots;
        let places = [self.directory(), roots.run.join("netplan"), roots.usr.join("lib/netplan")];
        if self.program().is_none() || places.iter().all(|place| yaml(place).is_empty()) {
            return Claim::None;
        }
        match self.find(target).await {
            Some(found) if found.now => Claim::Now,
            Some(_) => Claim::AtStart,
            None => Claim::None,
        }
    }

    async fn ready(&self, target: &Target) -> Readiness {
        match self.find(target).await.map(|found| found.renderer) {
            Some(Renderer::NetworkManager) if self.world.is_on_bus(nm::NAME).await => Readiness::Ready,
            Some(Renderer::NetworkManager) => Readiness::NotYet("NetworkManager does not run yet".to_owned()),
            Some(Renderer::Networkd) | None => self.networkd.readiness(target).await,
        }
    }

    async fn remember(&self, target: &Target) -> Result<Snapshot, Error> {
        let Found { id, renderer, .. } = self.found(target).await?;
        if renderer == Renderer::Networkd && !sharers(&self.world.roots, target, &id).is_empty() {
            return Err(Error::not_supported(format!(
                "netplan's definition {id} is for several links: give {} one of its own",
                target.interface
            )));
        }
        let mut snapshot = Snapshot::default();
        for path in yaml(&self.directory()) {
            // Files that do not speak of it are left out: they may be changed by others meanwhile.
            if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(&id) {
                snapshot.add(&path)?;
            }
        }
        snapshot.add(&self.directory().join(our_file(&id)))?;
        snapshot.facts.insert(ID.to_owned(), id);
        Ok(snapshot)
    }

    async fn put(&self, injection: &Injection, snapshot: &Snapshot) -> Result<(), Error> {
        let damaged = || Error::not_applied("what was kept of netplan's files is damaged");
        let id = snapshot.facts.get(ID).ok_or_else(damaged)?;
        self.end_strays().await;
        let draft = Draft::new(&self.world, self.installed()?, snapshot)?;
        let ours = our_file(id);
        let ours: &OsStr = ours.as_ref();

        let merged = draft.get(id).await?;
        let others = if draft.read(ours).is_some() {
            draft.remove(ours);
            draft.get(id).await?
        } else {
            merged.clone()
        };
        let Change { text, gone, gone_later } = change(id, &merged, &others, injection);
        let theirs = snapshot.files.iter().map(|saved| name(&saved.path)).filter(|name| *name != ours);
        for file in theirs {
            let mut gone = gone.clone();
            if file > ours {
                gone.extend(&gone_later);
            }
            let Some(bytes) = draft.read(file).filter(|_| !gone.is_empty()) else { continue };
            let definition = draft.alone(file, &bytes)?.get(id).await?;
            // One that says nothing of it keeps its comments.
            gone.retain(|gone| back::has(&definition, gone));
            if !gone.is_empty() {
                draft.take_out(file, id, &gone).await?;
            }
        }
        draft.write(ours, text.as_bytes())?;
        exact(id, &draft.get(id).await?, injection)?;
        draft.generate().await?;
        self.install(&draft, snapshot, ours)?;
        self.generate().await
    }

    /// Puts the files in place, ours first: what is there twice for a moment is better than what is not there.
    fn install(&self, draft: &Draft, snapshot: &Snapshot, ours: &OsStr) -> Result<(), Error> {
        let mut files: Vec<_> = snapshot.files.iter().map(|saved| saved.path.as_path()).collect();
        files.sort_by_key(|path| name(path) != ours);
        for path in files {
            match draft.read(name(path)) {
                Some(bytes) if fs::read(path).is_ok_and(|there| there == bytes) => {}
                Some(bytes) => replace(path, &bytes, 0o600)?,
                None => remove(path)?,
            }
        }
        Ok(())
    }

    async fn end_strays(&self) {
        stray::end(&self.world.roots.proc, &["netplan", "generate"], None).await;
    }

    /// Has netplan write what the managers read.
    async fn generate(&self) -> Result<(), Error> {
        self.world.command(&self.installed()?, &["generate".as_ref()], PATIENCE).await.map(drop)
    }

    async fn take_over(&self, target: &Target) -> Result<(), Error> {
        let found = self.found(target).await?;
        match found.renderer {
            Renderer::Networkd => bus::reconfigure(&self.world, target.index).await,
            Renderer::NetworkManager => {
                let file = profile(&self.world.roots, &found.id);
                nm::activate(&self.world, &target.interface, &file).await
            }
        }
    }

    /// Puts the definition back in all files, ours last. A file that netplan cannot take apart comes back whole.
    async fn restore_files(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let id = snapshot.facts.get(ID).map_or("", String::as_str);
        let ours = our_file(id);
        let is_ours = |saved: &&SavedFile| name(&saved.path) == OsStr::new(&ours);
        for saved in snapshot.files.iter().filter(|saved| !is_ours(saved)) {
            let parts = self.parts_back(saved, id, ours.as_ref()).await.unwrap_or_else(|error| {
                tracing::warn!("{} comes back whole, as it was: {error}", saved.path.display());
                None
            });
            match parts {
                Some(bytes) => replace_with(&saved.path, &bytes)?,
                None => saved.restore()?,
            }
        }
        snapshot.files.iter().filter(is_ours).try_for_each(SavedFile::restore)
    }

    /// What a file has to be if it is not to come back to the byte.
    async fn parts_back(&self, saved: &SavedFile, id: &str, ours: &OsStr) -> Result<Option<Vec<u8>>, Error> {
        if fs::read(&saved.path).ok().is_none_or(|now| Some(now) == saved.bytes()) {
            return Ok(None);
        }
        let draft = Draft::now(&self.world, self.installed()?)?;
        back::bring_back(&draft, saved, id, ours).await?;
        Ok(draft.read(name(&saved.path)).filter(|bytes| Some(bytes) != saved.bytes().as_ref()))
    }

    async fn put_back(&self, target: &Target, snapshot: &Snapshot, live: bool) -> Result<(), Error> {
        self.end_strays().await;
        draft::clear(&self.world.roots);
        self.restore_files(snapshot).await?;
        self.generate().await?;
        if live { self.take_over(target).await } else { Ok(()) }
    }
}

/// Writes a file that has changed, with the mode that it has.
fn replace_with(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.mode() & 0o777);
    Ok(replace(path, bytes, mode)?)
}

/// Our file for a definition.
fn our_file(id: &str) -> String {
    format!("90-hv-utils-{id}.yaml")
}

/// Whether netplan now says of the families that are set exactly what was wanted. Files that cannot be edited (of a vendor,
/// of this boot) may say more.
fn exact(id: &str, definition: &Definition, wanted: &Injection) -> Result<(), Error> {
    for family in Family::BOTH.into_iter().filter(|family| family.is_set(wanted)) {
        let items = definition.items("addresses");
        let found = items.iter().filter(|item| Family::of_text(&item.head()) == Some(family)).count();
        if found != networks(family.plan(wanted)).len() {
            return Err(Error::not_supported(format!(
                "netplan's definition {id} has addresses in files outside of etc/netplan, which are not changed"
            )));
        }
    }
    Ok(())
}

impl Backend for Netplan {
    fn name(&self) -> &'static str {
        "netplan"
    }

    fn claim<'a>(&'a self, target: &'a Target) -> Later<'a, Claim> {
        Box::pin(self.claimed(target))
    }

    fn readiness<'a>(&'a self, target: &'a Target) -> Later<'a, Readiness> {
        Box::pin(self.ready(target))
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(self.remember(target))
    }

    fn write<'a>(
        &'a self,
        _: &'a Target,
        injection: &'a Injection,
        snapshot: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.put(injection, snapshot))
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(self.take_over(target))
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
