//! A daemon from its command line to its exit code.
//!
//! Everything that can be found wrong without touching anything is found first: command line, configuration. Then
//! the lock, then the runtime, and only then the channel and the bus (see [`super::serve`]).

use super::args::{self, Parsed};
use super::config::{self, Finding, Severity};
use super::lock::InstanceLock;
use super::log::Log;
use super::serve::Daemon;
use super::settings::{Loaded, load};
use super::{Exit, Failure, Service};
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// How long work on other threads may take after the daemon has stopped.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// Descriptors served per turn of the event loop; a daemon has about ten, and tokio's default costs 12 KiB.
const IO_EVENTS: usize = 32;

/// A daemon's `main`: runs `S` with the arguments of the process.
#[must_use]
pub fn main<S: Service>() -> ExitCode {
    run::<S>(std::env::args_os())
}

/// Runs `S` with these arguments, the first of which is the program's name.
pub fn run<S: Service>(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let log = Log::install(S::NAME);
    let parsed = match args::parse::<S>(args) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    if let Some(code) = S::instead(&parsed.own, &parsed.common) {
        return code;
    }
    let loaded = load::<S>(&parsed);
    if parsed.common.check_config {
        return check(&loaded.findings);
    }
    match guarded::<S>(parsed, loaded, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            failure.exit().into()
        }
    }
}

/// `--check-config`: what is wrong on standard error, or "ok" on standard output.
pub fn check(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        eprintln!("{finding}");
    }
    if !config::usable(findings) {
        return Exit::Config.into();
    }
    println!("ok");
    ExitCode::SUCCESS
}

fn guarded<S: Service>(
    parsed: Parsed<S::Args>,
    loaded: Loaded<S::Settings>,
    log: Log,
) -> Result<(), Failure> {
    if let Err(error) = log.configure(loaded.level, loaded.format) {
        tracing::warn!("{error}; logging to standard error");
    }
    report(&loaded.findings);
    if !config::usable(&loaded.findings) {
        return Err(Failure::new(
            Exit::Config,
            "the configuration cannot be used; --check-config says the same",
        ));
    }
    let _lock = InstanceLock::take(&parsed.common.run_dir, S::NAME)?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_io().enable_time().max_io_events_per_tick(IO_EVENTS).build();
    let runtime =
        runtime.map_err(|error| Failure::internal(format!("cannot start the event loop: {error}")))?;
    let result = runtime.block_on(Box::pin(Daemon::<S>::run(parsed, loaded, log)));
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

/// Logs findings, each as one message.
pub fn report(findings: &[Finding]) {
    for finding in findings {
        match finding.severity {
            Severity::Error => tracing::error!("{finding}"),
            Severity::Warning => tracing::warn!("{finding}"),
        }
    }
}
