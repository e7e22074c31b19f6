//! `hv-netapply`: gives an adapter the IP configuration that the Hyper-V host wants, through whoever owns the link.
//!
//! What it promises:
//! * all of it comes into force and survives a reboot, or all is as it was before, whatever dies on the way;
//! * no address is claimed to be there that the kernel does not show;
//! * one link is touched, and only by the manager that owns it;
//! * nothing the host has said comes here unread: hv-kvpd parses and checks, this program gets addresses.
//!
//! ```text
//!  hv-kvpd ── socket ──► service: conversation ─► transaction ─► backend ─► NetworkManager, systemd-networkd, netplan,
//!                                    │             │  ▲  │                  ifupdown, the kernel, a script
//!                                 confirm?      state  │  └────────────────────────┐
//!                                               (journal, undo, history)  readback ◄─ netlink
//! ```
//!
//! Rooms: [`engine`] judges, [`backend`] knows the managers, [`service`] goes there and back, [`state`] outlives us,
//! [`socket`] lets callers in, [`hooks`] are the administrator's.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod args;
pub mod backend;
mod cloud_init;
pub mod engine;
pub mod error;
pub mod hooks;
pub mod readback;
pub mod saved;
pub mod service;
pub mod socket;
pub mod state;
pub mod target;
pub mod world;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hv_utils_core::daemon::config::{Config, Sources, usable};
use hv_utils_core::daemon::log::Log;
use hv_utils_core::daemon::{Exit, Failure, InstanceLock, check_findings, log_settings, report_findings};
use hv_utils_core::netapply::NetworkSettings;
use tokio::runtime::{Builder, Runtime};

use args::{Cli, Common, Verb};
use backend::Roots;
use service::Workshop;
use socket::Listener;
use state::State;
use world::World;

/// The program's name, and its lock's.
pub const NAME: &str = "hv-netapply";

/// What callers hear where the configuration is wrong.
const UNUSABLE: &str = "the configuration of hv-netapply cannot be used, so no adapter is configured: see hv-netapply --check-config";

/// How long it stays without work where systemd starts it again for the next caller.
const IDLE: Duration = Duration::from_secs(30);

/// The whole program; the first argument is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let log = Log::install(NAME);
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nowhere to complain to if the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let Common { config, etc_root, log_level, log_format, .. } = &cli.common;
    let mut files = Config::load(&Sources::new(config.as_deref(), etc_root));
    let (level, format) = log_settings(&mut files.table("log"), *log_level, *log_format);
    let settings = NetworkSettings::read(&mut files.table("network"));
    let findings = files.finish();
    if cli.common.check_config {
        return check_findings(&findings);
    }
    if let Err(error) = log.configure(level, format) {
        tracing::warn!("{error}; logging to standard error");
    }
    report_findings(&findings);
    // With a wrong one, what was cut short has to be undone all the same, and who calls has to hear why nothing is done.
    let refusal = (!usable(&findings)).then_some(UNUSABLE);
    match perform(cli, settings, refusal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            failure.exit().into()
        }
    }
}

fn perform(cli: Cli, settings: NetworkSettings, refusal: Option<&'static str>) -> Result<(), Failure> {
    let Some(Verb::Serve { idle_secs, client }) = cli.verb else {
        return Err(Failure::new(Exit::Usage, "a verb is missing: hv-netapply --help shows them"));
    };
    let common = cli.common;
    let _lock = InstanceLock::take(&common.run_dir, NAME)?;
    let known = user(&client, &common.etc_root);
    if known.is_none() {
        tracing::warn!("there is no user {client} here: only root and the user of this program may call");
    }
    let client = known;
    let state = State::open(&common.state_dir)
        .map_err(|error| Failure::new(Exit::NotPermitted, error.to_string()))?;
    let roots = Roots {
        etc: common.etc_root,
        run: common.run_root,
        usr: common.usr_root,
        sysfs: common.sysfs_root,
        proc: common.proc_root,
        var_lib: common.var_lib_root,
    };
    let mut world = World::new(roots, settings, common.bus);
    if let Some(why) = refusal {
        tracing::error!("{why}");
        world.refusal = refusal;
    }
    let runtime = runtime()?;
    let listener = {
        let _inside = runtime.enter();
        Listener::open(&common.run_dir, client)?
    };
    tracing::info!("serving hv-kvpd at {}", listener.place());
    let idle = idle_secs.map(Duration::from_secs).or(listener.is_inherited().then_some(IDLE));
    service::serve(&runtime, Workshop::new(world, state), listener, idle)
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::internal(format!("cannot start the event loop: {error}")))
}

/// The number of a user of this machine; a number is one itself. Nobody else is let in where there is none.
fn user(name: &str, etc_root: &Path) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let users = fs::read_to_string(etc_root.join("passwd")).unwrap_or_default();
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find_map(|fields| (fields.first() == Some(&name)).then(|| fields.get(2)?.parse().ok())?)
}
