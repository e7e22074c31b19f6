//! Exchanges of a run, chosen and written down as fixtures for the fast tests.
//!
//! Of what the host has captured, each service's file keeps the negotiation and the first exchange of each kind; kinds
//! are told apart by what the host asked and how it was answered. Who answered is known by the case that was played:
//! each leaves a mark at its beginning. Nothing is judged here: what the bytes must be is for the tests that read them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hv_testhost::capture::{self, Direction, Entry};
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::kvp::Operation;

use super::Stage;
use crate::machine::{Images, Machine};

/// In a machine's directory: its kernel in the first line, then where in the capture each case began.
const MARKS: &str = "marks";

/// Those with each kernel as it is, so that the same is asked in every run.
const STAGES: [Stage; 2] = [Stage::Stock, Stage::Old];

/// One fixture of each machine that has played its case.
struct Fixture {
    ic: Ic,
    /// The case and the daemon that answers in it; without, the kernel answers by itself in whatever case.
    daemon: Option<(&'static str, &'static str)>,
    about: About,
}

/// Which of a service's exchanges are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Anything,
    /// GET_IP_INFO only.
    Adapter,
}

const fn by_kernel(ic: Ic) -> Fixture {
    Fixture { ic, daemon: None, about: About::Anything }
}

const fn by_daemon(ic: Ic, case: &'static str, daemon: &'static str) -> Fixture {
    Fixture { ic, daemon: Some((case, daemon)), about: About::Anything }
}

const FIXTURES: [Fixture; 12] = [
    by_kernel(Ic::Heartbeat),
    by_kernel(Ic::Shutdown),
    by_kernel(Ic::TimeSync),
    by_daemon(Ic::Vss, "c_vss_daemon_freezes_and_thaws", "hv_vss_daemon"),
    by_daemon(Ic::Vss, "c_vss_daemon_freezes_and_thaws_an_older_kernel", "hv_vss_daemon"),
    by_daemon(Ic::Vss, "vssd_answers_like_the_c_daemon", "hv-vssd"),
    by_daemon(Ic::Vss, "vssd_answers_like_the_c_daemon_on_an_older_kernel", "hv-vssd"),
    by_daemon(Ic::Kvp, "c_kvp_daemon_exchanges_items", "hv_kvp_daemon"),
    by_daemon(Ic::Kvp, "c_kvp_daemon_exchanges_items_on_an_older_kernel", "hv_kvp_daemon"),
    by_daemon(Ic::Kvp, "kvpd_on_hv_utils_answers_like_the_c_daemon", "hv-kvpd"),
    by_daemon(Ic::Kvp, "kvpd_on_an_older_kernel", "hv-kvpd"),
    // It is asked first in that case, so that of each kind its answer is kept.
    Fixture {
        about: About::Adapter,
        ..by_daemon(Ic::Kvp, "c_kvp_daemon_and_kvpd_tell_the_same_about_an_adapter", "hv_kvp_daemon")
    },
];

/// Notes in a machine's directory that a case begins now.
///
/// # Panics
/// The note cannot be written, or the guest does not say which kernel it is.
#[track_caller]
pub(super) fn mark(machine: &Machine, kernel: &str, case: &str) {
    let file = machine.dir().join(MARKS);
    let mut text = String::new();
    if !file.exists() {
        let _ = writeln!(text, "{kernel} {}", machine.sh("uname -rv").trim());
    }
    let length = std::fs::metadata(machine.dir().join("capture")).map_or(0, |capture| capture.len());
    let _ = writeln!(text, "{length} {case}");
    let marks = std::fs::OpenOptions::new().create(true).append(true).open(&file);
    if let Err(error) = marks.and_then(|mut marks| marks.write_all(text.as_bytes())) {
        crate::machine::fail(&format!("cannot write {}: {error}", file.display()));
    }
}

/// Notes in a machine's directory that the case played last has failed: what was exchanged in it is no example. What the kernel
/// answers by itself is as good as ever.
pub(super) fn mark_failed(machine: &Path, case: &str) {
    let file = machine.join(MARKS);
    // A case that failed before it was noted has nothing to take back.
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let Some(before) = text.strip_suffix(&format!(" {case}\n")) else { return };
    if let Err(error) = std::fs::write(&file, format!("{before} {case} (failed)\n")) {
        println!("vm: cannot write {}: {error}", file.display());
    }
}

