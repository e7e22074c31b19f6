//! `hv_set_ifconfig` of a distribution or an administrator, called as Linux' C daemon calls it: with the paths of two files
//! that describe the interface, one in the manner of Red Hat's `ifcfg` files, one a keyfile of NetworkManager's.
//!
//! The script has no way back of its own. So the files are the state: on the way back it is called once more with those of
//! before, and if there were none, what was on the link returns by netlink, until the next boot.

mod files;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::daemon::{directory, replace};
use hv_utils_core::netapply::Injection;

use super::netlink::Netlink;
use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::saved::Snapshot;
use crate::state::State;
use crate::world::World;

/// How long the script may take.
const PATIENCE: Duration = Duration::from_secs(14);

/// The script.
#[derive(Debug)]
pub struct Script {
    world: Rc<World>,
    state: State,
    netlink: Netlink,
}

impl Script {
    /// The backend.
    #[must_use]
    pub fn new(world: Rc<World>, state: State) -> Self {
        Self { netlink: Netlink::new(Rc::clone(&world), state.clone()), state, world }
    }

    /// Where the C daemon has the two files.
    fn paths(&self, target: &Target) -> [PathBuf; 2] {
        let directory = self.world.roots.var_lib.join("hyperv");
        [
            directory.join(format!("ifcfg-{}", target.interface)),
            directory.join(format!("{}.nmconnection", target.interface)),
        ]
    }

    async fn call(&self, target: &Target) -> Result<(), Error> {
        let paths = self.paths(target);
        let arguments: Vec<&OsStr> = paths.iter().map(|path| path.as_os_str()).collect();
        self.world.command(&self.world.settings.script, &arguments, PATIENCE).await.map(drop)
    }
}

impl Backend for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn claim<'a>(&'a self, _: &'a Target) -> Later<'a, Claim> {
        // Only who asks for it by name.
        Box::pin(async { Claim::None })
    }

    fn readiness<'a>(&'a self, _: &'a Target) -> Later<'a, Readiness> {
        Box::pin(async { Readiness::Ready })
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(async move {
            let mut snapshot = self.netlink.snapshot(target).await?;
            for path in self.paths(target) {
                snapshot.add(&path)?;
            }
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
            let [ifcfg, keyfile] = self.paths(target);
            Netlink::forget(&self.state, &target.adapter)?;
            directory(&self.world.roots.var_lib.join("hyperv"))?;
            replace(&ifcfg, files::ifcfg(target, injection).as_bytes(), 0o644)?;
            Ok(replace(&keyfile, files::keyfile(target, injection).as_bytes(), 0o600)?)
        })
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(self.call(target))
    }

    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        live: bool,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(async move {
            let [ifcfg, _] = self.paths(target);
            let had_files = snapshot.files.iter().any(|saved| saved.path == ifcfg && saved.content.is_some());
            let files = snapshot.restore_files();
            let mut called = Ok(());
            if had_files && files.is_ok() {
                called = self.call(target).await;
            } else if !had_files {
                tracing::warn!(
                    "{}: {} has no way back; what was on the link returns until the next boot",
                    target.interface,
                    self.world.settings.script.display()
                );
            }
            // Whatever the script has done: what was on the link comes back.
            let link = self.netlink.restore(target, snapshot, live).await;
            files.and(called).and(link)
        })
    }
}

#[cfg(test)]
mod tests;
