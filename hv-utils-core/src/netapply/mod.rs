//! What hv-kvpd and hv-netapply say to each other about the configuration of an adapter.
//!
//! hv-kvpd hears the host and has no privileges; hv-netapply may change the machine's network and never sees a byte of
//! the host's. Between them is a Unix socket, and on it only the types of this room: parsed, checked and bounded.
//! Nothing is applied here, and nothing is decided.
//!
//! ```text
//!  hv-kvpd ── Request::Apply ──► hv-netapply      snapshot, journal, apply, read back
//!          ◄─ Reply::Applied ───                  until now: the socket closed, or no word in time = undone
//!          ── Request::Promise ►
//!          ◄─ Reply::Done ──────                  from now on it stays, whoever dies, but for a Cancel
//!   the host is told
//!          ── Request::Confirm ►
//!          ◄─ Reply::Done ──────
//! ```

mod history;
mod injection;
mod settings;
mod talk;

pub use history::{HISTORY, History, MOST_RECORDS, Outcome, RESUME, Record};
pub use injection::{Addressing, Injection, Network, Plan};
pub use settings::{BackendChoice, NetworkSettings};
pub use talk::{Failed, Kind, MOST_BYTES, Reply, Request, SOCKET, Step, encode};

#[cfg(test)]
mod tests;
