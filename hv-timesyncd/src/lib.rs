//! `hv-timesyncd`: Hyper-V's Time Synchronization for a Linux guest.
//!
//! What it promises:
//! * after a pause, a restore or a migration the clock is right at the host's first message;
//! * in between the clock follows the host's without steps, and never goes backwards but for a step that is announced;
//! * whoever else keeps the clock (chrony, systemd-timesyncd, …) is fed or left alone, never fought;
//! * no host can move the clock further than the administrator allows.
//!
//! ```text
//!  host ── ring ──► core: Link ──► service ──► counter: when was it taken? ──► engine ──► Decision
//!  /dev/ptp_hyperv ──► clock ────────▲  │          ▲                             ▲  │
//!                                       │          │ pairs (a file)              │  ├─► clock: step, steer
//!  hv-timesync-counter (root, one shot) ──────────┘     ruler: who keeps it? ───┘  ├─► refclock: chrony, ntpd
//!                                       └────────────────────────────────────────────┴─► bus, samples, state
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bus;
pub mod clock;
pub mod config;
pub mod counter;
pub mod engine;
pub mod refclock;
pub mod ruler;
pub mod sample;
mod service;
pub mod state;

pub use service::Timesyncd;
