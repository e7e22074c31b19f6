//! What is said about cases: a line each, and for one that failed everything there is to know.

use std::fmt::Write as _;
use std::iter::Sum;
use std::ops::Add;
use std::path::Path;
use std::time::Duration;

use crate::machine::Machine;

/// Lines of a long text that are shown.
const TAIL: usize = 60;

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

impl Add for Counts {
    type Output = Counts;

    fn add(self, more: Counts) -> Counts {
        Counts {
            passed: self.passed + more.passed,
            failed: self.failed + more.failed,
            skipped: self.skipped + more.skipped,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Add::add)
    }
}

impl Counts {
    /// Prints the line of a case and counts it.
    pub fn count(&mut self, name: &str, took: Duration, ending: &Ending) {
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
    // A stage beside this one says nothing meanwhile.
    let _held = std::io::stdout().lock();
    let dir = machine.dir();
    section("console", &machine.console());
    ask(
        machine,
        "guest: kernel log and daemons",
        "dmesg | tail -n 25; for log in /run/*.log; do [ ! -e $log ] || { echo \"-- $log\"; tail -n 25 $log; }; done",
    );
    if machine.has_systemd() {
        // Its daemons have no logs of their own.
        ask(machine, "guest: journal", "journalctl -b --no-pager | tail -n 60");
    }
    let transcript = machine.host().transcript();
    let telling: Vec<&str> = transcript.lines().filter(|line| !line.contains(" HEARTBEAT ")).collect();
    section("host: transcript, without heartbeats", &telling.join("\n"));
    section("host: events", &read(&dir.join("events")));
    println!("      all of it: {}", dir.display());
}

/// Prints what a script says in the guest.
fn ask(machine: &Machine, title: &str, script: &str) {
    match machine.start(script).wait(Duration::from_secs(20)) {
        Ok(finished) => section(title, &finished.stdout),
        Err(why) => println!("      {title}: {why}"),
    }
}

/// Prints what a machine that did not boot has left.
pub fn post_mortem_of_boot(dir: &Path) {
    let _held = std::io::stdout().lock();
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
