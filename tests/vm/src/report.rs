//! What is said about cases: a line each, and for one that failed everything there is to know.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::machine::Machine;

/// Lines of a long text that are shown.
const TAIL: usize = 40;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Passed,
    /// It was not played, for this reason.
    Skipped(String),
    /// Something was not as it should be.
    Failed(String),
}

/// The counts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Cases that passed.
    pub passed: u32,
    /// Cases that failed.
    pub failed: u32,
    /// Cases that were not played.
    pub skipped: u32,
}

impl Counts {
    /// Prints the line of a case and counts it.
    pub fn add(&mut self, name: &str, took: Duration, ending: &Ending) {
        let seconds = took.as_secs_f64();
        match ending {
            Ending::Passed => {
                self.passed += 1;
                println!("ok    {seconds:6.1} s  {name}");
            }
            Ending::Skipped(why) => {
                self.skipped += 1;
                println!("SKIP            {name}: {why}");
            }
            Ending::Failed(why) => {
                self.failed += 1;
                println!("FAIL  {seconds:6.1} s  {name}: {}", why.replace('\n', "\n      "));
            }
        }
    }
}

/// Prints what a machine has to say about a failure: consoles, kernel, daemons, host.
pub fn post_mortem(machine: &Machine) {
    let dir = machine.dir();
    section("console", &machine.console());
    let asked = machine
        .start("dmesg | tail -n 25; for log in /run/*.log; do echo \"-- $log\"; tail -n 25 $log; done");
    match asked.wait(Duration::from_secs(20)) {
        Ok(finished) => section("guest: kernel log and daemons", &finished.stdout),
        Err(why) => println!("      guest: kernel log and daemons: {why}"),
    }
    let transcript = machine.host().transcript();
    let telling: Vec<&str> = transcript.lines().filter(|line| !line.contains(" HEARTBEAT ")).collect();
    section("host: transcript, without heartbeats", &telling.join("\n"));
    section("host: events", &read(&dir.join("events")));
    println!("      all of it: {}", dir.display());
}

/// Prints what a machine that did not boot has left.
pub fn post_mortem_of_boot(dir: &Path) {
    section("console", &read(&dir.join("console")).replace('\r', ""));
    section("host: events", &read(&dir.join("events")));
    println!("      all of it: {}", dir.display());
}

fn read(path: &Path) -> String {
    std::fs::read(path)
        .map_or_else(|error| format!("{error}"), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn section(title: &str, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL);
    let mut out = String::new();
    for line in &lines[skipped..] {
        let shown: String = line.chars().take(400).collect();
        let _ = writeln!(out, "      | {shown}");
    }
    println!(
        "      {title} ({} lines, the last {}):\n{}",
        lines.len(),
        lines.len() - skipped,
        out.trim_end()
    );
}
