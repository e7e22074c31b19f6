//! `org.hvutils.Vss1`: what is frozen, what would be, what was; and to freeze and to thaw.
//!
//! Anyone may read, at any time: nothing is asked of anybody for it. To freeze asks polkit (`org.hvutils.vss.freeze`),
//! once, and only before anything is frozen. To thaw asks no program at all but the message bus: whoever may hang on a
//! frozen filesystem must not stand between it and its thaw.

use std::time::Duration;

use hv_utils_core::bus::{Authority, Error};
use zbus::message::Header;
use zbus::names::OwnedUniqueName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, interface};

use super::freezers::{Freezer, Freezers, Line};
use super::remote::{Remote, Shown};
use super::rows::{Dict, LastFreeze, PlanRow, dict, text};

/// The interface's name.
pub const VSS1: &str = "org.hvutils.Vss1";
/// The polkit action that allows to freeze.
const FREEZE: &str = "org.hvutils.vss.freeze";
/// What is said to somebody else who wants to thaw.
const NOT_THEIRS: &str = "only root, and whoever has asked for this freeze, may thaw it: use root";

/// The interface object. Each connection has one of its own.
#[derive(Debug)]
pub struct Vss1 {
    remote: Remote,
    authority: Authority,
    line: Line,
}

impl Vss1 {
    /// The interface over the service's `remote`, for one connection; `authority` decides who may freeze.
    #[must_use]
    pub fn new(remote: Remote, authority: Authority) -> Vss1 {
        let line = remote.freezers.line();
        Vss1 { remote, authority, line }
    }

    /// Whether the caller may thaw what is frozen now.
    async fn may_thaw(&self, call: &Header<'_>, bus: &Connection) -> Result<(), Error> {
        let shown = self.remote.shown();
        let freezers = &self.remote.freezers;
        if call.sender().is_some_and(|name| freezers.has_name(&shown, self.line, name)) {
            return Ok(());
        }
        self.authority.known(bus, call, &freezers.users(&shown), NOT_THEIRS).await
    }
}

#[interface(name = "org.hvutils.Vss1", introspection_docs = false)]
impl Vss1 {
    /// `thawed`, `freezing`, `frozen`, `thawing` or `failed`.
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.remote.shown().state.as_str()
    }

    /// What is frozen.
    #[zbus(property)]
    fn frozen_mounts(&self) -> Vec<String> {
        mounts(&self.remote.shown())
    }

    /// Since when; 0 if nothing is.
    #[zbus(property)]
    fn frozen_since(&self) -> u64 {
        self.remote.shown().frozen_since
    }

    /// Until when at most; 0 if nothing is.
    #[zbus(property)]
    fn deadline(&self) -> u64 {
        self.remote.shown().deadline
    }

    /// The last freeze whose filesystems are thawed.
    #[zbus(property)]
    fn last_freeze(&self) -> LastFreeze {
        last_freeze(&self.remote.shown())
    }

    /// What would be frozen now, in order, and what would not and why.
    async fn plan(&self) -> Result<Vec<PlanRow>, Error> {
        self.remote.plan().await
    }

    /// Freezes for at most so many seconds; 0: for as long as is configured. All is frozen when this returns.
    async fn freeze(
        &self,
        timeout_s: u32,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        // Before polkit, which must not be asked while anything is frozen.
        let shown = self.remote.shown();
        if shown.state.is_under_way() || shown.frozen_since != 0 {
            return Err(Error::Busy("a freeze is under way: try again when it is over".to_owned()));
        }
        let user = self.authority.admit(bus, &call, FREEZE).await?;
        let Some(name) = call.sender() else {
            return Err(Error::NotAuthorized("the caller is not known: use the message bus".to_owned()));
        };
        let freezer = Freezer { user, name: OwnedUniqueName::from(name.to_owned()), line: self.line };
        let asking = Freezers::ask(&self.remote.freezers, freezer);
        let time = Duration::from_secs(u64::from(timeout_s));
        self.remote.freeze(Some(time).filter(|time| !time.is_zero())).await?;
        asking.frozen(&self.remote.shown());
        Ok(())
    }

    /// Thaws what is frozen. All is thawed when this returns.
    async fn thaw(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        self.may_thaw(&call, bus).await?;
        self.remote.thaw().await
    }

    /// The last freezes, the oldest first.
    fn history(&self) -> Vec<Dict> {
        self.remote.records().iter().map(|record| dict(record)).collect()
    }

    /// All is frozen that is to be.
    #[zbus(signal)]
    pub(super) async fn frozen(emitter: &SignalEmitter<'_>, mounts: &[String]) -> zbus::Result<()>;

    /// All is thawed that was frozen; hooks may still run.
    #[zbus(signal)]
    pub(super) async fn thawed(emitter: &SignalEmitter<'_>, frozen_us: u64, cause: &str) -> zbus::Result<()>;
}

pub(super) fn mounts(shown: &Shown) -> Vec<String> {
    shown.frozen_mounts.iter().map(|mount| text(mount)).collect()
}

pub(super) fn last_freeze(shown: &Shown) -> LastFreeze {
    shown.last.as_deref().map(LastFreeze::from).unwrap_or_default()
}
