//! What is said about cases: a line each, and for one that failed everything there is to know.

use std::fmt::Write as _;
use std::iter::Sum;
use std::ops::Add;
use std::path::Path;
use std::time::Duration;

use crate::machine::Machine;

/// Lines of a long text that are shown.
const TAIL: usize = 60;
/// The same at the end of a run.
const SUMMARY_TAIL: usize = 25;

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

/// What is known about a failure at the end of a run: why, and what the guest said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The case.
    pub name: &'static str,
    /// Why it failed.
    pub why: String,
    /// The end of the guest's logs, or why there is none.
    pub guest: String,
    /// Whether it passed in a machine of its own afterwards.
    pub passed_again: bool,
}

/// The counts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Cases that passed.
    pub passed: u32,
    /// Cases that failed.
    pub failed: u32,
    /// Cases that were not played.
    pub skipped: u32,
    /// Each failure, also of a case that passed when it was played again.
    pub failures: Vec<Failure>,
}

impl Add for Counts {
    type Output = Counts;

    fn add(mut self, more: Counts) -> Counts {
        self.failures.extend(more.failures);
        Counts {
            passed: self.passed + more.passed,
            failed: self.failed + more.failed,
            skipped: self.skipped + more.skipped,
            failures: self.failures,
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
        match ending {
            Ending::Passed => self.passed += 1,
            Ending::Skipped(_) => self.skipped += 1,
            Ending::Failed(_) => self.failed += 1,
        }
        line(name, took, ending);
    }

    /// Prints the counts, after each failure once more: of a long run's output often only the end is looked at.
    pub fn print(&self) {
        for failure in &self.failures {
            let Failure { name, why, guest, passed_again } = failure;
            let then = if *passed_again { "PASSED WHEN PLAYED AGAIN" } else { "FAILED" };
            println!("\n{then}: {name}: {}", indented(why));
            print!("{}", tail(guest, SUMMARY_TAIL));
        }
        let again = self.failures.iter().filter(|failure| failure.passed_again).count();
        let remark = if again == 0 { String::new() } else { format!(" ({again} when played again)") };
        println!("{} passed{remark}, {} failed, {} skipped", self.passed, self.failed, self.skipped);
    }
}

/// Prints the line of a case.
pub fn line(name: &str, took: Duration, ending: &Ending) {
    let seconds = took.as_secs_f64();
    match ending {
        Ending::Passed => println!("ok    {seconds:6.1} s  {name}"),
        Ending::Skipped(why) => println!("SKIP            {name}: {why}"),
        Ending::Failed(why) => println!("FAIL  {seconds:6.1} s  {name}: {}", indented(why)),
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n      ")
}

/// What a guest is asked after a failure: who waits for the kernel, its log, and the daemons'.
const GUEST: &str = "echo w >/proc/sysrq-trigger; dmesg | tail -n 40; ls /dev/uio* /dev/vmbus/* 2>/dev/null; \
     for log in /run/*.log; do [ ! -e $log ] || { echo \"-- $log\"; tail -n 25 $log; }; done";

/// Prints what a machine has to say about a failure: consoles, kernel, daemons, host. Returns the guest's own words.
pub fn post_mortem(machine: &Machine) -> String {
    // The guest is asked before the lock is taken: a stage beside this one has something to say meanwhile.
    let guest = ask(machine, GUEST);
    // Its daemons have no logs of their own.
    let journal = machine.has_systemd().then(|| ask(machine, "journalctl -b --no-pager | tail -n 60"));
    let dir = machine.dir();
    let _held = std::io::stdout().lock();
    section("console", &machine.console());
    section("guest: kernel log and daemons", &guest);
    if let Some(journal) = journal {
        section("guest: journal", &journal);
    }
    let transcript = machine.host().transcript();
    let telling: Vec<&str> = transcript.lines().filter(|line| !line.contains(" HEARTBEAT ")).collect();
    section("host: transcript, without heartbeats", &telling.join("\n"));
    section("host: events", &read(&dir.join("events")));
    println!("      all of it: {}", dir.display());
    guest
}

/// What a script says in the guest.
fn ask(machine: &Machine, script: &str) -> String {
    machine.start(script).wait(Duration::from_secs(20)).map_or_else(|why| why, |finished| finished.stdout)
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
    println!("      {title} ({} lines):", text.lines().count());
    print!("{}", tail(text, TAIL));
}

/// The last lines of a text, marked as not our own; a line that repeats is there once, with how often.
fn tail(text: &str, most: usize) -> String {
    let mut told: Vec<(&str, usize)> = Vec::new();
    for line in text.lines() {
        match told.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => told.push((line, 1)),
        }
    }
    let mut out = String::new();
    for (line, times) in &told[told.len().saturating_sub(most)..] {
        let shown: String = line.chars().take(400).collect();
        let often = if *times == 1 { String::new() } else { format!("   ({times} times)") };
        let _ = writeln!(out, "      | {shown}{often}");
    }
    out
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
