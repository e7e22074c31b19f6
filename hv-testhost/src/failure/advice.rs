//! What to do about a guest's refusal: what in the guest says why, by the service that refused.

use std::borrow::Cow;

use hv_utils_core::wire::Status;

/// What was asked of a guest, as far as another place in the guest tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Items of Data Exchange.
    Items,
    /// The configuration of an adapter.
    ShowAdapter,
    /// That an adapter takes a configuration.
    ConfigureAdapter,
    /// To go down.
    Shutdown,
    /// To take a time.
    Time,
    /// A step of a backup.
    Backup,
    /// To take a file.
    Copy,
    /// A heartbeat.
    Beat,
}

impl Asked {
    /// Commands in the guest that tell of it, and what is in their place where they are none.
    fn told_by(self) -> &'static str {
        match self {
            Asked::Items => {
                "`hvctl kvp list` in the guest shows what it holds, [kvp] host-writable-pools what a host may write"
            }
            Asked::ShowAdapter => {
                "`hvctl ip show` in the guest lists the adapters that it shows, by the MAC address that get-ip takes"
            }
            Asked::ConfigureAdapter => "`hvctl ip history` in the guest says why",
            Asked::Shutdown => "`hvctl shutdown status` in the guest says what holds it up",
            Asked::Time => "`hvctl time samples` in the guest says what became of each time",
            Asked::Backup => {
                "`hvctl vss history` in the guest says why, `hvctl vss plan` what a freeze would take"
            }
            Asked::Copy => "`hvctl copy history` in the guest says why, `hvctl copy status` lists the roots",
            Asked::Beat => "`hvctl heartbeat status` in the guest shows its state",
        }
    }
}

/// What a guest's status asks for.
pub(super) fn refused(status: Status, asked: Option<Asked>) -> Cow<'static, str> {
    let own = match (status, asked) {
        (Status::NOT_FOUND, Some(Asked::ConfigureAdapter)) => {
            "no adapter of the guest has this VMBus device id; `hvctl devices` in the guest lists the ids"
        }
        (Status::NO_MORE_ITEMS, _) => "get-kvp POOL shows what the guest has",
        (Status::NOT_FOUND, _) => "the guest has no such key or network adapter",
        (Status::ALREADY_EXISTS, _) => {
            "--force replaces a file that is there; which one it is, `hvctl copy history` in the guest says"
        }
        (Status::INVALID_NAME, _) => {
            "a path in the guest begins with /; `hvctl copy history` there says what is wrong with this one"
        }
        (Status::PATH_NOT_FOUND, _) => "--create-full-path makes directories that are missing",
        (Status::MACHINE_LOCKED, _) => "somebody in the guest holds it up; --force does not wait for them",
        (Status::NOT_SUPPORTED, _) => {
            "the guest does not do this: not in the agreed versions, or not as it is configured"
        }
        (Status::ACCESS_DENIED, _) => "what may be done to the guest is in its configuration",
        _ => "",
    };
    let complete = !own.is_empty() && !matches!(status, Status::NOT_SUPPORTED | Status::ACCESS_DENIED);
    if complete {
        return own.into();
    }
    let told = asked.map_or(
        "the log of the guest's daemon may say why; if not, its log at level debug does",
        Asked::told_by,
    );
    let log = if asked.is_some() { "; the log of its daemon may say more" } else { "" };
    let own = if own.is_empty() { String::new() } else { format!("{own}; ") };
    format!("{own}{told}{log}").into()
}

#[cfg(test)]
mod tests;
