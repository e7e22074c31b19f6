//! What runs the hooks of one round.
//!
//! Decided anew for each: the bus may have come or gone in between. What was begun by one and is ended by the other is no
//! error, only less clean: see [`super::direct`] and [`super::systemd`].

use super::direct::{self, Left};
use super::job::{Job, Outcome};
use super::systemd::Systemd;

pub(super) enum Means {
    Systemd(Systemd),
    /// The daemon itself.
    Direct,
    /// Nothing: why.
    None(String),
}

impl Means {
    /// Runs a hook to its end.
    pub(super) async fn run(&self, job: &Job<'_>) -> (Outcome, Option<Left>) {
        match self {
            Self::Systemd(systemd) => systemd.run(job).await,
            Self::Direct => direct::run(job).await,
            Self::None(why) => (Outcome::not_started(why), None),
        }
    }
}
