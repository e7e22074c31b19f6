//! `org.hvutils.Vss1`: what is frozen, what would be, what was; and to freeze and to thaw.
//!
//! Anyone may read, at any time: nothing is asked of anybody for it. To freeze asks polkit (`org.hvutils.vss.freeze`),
//! once, and only before anything is frozen. To thaw asks no program at all but the message bus: whoever may hang on a
//! frozen filesystem must not stand between it and its thaw.

use std::time::Duration;

use hv_utils_core::bus::{Authority, Error};
use zbus::message::Header;
use zbus::names::{OwnedUniqueName, UniqueName};
use zbus::object_server::SignalEmitter;
use zbus::{Connection, interface};

use super::callers::Callers;
use super::freezers::{Freezer, Freezers, Line};
use super::remote::{Remote, Shown, ShownState};
use super::rows::{self, LastFreeze, PlanRow, Rows, text};

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
    callers: Callers,
}

impl Vss1 {
    /// The interface over the service's `remote`, for one connection; `authority` decides who may freeze.
    #[must_use]
    pub fn new(remote: Remote, authority: Authority) -> Vss1 {
        let line = remote.freezers.line();
        Vss1 { remote, authority, line, callers: Callers::default() }
    }

    pub(super) fn records(&self) -> Result<Rows, Error> {
        self.remote.records().map(Rows::from)
    }

    /// Whether the caller may thaw what is frozen now.
    async fn may_thaw(&self, call: &Header<'_>, bus: &Connection) -> Result<(), Error> {
        let shown = self.remote.shown();
        let freezers = &self.remote.freezers;
        let name = sender(call)?;
        if freezers.has_name(&shown, self.line, name) {
            return Ok(());
        }
        let user = self.callers.user(name, Authority::identify(bus, call)).await?;
        if self.authority.trusts(user) || freezers.users(&shown).contains(&user) {
            return Ok(());
        }
        let is_over =
            matches!(shown.state, ShownState::Thawed | ShownState::Thawing) && shown.frozen_since == 0;
        if is_over && freezers.was_of(user) {
            return Err(Error::NotFrozen("it is not frozen any more".to_owned()));
        }
        Err(Error::NotAuthorized(NOT_THEIRS.to_owned()))
    }
}

#[interface(name = "org.hvutils.Vss1", introspection_docs = false)]
impl Vss1 {
    /// `thawed`, `freezing`, `frozen`, `thawing` or `failed`.
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.remote.shown().state.as_str()
    }

    /// Who has asked for the freeze that is under way: `host` or `bus`; empty while nothing is.
    #[zbus(property)]
    fn origin(&self) -> &'static str {
        origin(&self.remote.shown())
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
        if self.remote.shown().is_under_way() {
            return Err(Error::Busy("a freeze is under way: try again when it is over".to_owned()));
        }
        let user = self.authority.admit(bus, &call, FREEZE).await?;
        let name = sender(&call)?;
        self.callers.learn(name, user);
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
    async fn history(&self) -> Result<Rows, Error> {
        self.records()
    }

    /// All is frozen that is to be.
    #[zbus(signal)]
    pub(super) async fn frozen(emitter: &SignalEmitter<'_>, mounts: &[String]) -> zbus::Result<()>;

    /// All is thawed that was frozen; hooks may still run.
    #[zbus(signal)]
    pub(super) async fn thawed(emitter: &SignalEmitter<'_>, frozen_us: u64, cause: &str) -> zbus::Result<()>;
}

fn sender<'a>(call: &'a Header<'_>) -> Result<&'a UniqueName<'a>, Error> {
    let unknown = || Error::NotAuthorized("the caller is not known: use the message bus".to_owned());
    call.sender().ok_or_else(unknown)
}

pub(super) fn origin(shown: &Shown) -> &'static str {
    shown.origin.map(rows::origin).unwrap_or_default()
}

pub(super) fn mounts(shown: &Shown) -> Vec<String> {
    shown.frozen_mounts.iter().map(|mount| text(mount)).collect()
}

pub(super) fn last_freeze(shown: &Shown) -> LastFreeze {
    shown.last.as_deref().map(LastFreeze::from).unwrap_or_default()
}
