//! The way there while NetworkManager runs: the profile that the adapter has is updated, never a second one added beside it.
//!
//! Before that NetworkManager makes a checkpoint, so that it goes back by itself if we are no more. The way back is
//! [`super::back`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::netapply::{Injection, Kind};

use super::activation::ACTIVATING;
use super::bus::{Active, Bus, Keep};
use super::profile::Profile;
use super::settings::{self, Settings};
use super::{Facts, files};
use crate::backend::Target;
use crate::error::Error;
use crate::saved::Snapshot;
use crate::world::World;

/// How long an activation is watched. One that takes longer goes on; the read-back judges it.
const ACTIVATION_PATIENCE: Duration = Duration::from_secs(10);
/// NM_DEVICE_STATE_UNAVAILABLE: known and managed, but nothing can be activated.
pub(super) const UNAVAILABLE: u32 = 20;

/// A profile as it is now.
pub(super) struct Chosen {
    /// Its object.
    pub(super) path: String,
    /// All of it, without secrets.
    pub(super) settings: Settings,
}

/// A failed call, for a person.
pub(super) fn failed(what: &str, target: &Target) -> impl FnOnce(zbus::Error) -> Error {
    let what = format!("have NetworkManager {what} {}", target.interface);
    move |error| Error::bus(&what, &error)
}

/// NetworkManager, and the link that it is about.
pub(super) struct Live<'a> {
    pub(super) bus: Bus,
    pub(super) world: &'a World,
    pub(super) target: &'a Target,
}

