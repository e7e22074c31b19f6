//! `hvctl`: look at and steer the Hyper-V guest services from inside the guest.
//!
//! It knows the daemons only through D-Bus, and the VMBus only through sysfs: it links no daemon and opens
//! none of their files, so it can be installed, upgraded and run apart from them.
//! Here is the list of rooms; `app` is where a command line becomes an exit code.

mod age;
mod app;
mod args;
mod config_check;
mod copy;
mod daemons;
mod devices;
mod driver;
mod error;
mod heartbeat;
mod hold;
mod host;
mod ip;
mod kvp;
mod kvp_transfer;
mod kvp_watch;
mod output;
mod proxies;
mod shutdown;
mod signals;
mod status;
mod subscription;
mod text;
mod time;
mod vss;

fn main() -> std::process::ExitCode {
    app::main()
}
