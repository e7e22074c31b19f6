//! What systemd's words mean to a host. From `org.freedesktop.systemd1(5)`.

use hv_utils_core::bus::units::STARTING;
use hv_utils_core::wire::heartbeat::ApplicationState;

use crate::systemd::UnitSeen;

/// What `SystemState` means. Words that are not known mean nothing.
#[must_use]
pub fn system(word: &str) -> ApplicationState {
    match word {
        "running" => ApplicationState::Healthy,
        "degraded" | "maintenance" => ApplicationState::Critical,
        "stopping" => ApplicationState::Stopped,
        _ => ApplicationState::Unknown,
    }
}

/// What is seen of a unit means this, and is said so. One that does not run but is about to (it is being restarted, or
/// the boot has not come to it yet) is neither well nor stopped.
#[must_use]
pub fn unit(seen: &UnitSeen) -> (ApplicationState, String) {
    let UnitSeen { load, active, sub, job } = seen;
    // Whose file went while it runs is still what it is.
    match load.as_str() {
        _ if active != "inactive" => {}
        "not-found" => return (ApplicationState::Critical, "there is no such unit".to_owned()),
        "bad-setting" | "error" => {
            return (ApplicationState::Critical, format!("cannot be loaded ({load})"));
        }
        "masked" => return (ApplicationState::Stopped, "masked".to_owned()),
        _ => {}
    }
    let why = match sub.as_str() {
        "" => active.clone(),
        sub if sub == active => active.clone(),
        sub => format!("{active} ({sub})"),
    };
    let state = match active.as_str() {
        // `refreshing` came with version 257.
        "active" | "activating" | "reloading" | "refreshing" => ApplicationState::Healthy,
        "failed" => ApplicationState::Critical,
        "inactive" | "deactivating" if STARTING.contains(&job.as_str()) => {
            return (ApplicationState::Unknown, format!("{why}, about to start"));
        }
        "inactive" | "deactivating" => ApplicationState::Stopped,
        _ => ApplicationState::Unknown,
    };
    (state, why)
}