impl Live<'_> {
    /// The link's device, if NetworkManager knows it and has it.
    pub(super) async fn device(&self) -> Result<Option<String>, Error> {
        let look_at = || failed("look at", self.target);
        let Some(device) = self.bus.device(&self.target.interface).await.map_err(look_at())? else {
            return Ok(None);
        };
        let state = self.bus.state(&device).await.map_err(look_at())?;
        let managed = self.bus.is_managed(&device).await.map_err(look_at())?;
        Ok((managed && state >= UNAVAILABLE).then(|| device.to_string()))
    }

    /// Whether something can be activated on it.
    async fn is_available(&self, device: Option<&str>) -> bool {
        let Some(device) = device else { return false };
        self.bus.state(device).await.is_ok_and(|state| state > UNAVAILABLE)
    }

    /// The profile that is active on the link.
    pub(super) async fn active(&self, device: Option<&str>) -> Option<Active> {
        self.bus.active(device?).await.ok().flatten()
    }

    /// What decides whose a profile is. What somebody else makes in `/run` at each boot (an initrd, netplan) would be there
    /// again after the next one, before what we save: it is treated as one that is not this link's alone.
    async fn profile(&self, path: &str, settings: &Settings) -> Profile {
        let mut profile = settings::profile(settings);
        let is_ours = profile.uuid == self.target.adapter;
        if !is_ours && self.bus.is_somebodys(path).await {
            let saved = files::with_uuid(&files::home(self.world), &profile.uuid);
            profile.shared |= saved.is_empty();
        }
        profile
    }

    /// The link's profile: the one that is active, else the one that NetworkManager would take. One that several links may
    /// have at once is nobody's; and where one of ours is preferred to the active one (it was written while NetworkManager
    /// was away), it is that one.
    pub(super) async fn chosen(&self, active: Option<&Active>) -> Result<Option<Chosen>, Error> {
        let look_for = || failed("look for the profile of", self.target);
        if let Some(active) = active {
            let path = active.profile.to_string();
            let settings = self.bus.settings(&path).await.map_err(look_for())?;
            let profile = self.profile(&path, &settings).await;
            if let Some(own) =
                self.own().await?.filter(|own| settings::profile(&own.settings).rank() > profile.rank())
            {
                return Ok(Some(own));
            }
            if !profile.shared {
                return Ok(Some(Chosen { path, settings }));
            }
        }
        Ok(self.best(false).await?.map(|(chosen, _)| chosen))
    }

    /// The profile that we have added, if it is still the link's.
    async fn own(&self) -> Result<Option<Chosen>, Error> {
        let look_for = || failed("look for the profile of", self.target);
        let Some(path) = self.bus.profile(&self.target.adapter).await.map_err(look_for())? else {
            return Ok(None);
        };
        let settings = self.bus.settings(&path).await.map_err(look_for())?;
        let fits = settings::profile(&settings).fits(self.target);
        Ok(fits.then(|| Chosen { path: path.to_string(), settings }))
    }

    /// The fitting profile that NetworkManager prefers, and its priority.
    pub(super) async fn best(&self, shared: bool) -> Result<Option<(Chosen, i32)>, Error> {
        let mut best = None;
        for path in self.bus.profiles().await.map_err(failed("look for the profile of", self.target))? {
            // One that has just gone is none.
            let Ok(settings) = self.bus.settings(&path).await else { continue };
            let profile = self.profile(&path, &settings).await;
            let rank = profile.rank();
            let is_better = best.as_ref().is_none_or(|(known, _)| rank > *known);
            if profile.fits(self.target) && profile.shared == shared && is_better {
                best = Some((rank, (Chosen { path: path.to_string(), settings }, profile.priority)));
            }
        }
        Ok(best.map(|(_, found)| found))
    }

    /// What there is now.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let device = self.device().await?;
        let active = self.active(device.as_deref()).await;
        let mut snapshot = Snapshot::default();
        let mut facts = Facts::default();
        match self.chosen(active.as_ref()).await? {
            Some(chosen) => {
                let all = self.bus.settings_with_secrets(&chosen.path).await;
                let all = all.map_err(failed("tell the profile of", self.target))?;
                facts.uuid = settings::profile(&all).uuid;
                facts.unsaved = self.bus.is_unsaved(&chosen.path).await;
                facts.filename = self.bus.filename(&chosen.path).await;
                let mut paths = files::all_with_uuid(self.world, &facts.uuid);
                paths.extend(self.own_files(&facts.filename));
                for path in &paths {
                    snapshot.add(path)?;
                }
                facts.settings = Some(all);
            }
            None => facts.uuid.clone_from(&self.target.adapter),
        }
        match (active, &device) {
            (Some(active), Some(device)) => {
                facts.active = active.uuid;
                facts.applied = self.bus.applied(device).await.ok();
            }
            // It would be, if it could.
            _ if facts.is_automatic() && !self.is_available(device.as_deref()).await => {
                facts.active.clone_from(&facts.uuid);
            }
            _ => {}
        }
        facts.put(&mut snapshot);
        Ok(snapshot)
    }

    /// A profile's file, if it is where profiles may be changed; with what the plugin for Red Hat's files keeps beside it.
    fn own_files(&self, filename: &str) -> Vec<PathBuf> {
        let path = Path::new(filename);
        let roots = &self.world.roots;
        if filename.is_empty() || ![&roots.etc, &roots.run].iter().any(|root| path.starts_with(root)) {
            return Vec::new();
        }
        let mut paths = vec![path.to_owned()];
        let name =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("ifcfg-"));
        if let Some(name) = name {
            let beside = ["route-", "route6-", "rule-", "rule6-", "keys-"];
            paths.extend(beside.map(|kind| path.with_file_name(format!("{kind}{name}"))));
        }
        paths
    }

    /// Writes the injection into the profile of the snapshot, and has NetworkManager save it.
    pub(super) async fn write(&self, injection: &Injection, facts: &Facts) -> Result<(), Error> {
        let write = || failed("write the profile of", self.target);
        if let Some(settings) = &facts.settings {
            files::refuse_port(&settings::profile(settings), self.target)?;
        }
        let known = self.bus.profile(&facts.uuid).await.map_err(write())?;
        self.checkpoint(facts.settings.is_none() || known.is_none()).await?;
        let before = match &facts.settings {
            Some(settings) => settings.clone(),
            None => {
                let priority = self.best(true).await?.map_or(0, |(_, priority)| priority.saturating_add(1));
                settings::fresh(self.target, priority)
            }
        };
        let after = settings::inject(&before, self.target, injection);
        let path = match known {
            Some(path) => {
                self.bus.update(&path, &after, Keep::OnDisk).await.map_err(write())?;
                path
            }
            None => self.bus.add(&after).await.map_err(write())?,
        };
        sync(Path::new(&self.bus.filename(&path).await));
        Ok(())
    }

    /// NetworkManager's own way back; only of use where something can be activated.
    async fn checkpoint(&self, adds: bool) -> Result<(), Error> {
        let Some(device) = self.device().await? else { return Ok(()) };
        if !self.is_available(Some(&device)).await {
            return Ok(());
        }
        let make = || failed("make a checkpoint of", self.target);
        // What an earlier process has left is older than what is to come back.
        self.bus.destroy_checkpoints(&device).await.map_err(make())?;
        match self.bus.create_checkpoint(&device, adds).await {
            Ok(()) => Ok(()),
            Err(zbus::Error::MethodError(name, text, _)) if name.ends_with(".InvalidArguments") => {
                let text = text.unwrap_or_default();
                let text = format!("somebody else is changing {}: {text}", self.target.interface);
                Err(Error::new(Kind::Busy, text))
            }
            Err(error) => Err(make()(error)),
        }
    }

    /// Has the link's profile put into force.
    pub(super) async fn activate(&self) -> Result<(), Error> {
        // What was written before it ran it may have missed.
        let place = files::place(self.world, self.target);
        if place.path.exists() {
            let paths = files::with_shadow(self.world, &place.path);
            self.bus.load(&paths).await.map_err(failed("read the profile of", self.target))?;
        }
        let Some(device) = self.device().await? else {
            return Err(Error::not_applied(format!(
                "NetworkManager does not have {}",
                self.target.interface
            )));
        };
        let active = self.active(Some(&device)).await;
        let Some(chosen) = self.chosen(active.as_ref()).await? else {
            return Err(Error::not_applied(format!(
                "NetworkManager has no profile for {}",
                self.target.interface
            )));
        };
        let uuid = settings::profile(&chosen.settings).uuid;
        self.put_into_force(&device, &uuid, &chosen.settings, &[ACTIVATING], ACTIVATION_PATIENCE).await
    }
}

/// NetworkManager writes files whole, but does not wait for the disk.
fn sync(path: &Path) {
    let directory = path.parent().unwrap_or(Path::new("/"));
    for path in [path, directory] {
        if let Err(error) = File::open(path).and_then(|file| file.sync_all()) {
            tracing::debug!("cannot sync {}: {error}", path.display());
        }
    }
}
