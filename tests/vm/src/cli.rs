//! The program's arguments, and what is done with them: cases, figures, or a machine for a person.
//!
//! It is called by `tests/vm/run`, which makes the images first.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::machine::{Images, Machine, Setup, Way};
use crate::{bench, cases, machine};

/// Tests on a real kernel, in virtual machines
#[derive(Debug, Parser)]
#[command(name = "tests/vm/run", max_term_width = 110)]
struct Arguments {
    /// What images.sh has made
    #[arg(long, hide = true, default_value = ".")]
    images: PathBuf,
    /// Debian's packages
    #[arg(long, hide = true, default_value = ".")]
    tools: PathBuf,
    /// Our programs
    #[arg(long, hide = true, default_value = ".")]
    programs: PathBuf,
    /// The device library for QEMU
    #[arg(long, hide = true, default_value = ".")]
    library: PathBuf,
    /// QEMU's class layout
    #[arg(long, hide = true, default_value = ".")]
    layout: String,
    /// The script that starts a guest
    #[arg(long, hide = true, default_value = ".")]
    start_guest: PathBuf,
    /// Only the cases whose names contain one of these; with --bench the tables
    #[arg(value_name = "CASE")]
    only: Vec<String>,
    /// Print the names of the cases
    #[arg(long)]
    list: bool,
    /// A guest for a person: its shell here, its host's console beside it
    #[arg(long)]
    shell: bool,
    /// Measure instead of testing
    #[arg(long)]
    bench: bool,
    /// The guest's kernel, for --shell and --bench: 6.12 or 6.1
    #[arg(long, value_name = "NAME", default_value = "6.12")]
    kernel: String,
    /// Directory for what machines leave behind
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Play no case a second time
    #[arg(long)]
    once: bool,
    /// Use the emulated outer machine even where this machine's KVM would do
    #[arg(long)]
    nested: bool,
    /// Write fixtures for the fast tests, made of what was exchanged, into this directory
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for case in cases::ALL {
            println!("{:<8} {}", case.stage.name(), case.name);
        }
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("vm: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut images = Images {
        images: arguments.images.clone(),
        tools: arguments.tools.clone(),
        programs: arguments.programs.clone(),
        library: arguments.library.clone(),
        layout: arguments.layout.clone(),
        start_guest: arguments.start_guest.clone(),
        way: Way::Nested("it was asked for".to_owned()),
    };
    if !arguments.nested {
        images.way = machine::probe(&images);
    }
    println!("vm: guests run {}", images.way);
    let dir = match &arguments.dir {
        Some(dir) => dir.clone(),
        // Sockets have short paths; what a failure leaves is looked at by a person, so it stays.
        None => {
            tempfile::Builder::new().prefix("hv-vm.").tempdir().map_err(|error| error.to_string())?.keep()
        }
    };
    std::fs::create_dir_all(&dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
    if arguments.shell {
        return shell(&images, arguments, &dir).map(|()| true);
    }
    if arguments.bench {
        return bench::run(&images, &arguments.kernel, &arguments.only, &dir).map(|()| true);
    }
    let counts = cases::play(&images, &arguments.only, &dir, arguments.once);
    if let Some(fixtures) = &arguments.fixtures {
        cases::fixtures::write(&images, &dir, fixtures)?;
    }
    counts.print();
    if counts.failures.is_empty() {
        // Only a failure is worth keeping.
        if arguments.dir.is_none() {
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
    Ok(counts.failed == 0 && counts.passed > 0)
}

/// Boots a guest and says where a person finds it; ends with it.
fn shell(images: &Images, arguments: &Arguments, dir: &std::path::Path) -> Result<(), String> {
    let setup = Setup { shell: true, ..Setup::new(&arguments.kernel) };
    println!("vm: booting a guest with kernel {}", setup.kernel);
    let mut machine = Machine::boot(images, &setup, dir)?;
    println!("vm: the guest is there after {:.0} s", machine.booted_in().as_secs_f64());
    // Whoever started us waits for this file.
    File::create(dir.join("ready")).map_err(|error| error.to_string())?;
    machine.wait_off_patiently();
    Ok(())
}
