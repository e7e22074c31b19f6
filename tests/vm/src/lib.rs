//! Our daemons under a real kernel: virtual machines that a stock Linux boots in as a Hyper-V guest, with `hv-testhost` as
//! its host, and the cases that are played in them.
//!
//! ```text
//!   cases ──▶ machine ──▶ virtual machine (QEMU, nested where need be) ── guest's kernel, daemons
//!     │          │                │ packet link                              ▲
//!     │          ├──▶ host ───────┘ (hv-testhost and its control socket)     │
//!     │          └──▶ agent ── commands ─────────────────────────────────────┘
//!     └── report: what failed, with the console and the host's transcript
//! ```
//! What a machine is made of is the shell scripts' beside this crate (`packages.sh`, `images.sh`); how a guest is
//! started is in `outer/`, what it runs first in `guest/`.

pub mod agent;
pub mod bench;
pub mod cases;
pub mod cli;
pub mod clock;
pub mod machine;
pub mod report;

mod trace;
