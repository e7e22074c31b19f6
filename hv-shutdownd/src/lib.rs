//! `hv-shutdownd`: Hyper-V's Guest Shutdown for a Linux guest.
//!
//! What it promises:
//! * the guest goes down as its administrator would have it go down: through its init, hooks and inhibitors heard;
//! * the host is told first, and told the truth: OK only for what is then begun, and a refusal says why;
//! * a request is begun once, however often it is sent;
//! * hibernation is promised only where the guest can wake up again.
//!
//! ```text
//!  host ── ring ──► core: Link ──► service ──► engine ──► Step
//!                     ▲              │  ▲                  │
//!                     └── answer ────┤  │ surroundings     ├─► look: inhibitors (ours, logind's), hibernation
//!                    seen to leave   │  └──────────────────┤
//!  D-Bus clients ◄── bus ◄── board ──┤                     ├─► hooks: /etc/hv-utils/shutdown.d
//!        └── Inhibit ──► inhibit ────┘                     └─► ways: logind → systemd → init → system call
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod service;
pub mod ways;

pub use service::Shutdownd;
