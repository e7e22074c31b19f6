//! A service's state in the words and numbers of `Get-VMIntegrationService` and WMI's OperationalStatus.
//!
//! The mapping only; numbers from Microsoft's documentation of `Msvm_HeartbeatComponent`, the heartbeat's words from that
//! of `Get-VM`.

use hv_utils_core::wire::Ic;
use hv_utils_core::wire::heartbeat::ApplicationState;

use super::station::Phase;
use crate::outcome::ServiceState;

/// OperationalStatus as WMI numbers it, with its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operational {
    /// WMI's number.
    pub code: u16,
    /// The words that go with it.
    pub text: &'static str,
}

impl ServiceState {
    /// The primary status.
    pub fn operational(&self) -> Operational {
        let (code, text) = match (&self.phase, self.enabled) {
            (_, false) => (0, "Disabled"),
            (Phase::Ready(_), true) => (2, "OK"),
            (Phase::NoCommonVersion | Phase::Failed(_), true) => (7, "Non-recoverable Error"),
            (Phase::Waiting | Phase::Negotiating, true) => (12, "No Contact"),
            (Phase::Lost(_), true) => (13, "Lost Communication"),
        };
        Operational { code, text }
    }

    /// What explains the primary status; empty where nothing needs explaining.
    pub fn detail(&self) -> String {
        match &self.phase {
            _ if !self.enabled => String::new(),
            Phase::Waiting => "no guest has opened the channel".to_owned(),
            Phase::Negotiating => "the guest has not answered NEGOTIATE".to_owned(),
            Phase::NoCommonVersion => "protocol mismatch: no common version".to_owned(),
            Phase::Failed(problem) => problem.to_string(),
            Phase::Ready(_) => {
                self.application_state().map_or_else(String::new, |state| format!("applications {state}"))
            }
            Phase::Lost(_) => "the guest stopped answering".to_owned(),
        }
    }
}

impl ServiceState {
    /// State of the guest's applications in a word, for the service that knows.
    pub fn application_state(&self) -> Option<&'static str> {
        self.application
            .map(|state| ApplicationState::from_number(state).map_or("undefined", ApplicationState::name))
    }

    /// The heartbeat in a word of `Get-VM`'s, for the service that has one.
    pub fn heartbeat(&self) -> &'static str {
        match (&self.phase, self.enabled) {
            (_, false) => NO_HEARTBEAT,
            (Phase::Waiting | Phase::Negotiating, true) => "NoContact",
            (Phase::NoCommonVersion | Phase::Failed(_), true) => "Error",
            (Phase::Lost(_), true) => "LostCommunication",
            (Phase::Ready(_), true) => match self.application.and_then(ApplicationState::from_number) {
                Some(ApplicationState::Healthy) => "OkApplicationsHealthy",
                Some(ApplicationState::Critical) => "OkApplicationsCritical",
                // What a real host makes of "stopped" is not known.
                Some(ApplicationState::Unknown | ApplicationState::Stopped) | None => "OkApplicationsUnknown",
            },
        }
    }
}

/// The heartbeat of a machine that has none.
pub(super) const NO_HEARTBEAT: &str = "Disabled";

/// What Hyper-V Manager calls a service.
pub fn display_name(ic: Ic) -> &'static str {
    match ic {
        Ic::Heartbeat => "Heartbeat",
        Ic::Kvp => "Key-Value Pair Exchange",
        Ic::Shutdown => "Shutdown",
        Ic::TimeSync => "Time Synchronization",
        Ic::Vss => "VSS",
        Ic::FileCopy => "Guest Service Interface",
    }
}
