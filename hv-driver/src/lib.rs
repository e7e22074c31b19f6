//! `hv-driver`: gives each Hyper-V integration component to the kernel's driver or to raw VMBus, both ways, at run time.
//!
//! What it promises:
//! * each component is where the administrator chose it to be, or, under `auto`, where measured facts speak for it; and
//!   every place comes with its reason;
//! * it is moved by sysfs alone, whatever the host does meanwhile, or stays with the kernel;
//! * no raw device is taken from its driver while a program has it open;
//! * however this program dies, auto-probing is on again and no device that came meanwhile is left without a driver.
//!
//! ```text
//!   [driver] in hv-utils.toml ─► config ─┐
//!   RUN_DIR (this boot) ───────► memory ─┼─► engine::policy ──► where, and why ──► show, bus
//!   sysfs, kernel's release ───► sysfs ──┘         │
//!                                                  ▼ service: one journey
//!          ┌──────── look ◄──────── sysfs ◄── engine::switch (seen ─► next act) ◄─┐
//!          └───────────────────────────────────────────────────────────────────────┘
//!   guard (a child) ── waits for our end: auto-probing on, a driver for every newcomer
//! ```
//!
//! Rooms: [`engine`] decides, [`sysfs`] looks and writes, [`service`] goes from one to the other, [`guard`] is there if we
//! are not, [`memory`] lasts until the next boot, [`bus`] is `org.hvutils.Driver1`, [`config`] what the administrator may
//! say.
//!
//! All of it is plain code without an async runtime: they wait by short looks within
//! limits. `use`, `apply`, `release`, `sleep` and `wake` have one, on one thread, only while they ask a daemon: to let go of its device, and
//! (`use`) whether it reached its host. `serve` is one for D-Bus.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod args;
pub mod bus;
pub mod components;
pub mod config;
pub mod engine;
pub mod error;
pub mod guard;
pub mod memory;
pub mod service;
pub mod show;
pub mod sysfs;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hv_utils_core::daemon::config::usable;
use hv_utils_core::daemon::log::Log;
use hv_utils_core::daemon::{Exit, check_findings, report_findings};

use args::{Cli, Common, Verb};
use bus::{OnBus, Shop};
use config::{Place, Settings};
use error::{Error, Kind};
use service::{Daemons, NAME, Roots, Unasked, Worker};
use show::Row;

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
    if let Some(Verb::Guard) = cli.verb {
        return ExitCode::from(guard::stand(&cli.common.sysfs_root, &cli.common.run_dir));
    }
    let place = place(&cli.common);
    let loaded = place.load();
    if cli.common.check_config {
        return check_findings(&loaded.findings);
    }
    let (level, format) = loaded.log;
    if let Err(error) = log.configure(level, format) {
        tracing::warn!("{error}; logging to standard error");
    }
    report_findings(&loaded.findings);
    let result = if usable(&loaded.findings) {
        perform(cli, place, loaded.settings)
    } else {
        let text = "the configuration cannot be used; --check-config says the same";
        Err(Error::new(Kind::Exit(Exit::Config), text))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.code())
        }
    }
}

fn place(common: &Common) -> Place {
    Place {
        config: common.config.clone(),
        etc_root: common.etc_root.clone(),
        level: common.log_level,
        format: common.log_format,
    }
}

fn roots(common: &Common) -> Roots {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.to_owned());
    Roots {
        sysfs: common.sysfs_root.clone(),
        proc: common.proc_root.clone(),
        dev: common.dev_root.clone(),
        run: common.run_dir.clone(),
        // Where nothing is known, nothing is installed.
        daemons: common.daemon_dir.clone().or_else(beside).unwrap_or_else(|| PathBuf::from("/nonexistent")),
    }
}

fn perform(cli: Cli, place: Place, settings: Settings) -> Result<(), Error> {
    let roots = roots(&cli.common);
    let on_bus = OnBus::new(&cli.common.bus);
    let daemons: &dyn Daemons = on_bus.as_ref().map_or(&Unasked, |on_bus| on_bus);
    match cli.verb {
        Some(Verb::Show { json }) => print("driver-show", &service::show(&roots, &place)?, json),
        Some(Verb::Use { choice, components, runtime, json }) => {
            let choose = || {
                let mut worker = Worker::begin(&roots, settings, daemons)?;
                worker.choose(&components, choice, (!runtime).then_some(&place))?;
                worker.rows(&components)
            };
            let hint = "needs root; an administrator allowed by polkit uses hvctl driver use";
            let rows = choose().map_err(|error| roots_alone(error, hint))?;
            print("driver-use", &rows, json)
        }
        Some(Verb::Apply) => {
            let applied = Worker::begin(&roots, settings, daemons).and_then(|mut worker| worker.apply());
            applied.map_err(|error| roots_alone(error, "needs root"))
        }
        Some(Verb::Release { component }) => {
            let released =
                Worker::begin(&roots, settings, daemons).and_then(|mut worker| worker.release(component));
            released.map_err(|error| roots_alone(error, "needs root"))
        }
        Some(Verb::Sleep) => {
            let slept =
                Worker::begin_in_turn(&roots, &settings, daemons).and_then(|mut worker| worker.sleep());
            slept.map_err(|error| roots_alone(error, "needs root"))
        }
        Some(Verb::Wake) => {
            let woken =
                Worker::begin_in_turn(&roots, &settings, daemons).and_then(|mut worker| worker.wake());
            woken.map_err(|error| roots_alone(error, "needs root"))
        }
        Some(Verb::Serve { idle_secs }) => {
            let shop = Shop { roots, place, bus: cli.common.bus };
            bus::serve(shop, Duration::from_secs(idle_secs))
        }
        Some(Verb::Guard) => Ok(()),
        None => Err(Error::new(Kind::Invalid, "a verb is missing: hv-driver --help shows them")),
    }
}

/// What an ordinary user may not is told with what to do; root is kept from it by something else.
fn roots_alone(error: Error, hint: &str) -> Error {
    if error.kind() == Kind::Exit(Exit::NotPermitted) && !rustix::process::geteuid().is_root() {
        return Error::new(error.kind(), format!("{error}; {hint}"));
    }
    error
}

fn print(kind: &str, rows: &[Row], json: bool) -> Result<(), Error> {
    let text = if json { show::json(kind, rows) } else { show::table(rows) };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Error::refused(format!("cannot write the output: {error}"))),
    }
}
