//! `org.hvutils.Heartbeat1`: what the host is told about the applications, who says so, and to say something.
//!
//! Anyone may read. Who reports something needs polkit's consent (`org.hvutils.heartbeat.set`), and has it told to the host for
//! as long as it stays on the bus; to withdraw one's own report needs nobody's.

use hv_utils_core::bus::{Authority, Error};
use hv_utils_core::wire::heartbeat::ApplicationState;
use zbus::message::Header;
use zbus::{Connection, interface};

use super::board::{Board, Reporting, Shown};
use crate::leases::{Holder, LONGEST_WHY, Leaving, Report};

/// The interface's name.
pub const HEARTBEAT1: &str = "org.hvutils.Heartbeat1";
/// The polkit action that allows to report.
const SET: &str = "org.hvutils.heartbeat.set";

/// One of `Sources`: who, state, why.
pub(super) type SourceShown = (String, &'static str, String);

/// The interface object. Each connection has one of its own.
#[derive(Debug)]
pub struct Heartbeat1 {
    board: Board,
    authority: Authority,
    line: u64,
}

impl Heartbeat1 {
    /// The interface over what the service publishes, on its connection number `line`; `authority` decides who may report.
    #[must_use]
    pub const fn new(board: Board, authority: Authority, line: u64) -> Heartbeat1 {
        Heartbeat1 { board, authority, line }
    }

    fn holder(&self, call: &Header<'_>) -> Result<Holder, Error> {
        let unknown = || Error::NotAuthorized("the caller is not known: use the message bus".to_owned());
        let name = call.sender().ok_or_else(unknown)?.to_string();
        Ok(Holder { line: self.line, name })
    }
}

#[interface(name = "org.hvutils.Heartbeat1", introspection_docs = false)]
impl Heartbeat1 {
    /// The number that the last heartbeat was answered with; 0 before that.
    #[zbus(property(emits_changed_signal = "false"))]
    fn sequence(&self) -> u64 {
        self.board.sequence()
    }

    /// `unknown`, `healthy`, `critical` or `stopped`: what the host is told.
    #[zbus(property)]
    fn application_state(&self) -> &'static str {
        self.board.shown().state.name()
    }

    /// Who says what, and why.
    #[zbus(property)]
    fn sources(&self) -> Vec<SourceShown> {
        sources(&self.board.shown())
    }

    /// The caller's applications are in this state, until it says something else or leaves the bus.
    async fn set_application_state(
        &self,
        state: &str,
        why: &str,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        refusal(self.board.shown().reporting)?;
        let state = state.parse().map_err(|()| no_state(state))?;
        if why.chars().count() > LONGEST_WHY {
            return Err(Error::InvalidArgument(format!("a reason has at most {LONGEST_WHY} characters")));
        }
        let holder = self.holder(&call)?;
        self.authority.check(bus, &call, SET).await?;
        let leaving = match Leaving::of(bus, &holder.name).await {
            Ok(Some(leaving)) => leaving,
            Ok(None) => return Err(Error::Failed("the caller has left the bus".to_owned())),
            Err(error) => {
                return Err(Error::Failed(format!("the bus does not say who leaves it: {error}")));
            }
        };
        let serial = call.primary().serial_num();
        let report = Report { state, why: line(why), serial };
        self.board.report(holder, report, leaving).await
    }

    /// The caller has nothing more to say.
    async fn withdraw_application_state(&self, #[zbus(header)] call: Header<'_>) -> Result<(), Error> {
        refusal(self.board.shown().reporting)?;
        let holder = self.holder(&call)?;
        self.board.withdraw(holder, call.primary().serial_num()).await
    }
}

/// Why no report is taken, if none is.
pub(crate) fn refusal(reporting: Reporting) -> Result<(), Error> {
    let why = match reporting {
        Reporting::Open => return Ok(()),
        Reporting::Off => {
            "applications may not report their state here: set applications = true in [heartbeat]"
        }
        Reporting::Kernel => {
            "the kernel answers the host's heartbeats here, and tells it nothing of applications: \
             hvctl driver use uio heartbeat"
        }
    };
    Err(Error::NotSupported(why.to_owned()))
}

fn no_state(text: &str) -> Error {
    let words = ApplicationState::ALL.map(ApplicationState::name).join(", ");
    let text: String = text.chars().take(32).collect();
    Error::InvalidArgument(format!("{text:?} is no state: one of {words}"))
}

pub(super) fn sources(shown: &Shown) -> Vec<SourceShown> {
    let row = |source: &crate::engine::Source| (line(&source.name), source.state.name(), line(&source.why));
    shown.sources.iter().map(row).collect()
}

/// A text that a bus, a log and a terminal carry: in one line.
fn line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