/// Writes the fixtures of every machine below `dir` into `to`.
///
/// # Errors
/// A capture cannot be read, or a file cannot be written.
pub fn write(images: &Images, dir: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|error| failed(to, error))?;
    let machines = std::fs::read_dir(dir).map_err(|error| failed(dir, error))?;
    let mut machines: Vec<PathBuf> = machines.flatten().map(|entry| entry.path()).collect();
    // Not as the directory happens to list them: of two machines with the same part, the first one's is kept.
    machines.sort();
    machines.retain(|machine| {
        let name = machine.file_name().unwrap_or_default().to_string_lossy();
        STAGES.iter().any(|stage| name.starts_with(stage.name())) && machine.join(MARKS).exists()
    });
    let mut written = BTreeSet::new();
    for machine in &machines {
        let played = Played::read(machine)?;
        for fixture in &FIXTURES {
            let Some(text) = played.text(images, fixture) else { continue };
            let file = to.join(played.name(fixture));
            if written.insert(file.clone()) {
                std::fs::write(&file, &text).map_err(|error| failed(&file, error))?;
                println!("vm: fixture {}: {} bytes", file.display(), text.len());
            }
        }
    }
    Ok(())
}

/// What a machine has left.
struct Played {
    /// The kernel's name among ours, and what it says about itself.
    kernel: (String, String),
    /// Cases and where in the capture they lie.
    cases: Vec<(String, Range<usize>)>,
    exchanges: Vec<Exchange>,
}

/// A request and its answer.
struct Exchange {
    ask: Entry,
    answer: Entry,
    /// Where in the capture the answer begins.
    at: usize,
}

impl Played {
    fn read(machine: &Path) -> Result<Played, String> {
        let read = |name: &str| {
            let path = machine.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let (marks, capture) = (read(MARKS)?, read("capture")?);
        let mut lines = marks.lines();
        let kernel = lines.next().and_then(|line| line.split_once(' ')).ok_or("marks without a kernel")?;
        let begins: Vec<(usize, &str)> = lines
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(length, case)| Some((length.parse().ok()?, case)))
            .collect();
        let ends = begins.iter().skip(1).map(|(begin, _)| *begin).chain([usize::MAX]);
        let cases = begins.iter().zip(ends).map(|((begin, case), end)| ((*case).to_owned(), *begin..end));
        Ok(Played {
            kernel: (kernel.0.to_owned(), kernel.1.to_owned()),
            cases: cases.collect(),
            exchanges: exchanges(&capture).map_err(|error| format!("{}: {error}", machine.display()))?,
        })
    }

    fn name(&self, fixture: &Fixture) -> String {
        let daemon = fixture.daemon.map_or_else(String::new, |(_, daemon)| format!("-{daemon}"));
        let about = if fixture.about == About::Adapter { "-adapter" } else { "" };
        format!("{}-{}{daemon}{about}.txt", fixture.ic.name(), self.kernel.0)
    }

    /// The fixture's file; nothing where its case was not played or nothing was asked in it.
    fn text(&self, images: &Images, fixture: &Fixture) -> Option<String> {
        let (case, part) = match fixture.daemon {
            None => ("whatever was played", 0..usize::MAX),
            Some((case, _)) => (case, self.cases.iter().find(|(name, _)| name == case)?.1.clone()),
        };
        let of_service = || self.exchanges.iter().filter(|exchange| exchange.ask.ic == fixture.ic);
        let agreed = of_service().rfind(|exchange| exchange.is_negotiation() && exchange.at < part.end)?;
        let mut kinds = BTreeSet::new();
        let chosen: Vec<&Exchange> = of_service()
            .filter(|exchange| !exchange.is_negotiation() && part.contains(&exchange.at))
            .filter(|exchange| fixture.about == About::Anything || exchange.is_about_an_adapter())
            .filter(|exchange| kinds.insert(exchange.kind()))
            .collect();
        if chosen.is_empty() {
            return None;
        }
        let answered_by = match fixture.daemon {
            None => "the kernel itself".to_owned(),
            Some((_, ours @ ("hv-kvpd" | "hv-vssd"))) => {
                format!("{ours} {} of this tree", env!("CARGO_PKG_VERSION"))
            }
            Some((_, daemon)) => format!("{daemon} of Debian's hyperv-daemons {}", daemons_version(images)),
        };
        let mut text = format!(
            "# What {} said to its host: a capture of hv-testhost's, one exchange of each kind.\n\
             # guest's kernel: {}\n# answered by: {answered_by}\n# played: {case}\n\
             # made by: tests/vm/run --fixtures DIR; not to be edited\n",
            fixture.ic.name(),
            self.kernel.1,
        );
        for exchange in [agreed].into_iter().chain(chosen) {
            for entry in [&exchange.ask, &exchange.answer] {
                text += &capture::line(entry.direction, entry.ic, &entry.packet);
                text.push('\n');
            }
        }
        Some(text)
    }
}

