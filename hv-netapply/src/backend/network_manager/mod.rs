//! NetworkManager: over D-Bus while it runs, by its files before it does.
//!
//! ```text
//!   runs:      profile (bus) ──► settings: inject ──► Update2, to disk ──► ActivateConnection     checkpoint around it
//!   not yet:   profile (file) ─► stored: inject ────► keyfile in /etc, read at its start
//! ```
//!
//! The profile that the link has is changed, never a second one added: two for one link would take turns. A link that
//! NetworkManager merely sees (`external`) is not its own. Where NetworkManager keeps its profiles in netplan's files
//! (Ubuntu 23.10 and later) it does so by itself.

mod activation;
mod back;
mod bus;
mod checkpoint;
mod files;
mod ifcfg;
mod keyfile;
mod live;
mod managed;
mod profile;
mod settings;
mod stored;
mod words;

use std::path::Path;
use std::rc::Rc;

use hv_utils_core::netapply::Injection;

use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::saved::Snapshot;
use crate::world::World;
use bus::Bus;
use live::{Live, UNAVAILABLE};
use settings::Settings;

/// The unit that starts it.
const UNIT: &str = "NetworkManager.service";
/// Names of facts in a snapshot.
const UUID: &str = "uuid";
const SETTINGS: &str = "settings";
const APPLIED: &str = "applied";
const ACTIVE: &str = "active";
const FILENAME: &str = "filename";
const UNSAVED: &str = "unsaved";

/// The backend.
#[derive(Debug)]
pub struct NetworkManager {
    world: Rc<World>,
}

/// What is kept of NetworkManager's own state. A snapshot of files alone has none.
#[derive(Debug, Clone, PartialEq, Default)]
struct Facts {
    /// The profile's UUID, or that which the one to be added will have.
    uuid: String,
    /// The profile; `None`: the link had none.
    settings: Option<Settings>,
    /// What was in force.
    applied: Option<Settings>,
    /// The UUID of what was active; "": nothing.
    active: String,
    /// Where the profile was kept.
    filename: String,
    /// It was kept in memory only.
    unsaved: bool,
}

impl Facts {
    /// Whether NetworkManager activates the profile by itself.
    fn is_automatic(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings::profile(settings).autoconnect)
    }

    fn put(&self, snapshot: &mut Snapshot) {
        let mut put = |name: &str, value: String| snapshot.facts.insert(name.to_owned(), value);
        put(UUID, self.uuid.clone());
        put(ACTIVE, self.active.clone());
        put(FILENAME, self.filename.clone());
        put(UNSAVED, self.unsaved.to_string());
        for (name, settings) in [(SETTINGS, &self.settings), (APPLIED, &self.applied)] {
            if let Some(settings) = settings {
                put(name, settings::encode(settings));
            }
        }
    }

    /// `None` for a snapshot that was made before NetworkManager ran.
    fn of(snapshot: &Snapshot) -> Result<Option<Self>, Error> {
        let get = |name: &str| snapshot.facts.get(name).cloned();
        let decoded = |name: &str| match get(name) {
            None => Ok(None),
            Some(hex) => match settings::decode(&hex) {
                Some(settings) => Ok(Some(settings)),
                None => Err(Error::not_undone(format!("what was kept of a profile ({name}) is damaged"))),
            },
        };
        let Some(uuid) = get(UUID) else { return Ok(None) };
        Ok(Some(Self {
            uuid,
            settings: decoded(SETTINGS)?,
            applied: decoded(APPLIED)?,
            active: get(ACTIVE).unwrap_or_default(),
            filename: get(FILENAME).unwrap_or_default(),
            unsaved: get(UNSAVED).as_deref() == Some("true"),
        }))
    }
}

