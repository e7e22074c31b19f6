//! The command line of `hv-timesync-counter`: measures one pair and writes it where the daemon looks.
//!
//! No daemon: one shot, no runtime, no bus, no configuration file. What it says goes to standard error, which is the
//! journal where systemd starts it.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hv_utils_core::daemon::{Exit, Failure};

use super::measure;
use super::msr::Msr;
use crate::counter::pairs;

const NAME: &str = "hv-timesync-counter";

const AFTER_HELP: &str = "\
It reads /dev/cpu/N/msr (module msr), for which it needs CAP_SYS_RAWIO, and writes RUN_DIR/timesync.pairs.

Exit codes: 0 done, 64 usage, 69 there is no reference counter here, or no way to read it, 70 internal error,
77 not permitted.";

/// Measure Hyper-V's reference counter against CLOCK_MONOTONIC_RAW, once, for hv-timesyncd
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = AFTER_HELP)]
struct Cli {
    /// Print the pair, and write nothing
    #[arg(long)]
    print: bool,

    /// Read the counter at most so many times; fewer where it is known well enough before
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=65536))]
    reads: u32,

    /// Directory for the pairs
    #[arg(long, value_name = "DIR", default_value = "/run/hv-utils")]
    run_dir: PathBuf,

    /// Where device nodes are
    #[arg(long, value_name = "DIR", default_value = "/dev")]
    dev_root: PathBuf,

    /// Where sysfs is
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    sysfs_root: PathBuf,

    /// Where procfs is
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    proc_root: PathBuf,
}

/// The whole program; the first argument is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nowhere to complain to if the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    match perform(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // As above.
            let _ = writeln!(std::io::stderr(), "{NAME}: {failure}");
            failure.exit().into()
        }
    }
}

fn perform(cli: &Cli) -> Result<(), Failure> {
    // The clock source that is in force while it is measured, and not one that comes afterwards.
    let clocksource = pairs::clocksource(&cli.sysfs_root);
    let mut msr = Msr::open(&cli.dev_root)?;
    let pair = measure(&mut msr, cli.reads).map_err(|problem| msr.failure(&problem))?;
    if cli.print {
        return print(&format!("clocksource {clocksource}\n{}\n", pairs::line(&pair)));
    }
    let boot = pairs::boot_id(&cli.proc_root).map_err(|error| Failure::internal(error.to_string()))?;
    pairs::add(&cli.run_dir.join(pairs::FILE), &boot, &clocksource, pair)
}

fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::internal(format!("cannot write the output: {error}"))),
    }
}
