//! The way back while NetworkManager runs.
//!
//! Four steps, each of which finds nothing to do if it was done before: NetworkManager's own checkpoint, the files, the profile
//! as NetworkManager has it, and what was active. So it may be cut short and begun again, by another process too, and what a
//! step cannot do the next one makes good.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::activation::{ACTIVATED, ACTIVATING};
use super::bus::Keep;
use super::live::{Live, failed};
use super::settings;
use super::{Facts, files, managed};
use crate::error::Error;
use crate::saved::{Snapshot, remove};
use crate::world::World;

/// How long the old activation is watched: the host waits for its answer. One that takes longer goes on.
const PATIENCE: Duration = Duration::from_secs(4);

/// The files as they were: also without NetworkManager. Returns those that it has to look at.
pub(super) fn restore_files(
    world: &World,
    snapshot: &Snapshot,
    facts: &Facts,
) -> Result<Vec<PathBuf>, Error> {
    let strays = strays(world, snapshot, facts);
    // What was only in memory or somebody else's was saved under a name of its own.
    for stray in &strays {
        remove(stray)?;
    }
    let mut paths = strays;
    paths.extend(snapshot.files.iter().map(|saved| saved.path.clone()));
    snapshot.restore_files()?;
    Ok(paths)
}

/// Files that have the profile now and did not before.
fn strays(world: &World, snapshot: &Snapshot, facts: &Facts) -> Vec<PathBuf> {
    let mut found = files::with_uuid(&files::home(world), &facts.uuid);
    found.retain(|path| snapshot.files.iter().all(|saved| saved.path != *path));
    found
}

impl Live<'_> {
    /// All as it was; with `live` also in force.
    pub(super) async fn restore(&self, snapshot: &Snapshot, facts: &Facts, live: bool) -> Result<(), Error> {
        let device = self.device().await?;
        if facts.settings.is_some() {
            if let Some(device) = &device {
                // What it could not do is seen below.
                if let Err(error) = self.bus.roll_back(device).await {
                    tracing::debug!("NetworkManager cannot go back by itself: {error}");
                }
            }
            self.restore_profile(snapshot, facts).await?;
        } else {
            self.remove_added(facts).await?;
            // It would take away whatever anybody has added since.
            if let Some(device) = &device {
                let destroyed = self.bus.destroy_checkpoints(device).await;
                destroyed.map_err(failed("forget the checkpoint of", self.target))?;
            }
        }
        match device {
            Some(device) if live => self.restore_activation(&device, facts).await,
            _ => Ok(()),
        }
    }

    /// The same for what was written before NetworkManager ran: it is read anew, and what is then the link's put into force.
    pub(super) async fn restore_from_files(&self, snapshot: &Snapshot, live: bool) -> Result<(), Error> {
        let back = || failed("bring back the profile of", self.target);
        snapshot.restore_files()?;
        let paths: Vec<_> =
            snapshot.files.iter().map(|saved| saved.path.to_string_lossy().into_owned()).collect();
        self.bus.load(&paths).await.map_err(back())?;
        let Some(device) = self.device().await?.filter(|_| live) else { return Ok(()) };
        let active = self.active(Some(&device)).await;
        let chosen = match self.chosen(active.as_ref()).await? {
            None => self.best(true).await?.map(|(shared, _)| shared),
            chosen => chosen,
        };
        let settings = match chosen {
            Some(chosen) => chosen.settings,
            // It makes a profile for a link without one, but only when it starts.
            None if managed::has_default(&self.world.roots, self.target) => {
                let settings = settings::fresh(self.target, 0);
                drop(self.bus.add_unsaved(&settings).await.map_err(back())?);
                settings
            }
            None => return Ok(()),
        };
        let profile = settings::profile(&settings);
        // Which is not to be activated by NetworkManager is not by us.
        if !profile.autoconnect && active.is_none_or(|active| active.uuid != profile.uuid) {
            return Ok(());
        }
        let good = [ACTIVATING, ACTIVATED];
        self.put_into_force(&device, &profile.uuid, &settings, &good, PATIENCE).await
    }

    async fn remove_added(&self, facts: &Facts) -> Result<(), Error> {
        let away = || failed("take the added profile away from", self.target);
        if let Some(added) = self.bus.profile(&facts.uuid).await.map_err(away())? {
            self.bus.delete(&added).await.map_err(away())?;
        }
        for file in files::with_uuid(&files::home(self.world), &facts.uuid) {
            remove(&file)?;
        }
        Ok(())
    }

    async fn restore_profile(&self, snapshot: &Snapshot, facts: &Facts) -> Result<(), Error> {
        let back = || failed("bring back the profile of", self.target);
        // Where NetworkManager keeps its profiles in netplan's files, these are netplan's, and not to be written by us.
        let is_netplans = Path::new(&facts.filename)
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("netplan-"));
        if !is_netplans || !strays(self.world, snapshot, facts).is_empty() {
            let paths = restore_files(self.world, snapshot, facts)?;
            let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
            self.bus.load(&paths).await.map_err(back())?;
        }
        let Some(wanted) = &facts.settings else { return Ok(()) };
        let keep = if facts.unsaved && !is_netplans { Keep::InMemory } else { Keep::OnDisk };
        match self.bus.profile(&facts.uuid).await.map_err(back())? {
            None => drop(self.bus.add(wanted).await.map_err(back())?),
            Some(profile) => {
                let now = self.bus.settings_with_secrets(&profile).await.map_err(back())?;
                if !settings::same(&now, wanted) {
                    self.bus.update(&profile, wanted, keep).await.map_err(back())?;
                }
            }
        }
        Ok(())
    }

    async fn restore_activation(&self, device: &str, facts: &Facts) -> Result<(), Error> {
        if facts.active.is_empty() {
            let active = self.active(Some(device)).await;
            if active.is_some_and(|active| active.uuid == facts.uuid) {
                self.bus.disconnect(device).await.map_err(failed("disconnect", self.target))?;
            }
            return Ok(());
        }
        let wanted = facts.applied.as_ref().or(facts.settings.as_ref()).cloned().unwrap_or_default();
        let good = [ACTIVATING, ACTIVATED];
        self.put_into_force(device, &facts.active, &wanted, &good, PATIENCE).await
    }
}