impl NetworkManager {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { world }
    }

    async fn live<'a>(&'a self, target: &'a Target) -> Option<Live<'a>> {
        Some(Live { bus: Bus::of(&self.world).await?, world: &self.world, target })
    }

    /// Whether it will have the link, by its files.
    fn claim_at_start(&self, target: &Target) -> Claim {
        let is_left_alone = managed::is_left_alone(&self.world.roots, target);
        if is_left_alone { Claim::None } else { Claim::AtStart }
    }

    async fn claimed(&self, target: &Target) -> Claim {
        let Some(live) = self.live(target).await else {
            let is_to_start = self.world.is_enabled(UNIT);
            return if is_to_start { self.claim_at_start(target) } else { Claim::None };
        };
        match live.device().await {
            Ok(Some(device)) => {
                let external = live.active(Some(&device)).await.is_some_and(|active| active.external);
                if external { Claim::None } else { Claim::Now }
            }
            // It has not looked at the link yet.
            Ok(None) if live.bus.is_starting().await => self.claim_at_start(target),
            Ok(None) => Claim::None,
            Err(error) => {
                tracing::warn!("{error}");
                Claim::None
            }
        }
    }

    async fn ready(&self, target: &Target) -> Readiness {
        let interface = &target.interface;
        let not_yet = |why: &str| Readiness::NotYet(format!("{interface} {why}"));
        let Some(live) = self.live(target).await else {
            return Readiness::NotYet("NetworkManager does not run".to_owned());
        };
        let device = match live.device().await {
            Ok(Some(device)) => device,
            Ok(None) => return not_yet("is not NetworkManager's, or not yet"),
            Err(error) => return Readiness::NotYet(error.to_string()),
        };
        match live.bus.state(&device).await {
            Ok(state) if state > UNAVAILABLE => Readiness::Ready,
            Ok(_) if !live.bus.has_carrier(&device).await => not_yet("has no carrier"),
            Ok(_) => not_yet("is not available to NetworkManager"),
            Err(error) => Readiness::NotYet(error.to_string()),
        }
    }

    async fn snapshot_now(&self, target: &Target) -> Result<Snapshot, Error> {
        if let Some(live) = self.live(target).await {
            return live.snapshot().await;
        }
        let mut snapshot = Snapshot::default();
        let place = files::place(&self.world, target);
        snapshot.add(&place.path)?;
        if let Some(path) = &place.instead_of {
            snapshot.add(path)?;
        }
        Ok(snapshot)
    }

    async fn write_now(
        &self,
        target: &Target,
        injection: &Injection,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        if let (Some(live), Some(facts)) = (self.live(target).await, Facts::of(snapshot)?) {
            return live.write(injection, &facts).await;
        }
        let is_saved = |path: &Path| snapshot.files.iter().any(|saved| saved.path == path);
        files::write(&self.world, target, injection, is_saved).await
    }

    async fn activate_now(&self, target: &Target) -> Result<(), Error> {
        match self.live(target).await {
            Some(live) => live.activate().await,
            None => Err(Error::not_applied("NetworkManager does not run")),
        }
    }

    async fn restore_now(&self, target: &Target, snapshot: &Snapshot, live: bool) -> Result<(), Error> {
        let facts = Facts::of(snapshot)?;
        let running = self.live(target).await;
        match (running, facts) {
            (Some(running), Some(facts)) => running.restore(snapshot, &facts, live).await,
            (Some(running), None) => running.restore_from_files(snapshot, live).await,
            (None, Some(facts)) => back::restore_files(&self.world, snapshot, &facts).map(drop),
            (None, None) => snapshot.restore_files(),
        }
    }

    async fn commit_now(&self, target: &Target) -> Result<(), Error> {
        let Some(live) = self.live(target).await else { return Ok(()) };
        let keep = || live::failed("keep the configuration of", target);
        match live.bus.device(&target.interface).await.map_err(keep())? {
            Some(device) => live.bus.destroy_checkpoints(&device).await.map_err(keep()),
            None => Ok(()),
        }
    }
}

impl Backend for NetworkManager {
    fn name(&self) -> &'static str {
        "networkmanager"
    }

    fn claim<'a>(&'a self, target: &'a Target) -> Later<'a, Claim> {
        Box::pin(self.claimed(target))
    }

    fn readiness<'a>(&'a self, target: &'a Target) -> Later<'a, Readiness> {
        Box::pin(self.ready(target))
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(self.snapshot_now(target))
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        injection: &'a Injection,
        snapshot: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.write_now(target, injection, snapshot))
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(self.activate_now(target))
    }

    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        live: bool,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.restore_now(target, snapshot, live))
    }

    fn commit<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(self.commit_now(target))
    }
}
