//! Writes of the host into pools that it may not write, for the log of this machine.
//!
//! The host sees a bare failure, which could be anything. Each pool is logged once, then once an hour with a count.

use std::time::Duration;

use hv_utils_core::channel::OncePer;
use hv_utils_core::wire::kvp::Pool;

/// How long a pool that is known is only counted.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The pools that are known.
#[derive(Debug)]
pub(crate) struct Forbidden {
    known: OncePer,
}

impl Forbidden {
    /// Nothing has been refused yet.
    pub(crate) fn new() -> Forbidden {
        Forbidden { known: OncePer::new(INTERVAL) }
    }

    /// Logs that the host wanted to write `pool`, if it is news.
    pub(crate) fn log(&mut self, pool: Pool) {
        if let Some(before) = self.known.admit(pool.name()) {
            tracing::warn!(unlogged_before = (before > 0).then_some(before), "{}", line(pool));
        }
    }
}

fn line(pool: Pool) -> String {
    let name = pool.name();
    let why = if pool == Pool::Auto {
        "it holds facts about the guest, which nobody writes".to_owned()
    } else {
        format!("[kvp] host-writable-pools does not name it; put \"{name}\" into the list if the host may")
    };
    format!("the host's change of pool {} ({name}) is refused: {why}", pool.number())
}

#[cfg(test)]
mod tests;
