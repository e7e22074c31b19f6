//! What ifupdown's own programs are asked: ifquery, ifdown and ifup, and how long each may take.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::daemon::{directory, replace};

use super::Ifupdown;
use crate::backend::{Target, stray};
use crate::error::Error;
use crate::saved::remove;

/// How long ifdown may take, and ifquery.
const DOWN_PATIENCE: Duration = Duration::from_secs(10);
/// How long ifup may take on the way back: longer than a DHCP client tries before it goes on in the background, and so that
/// the whole way back takes 85 s at most, of which a few are for what was left over.
const BACK_PATIENCE: Duration = Duration::from_secs(70);
const _: () =
    assert!(DOWN_PATIENCE.as_secs() + BACK_PATIENCE.as_secs() <= 80, "whoever calls waits for 90 s");

impl Ifupdown {
    /// Where a program is, if it is installed.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let merged = self.world.roots.usr.join("sbin").join(name);
        let unmerged = self.world.roots.usr.parent().unwrap_or(Path::new("/")).join("sbin").join(name);
        [merged, unmerged].into_iter().find(|path| path.exists())
    }

    async fn run(&self, name: &str, arguments: &[&OsStr], limit: Duration) -> Result<(), Error> {
        let program = self.program(name);
        let program = program.ok_or_else(|| Error::not_applied(format!("{name} is not installed")))?;
        self.world.command(&program, arguments, limit).await.map(drop)
    }

    /// Has ifquery read all files as they will be.
    pub(super) async fn check(&self, target: &Target, flat: &str) -> Result<(), Error> {
        let file = self.temporary(target, "new");
        if let Some(parent) = file.parent() {
            directory(parent)?;
        }
        replace(&file, flat.as_bytes(), 0o600)?;
        let arguments = ["-i".as_ref(), file.as_os_str(), target.interface.as_ref()];
        let checked = self.run("ifquery", &arguments, DOWN_PATIENCE).await;
        remove(&file)?;
        checked
    }

    /// Takes the interface down, as the configuration says that it came up.
    pub(super) async fn down(&self, target: &Target) -> Result<(), Error> {
        stray::end(&self.world.roots.proc, &["ifup", "ifdown"], Some(&target.interface)).await;
        let old = self.temporary(target, "old");
        let interface: &OsStr = target.interface.as_ref();
        let mut arguments: Vec<&OsStr> = vec!["--force".as_ref()];
        if old.exists() {
            arguments.extend(["-i".as_ref(), old.as_os_str()]);
        }
        arguments.push(interface);
        self.run("ifdown", &arguments, DOWN_PATIENCE).await?;
        remove(&old)
    }

    /// Has the new configuration come up in place of the old one.
    pub(super) async fn bring_up(&self, target: &Target) -> Result<(), Error> {
        self.down(target).await?;
        self.run("ifup", &[target.interface.as_ref()], self.world.settings.apply_timeout).await
    }

    /// Has what was up before come up again.
    pub(super) async fn up_again(&self, target: &Target) -> Result<(), Error> {
        self.run("ifup", &[target.interface.as_ref()], BACK_PATIENCE).await
    }
}
