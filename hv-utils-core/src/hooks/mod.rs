//! The administrator's programs around what a daemon does: which may be run, and how each comes to its end.
//!
//! They are the executable files of one directory. [`find`] judges them: as root only what nobody else can change is run.
//! Where systemd runs the machine each is a transient unit ([`Systemd`]), outside the daemon's sandbox; else a child in a
//! process group of its own. What does not end in time is ended with all it has started. [`Hooks`] runs them in the order of
//! their names, and that is all; a daemon with more to keep in mind has rounds of its own and uses [`Runners`] and [`Job`].

mod direct;
mod files;
mod job;
mod output;
mod plain;
mod runners;
mod systemd;
mod way;

pub use direct::Left;
pub use files::{File, Found, find};
pub use job::{GRACE, Job, OK, Outcome};
pub use plain::{Hooks, Options, Report};
pub use runners::{Means, Owner, Runner, Runners};
pub use systemd::{BUS_GONE, Stopping, Systemd};