/// Pairs each request with the answer that came next on its channel.
fn exchanges(capture: &str) -> Result<Vec<Exchange>, String> {
    let (mut exchanges, mut asked, mut at) = (Vec::new(), Vec::<Entry>::new(), 0);
    for line in capture.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        for entry in capture::parse(line).map_err(|error| error.to_string())? {
            let waiting = asked.iter().position(|ask| ask.ic == entry.ic);
            match (entry.direction, waiting) {
                (Direction::ToGuest, None) => asked.push(entry),
                // Not answered before the next one was sent.
                (Direction::ToGuest, Some(waiting)) => asked[waiting] = entry,
                (Direction::ToHost, Some(waiting)) => {
                    exchanges.push(Exchange { ask: asked.remove(waiting), answer: entry, at: begin });
                }
                (Direction::ToHost, None) => {}
            }
        }
    }
    Ok(exchanges)
}

impl Exchange {
    fn is_negotiation(&self) -> bool {
        self.ask.packet.payload.get(12..14) == Some(&[0, 0])
    }

    fn is_about_an_adapter(&self) -> bool {
        self.ask.packet.payload.get(28) == Some(&Operation::GET_IP_INFO.0)
    }

    /// What it is about: two exchanges of one kind show the same.
    fn kind(&self) -> Vec<u8> {
        let (ask, answer) = (&self.ask.packet.payload, &self.answer.packet.payload);
        let bytes = |range: Range<usize>| ask.get(range).unwrap_or_default().to_vec();
        // Bodies begin at 28: behind the pipe header (8) and the IC header (20).
        match self.ask.ic {
            // Two of them, so that the number is seen to rise.
            Ic::Heartbeat => vec![u8::from(ask.get(28).is_some_and(|sequence| *sequence > 1))],
            Ic::Shutdown => bytes(36..40),
            Ic::TimeSync => bytes(44..45),
            Ic::Vss => bytes(28..29),
            Ic::Kvp => {
                let kind = [bytes(28..30), answer.get(20..24).unwrap_or_default().to_vec()].concat();
                let item = if self.is_about_an_adapter() { Vec::new() } else { item_kind(ask, answer) };
                [kind, item].concat()
            }
            Ic::FileCopy => Vec::new(),
        }
    }
}

/// What sort of item an exchange about pools has; in the pool that is written and read in every way, which item.
fn item_kind(ask: &[u8], answer: &[u8]) -> Vec<u8> {
    let (operation, pool) = (ask.get(28).copied(), ask.get(29).copied());
    let enumerates = operation == Some(3);
    let (item, body) = if enumerates { (36, answer) } else { (32, ask) };
    let field = |at: usize, size: usize| body.get(at..at + size).unwrap_or_default().to_vec();
    if operation == Some(2) {
        return field(36, 64);
    }
    let (kind, value) = (field(item, 4), field(item + 12 + 512, 2048));
    let sort = match value.iter().rposition(|byte| *byte != 0) {
        None => 0,
        Some(last) if last > 1024 => 3,
        Some(_) => 1 + u8::from(value.chunks(2).any(|unit| unit[0] > 0x7e || unit.get(1) != Some(&0))),
    };
    let key = if pool == Some(0) { field(item + 12, 64) } else { Vec::new() };
    [kind, vec![sort], key].concat()
}

/// The version of Debian's package.
fn daemons_version(images: &Images) -> String {
    let file = images.tools.with_file_name("hyperv-daemons.version");
    std::fs::read_to_string(file)
        .map_or_else(|_| "of unknown version".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
#[path = "fixtures_tests.rs"]
mod tests;
