//! A day in a simulated world: how wrong a guest's clock is each second, by who keeps it. A table, and if asked a plot.
//!
//! usage: `simulate [--seed N] [--hours N] [--quiet] [--svg FILE] [--csv FILE]`
//!
//! The world is the one of `tests/simulated`, which says what is in it and what is not. One number makes all of it; no clock
//! is read. The error is the guest's CLOCK_REALTIME minus the host's clock; seconds between a start or a resume
//! and the first message do not count, since nobody can know better.
#![forbid(unsafe_code)]

mod svg;
mod table;
#[path = "../../tests/simulated/world/mod.rs"]
mod world;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use world::{Figures, Plan, Run, SECOND, Trace, contestants, race};

/// How far the clock is off at the start, ns.
const OFF: f64 = 5e6;

/// How wrong a guest's clock is in a simulated day, by who keeps it.
#[derive(Debug, Parser)]
struct Args {
    /// What the world is made from; even seeds have a raw clock that is not the reference counter
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Running time of the guest
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// Without pauses, migrations and settings of the host's clock
    #[arg(long)]
    quiet: bool,
    /// Where the plot goes
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where the errors of each second go, in ns
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// One contestant's day.
#[derive(Debug)]
struct Day {
    name: &'static str,
    run: Run,
    figures: Figures,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if !(0.1..=24.0 * 31.0).contains(&args.hours) {
        eprintln!("simulate: --hours: 0.1 to 744");
        return ExitCode::from(64);
    }
    let plan = if args.quiet { Plan::quiet } else { Plan::eventful };
    let trace = Trace::new(plan(args.seed, args.hours));
    let panels = [contestants::with_reference(&trace), contestants::without_reference(&trace)];
    let panels = panels.map(|all| {
        let day = |mut each: Box<dyn world::Contestant>| {
            let run = race(&trace, each.as_mut(), OFF);
            Day { name: each.name(), figures: Figures::of(&trace, &run), run }
        };
        all.into_iter().map(day).collect::<Vec<_>>()
    });
    print!("{}", table::table(&trace, &panels));
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| match path {
        Some(path) => put(path, &text()),
        None => true,
    };
    let done = write(&args.svg, &|| svg::plot(&trace, &panels)) && write(&args.csv, &|| csv(&panels));
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn put(path: &Path, text: &str) -> bool {
    match std::fs::write(path, text) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("simulate: cannot write {}: {error}", path.display());
            false
        }
    }
}

/// A line a second; empty where nobody can know better.
fn csv(panels: &[Vec<Day>; 2]) -> String {
    let days: Vec<&Day> = panels.iter().flatten().collect();
    let names: Vec<&str> = days.iter().map(|day| day.name).collect();
    let mut text = format!("second;{}\n", names.join(";"));
    for (at, moment) in days[0].run.moments.iter().enumerate() {
        let _ = write!(text, "{}", moment.running / SECOND);
        for day in &days {
            let moment = day.run.moments[at];
            let _ = if moment.blind { write!(text, ";") } else { write!(text, ";{:.0}", moment.error) };
        }
        text.push('\n');
    }
    text
}
