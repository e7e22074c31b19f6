//! What in the guest a hibernation must not interrupt, told by the daemons that do it, if they run.
//!
//! A frozen filesystem keeps the kernel from stopping its writers, and a copy belongs to a connection that ends. Who is there
//! and does not say is taken at the worst.

use hv_utils_core::daemon::may_be_frozen;
use zbus::Connection;

use super::calls::{self, Failure, Object};
use super::{GLANCE, Options};

const VSS: Object =
    Object { name: "org.hvutils.Vss1", path: "/org/hvutils/Vss1", interface: "org.hvutils.Vss1" };
const COPY: Object = Object {
    name: "org.hvutils.FileCopy1",
    path: "/org/hvutils/FileCopy1",
    interface: "org.hvutils.FileCopy1",
};
/// Target, size, done, percent; no target: nothing is copied.
type Active = (String, u64, u64, u32);

/// A sentence.
pub(super) async fn what(bus: &Connection) -> Option<String> {
    let (frozen, copied) = tokio::join!(frozen(bus), copied(bus));
    frozen.or(copied)
}

/// What a daemon that has died has left: `hv-utils-sleep.service` would refuse for it after the host was told yes.
pub(super) fn left(options: &Options) -> Option<String> {
    may_be_frozen(&options.run_dir, &options.proc_root)
        .then(|| "by its record hv-vssd has filesystems frozen".to_owned())
}

async fn frozen(bus: &Connection) -> Option<String> {
    match asked::<String>(bus, VSS, "State").await? {
        Ok(state) if state == "thawed" => None,
        Ok(state) => Some(format!("filesystems are {} for a backup", super::order::bounded(&state))),
        Err(why) => Some(format!("hv-vssd does not say whether filesystems are frozen: {}", why.words())),
    }
}

async fn copied(bus: &Connection) -> Option<String> {
    match asked::<Active>(bus, COPY, "Active").await? {
        Ok((target, ..)) if target.is_empty() => None,
        Ok((target, ..)) => Some(format!("the host copies a file to {}", super::order::bounded(&target))),
        Err(why) => Some(format!("hv-fcopyd does not say whether a file is copied: {}", why.words())),
    }
}

/// `None`: it does not run, and is not started by the question.
async fn asked<T>(bus: &Connection, object: Object, property: &str) -> Option<Result<T, Failure>>
where
    T: TryFrom<zbus::wire::OwnedVariant>,
    T::Error: Into<zbus::Error>,
{
    match calls::is_there(bus, object.name, GLANCE).await {
        Ok(false) => None,
        // Without a bus there is nobody on it.
        Err(_) => None,
        Ok(true) => match calls::get(bus, object, property, GLANCE).await {
            Err(Failure::Nobody) => None,
            said => Some(said),
        },
    }
}
