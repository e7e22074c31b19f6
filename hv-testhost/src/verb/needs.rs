//! What a verb needs: which service's channel, and how much time for an answer where nobody says how much.
//!
//! Looked up by whoever carries it out; nothing is done here.

use std::time::Duration;

use hv_utils_core::wire::Ic;
use hv_utils_core::wire::vss::Operation;

use super::Verb;

/// Time for what a guest's network manager does: it may take 25 seconds.
const SLOW: Duration = Duration::from_secs(30);
/// Time for a freeze: databases prepare for it and memory is written to disk. Real hosts give it 15 minutes.
const FREEZING: Duration = Duration::from_secs(120);

/// Time for each answer of a file copy: at its end a large file is written to the disk.
const DURABLE: Duration = Duration::from_secs(120);

impl Verb {
    /// Time for the answer where nobody says how long: `None` for the verbs that a guest answers at once.
    pub fn patience(&self) -> Option<Duration> {
        match self {
            Verb::SetIp(_) => Some(SLOW),
            Verb::VssFreeze | Verb::CheckpointVm(_) | Verb::VssOperation { operation: Operation::FREEZE } => {
                Some(FREEZING)
            }
            Verb::CopyVmfile(_) => Some(DURABLE),
            _ => None,
        }
    }

    /// The service that the verb is for, whether it needs a guest or not; none for those that are for all.
    pub fn target(&self) -> Option<Ic> {
        match self {
            Verb::DisableService { name } | Verb::EnableService { name } => Some(*name),
            Verb::GetVm => Some(Ic::Heartbeat),
            verb => verb.service(),
        }
    }

    /// The service whose channel the verb needs; none for those that need no guest.
    pub fn service(&self) -> Option<Ic> {
        match self {
            Verb::GetVm
            | Verb::GetIntegrationServices
            | Verb::DisableService { .. }
            | Verb::EnableService { .. }
            | Verb::Quit => None,
            Verb::WaitGuest { name } => *name,
            Verb::Renegotiate { name } => Some(*name),
            Verb::Raw { service, .. } => Some(*service),
            Verb::StopVm(_) | Verb::RestartVm(_) => Some(Ic::Shutdown),
            Verb::SuspendVm(_) | Verb::HibernateVm(_) => Some(Ic::Shutdown),
            Verb::SyncTime(_) | Verb::SampleTime(_) => Some(Ic::TimeSync),
            Verb::VssCheck | Verb::VssFreeze | Verb::VssThaw => Some(Ic::Vss),
            Verb::VssOperation { .. } | Verb::CheckpointVm(_) => Some(Ic::Vss),
            Verb::CopyVmfile(_) => Some(Ic::FileCopy),
            _ => Some(Ic::Kvp),
        }
    }
}
