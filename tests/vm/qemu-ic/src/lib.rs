//! Hyper-V integration components for a stock QEMU: preloaded into it, this library adds the devices `hv-kvp`, `hv-vss`,
//! `hv-shutdown`, `hv-timesync`, `hv-heartbeat` and `hv-fcopy`, which QEMU's VMBus lacks.
//!
//! ```text
//!   guest's kernel ── VMBus ring ── QEMU ── device ── frames ── stream ── test host
//!                  ◀─ rescind, offer ────── offers ◀────┘
//! ```
//! Each device hands the packets of its channel on as frames of the packet link and takes frames for it: it knows no
//! service. What QEMU has no means for, taking a device away from a running guest and offering it again, is done by
//! posting the two VMBus messages ourselves (`offers`).
//!
//! Environment: `HV_IC_LAYOUT` is a line of `layouts` without its version; `HV_IC_KVP` and its sisters say where the
//! test host is: the path of a character device (a virtio-serial port), or `unix:PATH` to listen there.
//!
//! Everything runs in QEMU's main loop, under its lock; so the state is a thread's own and needs no other. Nothing here
//! is compiled against QEMU: it uses exported functions, and a class layout that is checked at run time.

mod frames;
mod ic;
mod layout;

// QEMU's functions exist only inside QEMU: the tests are of what needs none of them.
#[cfg(not(test))]
mod device;
#[cfg(not(test))]
mod offers;
#[cfg(not(test))]
mod qemu;
#[cfg(not(test))]
mod stream;
#[cfg(not(test))]
mod timer;

/// Says what cannot go on and ends QEMU, which would otherwise run without the devices that were asked for.
#[cfg(not(test))]
fn fatal(why: &str) -> ! {
    eprintln!("qemu-ic: {why}");
    std::process::exit(1)
}
