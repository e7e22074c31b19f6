//! `RUN_DIR/timesync.pairs`: what the privileged helper has measured, for the daemon, until the next boot; and how the daemon
//! asks for more.
//!
//! Text, so that a person can read it, replaced as a whole:
//!
//! ```text
//! # hv-utils timesync pairs 1
//! boot 3f0c2a9e-7a53-4d5c-9d0a-2f5f0a6f3c11
//! clocksource tsc
//! pair 14023957741 1402395501377 350
//! ```
//!
//! A pair is the reference counter, CLOCK_MONOTONIC_RAW in ns, and the error in ns; oldest first. They hold for one boot
//! and one clock source.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::{Failure, replace};
use rustix::fs::OFlags;

use super::Pair;

#[cfg(test)]
mod tests;

/// In the run directory.
pub const FILE: &str = "timesync.pairs";
/// In the run directory: what is touched to have pairs measured.
pub const ASK: &str = "hv-timesyncd/ask";

const FIRST_LINE: &str = "# hv-utils timesync pairs 1";
/// So many pairs are kept.
const KEPT: usize = 16;
/// A file of 16 pairs has less than half of it.
const LARGEST: u64 = 4096;

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// The clock source that they were measured with.
    pub clocksource: String,
    /// Oldest first; at most 16.
    pub pairs: Vec<Pair>,
}

/// The file's pairs, if they hold for the machine as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Current {
    /// Oldest first; at most 16.
    pub pairs: Vec<Pair>,
    /// The clock source is the reference counter itself.
    pub steady: bool,
}

/// Reads the pairs that hold now: of this boot, and measured with the clock source that there is.
///
/// # Errors
/// As [`read`].
pub fn current(run_dir: &Path, sysfs_root: &Path, proc_root: &Path) -> io::Result<Current> {
    let clocksource = clocksource(sysfs_root);
    let read = read(&run_dir.join(FILE), &boot_id(proc_root)?)?;
    let pairs = read.filter(|read| read.clocksource == clocksource).map_or_else(Vec::new, |read| read.pairs);
    Ok(Current { pairs, steady: is_reference_counter(&clocksource) })
}

/// This boot's id.
///
/// # Errors
/// It cannot be read, or is not there.
pub fn boot_id(proc_root: &Path) -> io::Result<String> {
    let path = proc_root.join("sys/kernel/random/boot_id");
    let text = fs::read_to_string(&path).map_err(|error| about(&path, &error))?;
    match text.trim() {
        word if is_word(word) => Ok(word.to_owned()),
        _ => Err(io::Error::new(ErrorKind::InvalidData, format!("{} is no boot id", path.display()))),
    }
}

/// The clock source's name; `unknown` where the kernel does not say.
#[must_use]
pub fn clocksource(sysfs_root: &Path) -> String {
    let path = sysfs_root.join("devices/system/clocksource/clocksource0/current_clocksource");
    match fs::read_to_string(path).unwrap_or_default().trim() {
        word if is_word(word) => word.to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Whether this clock source is the reference counter: by its page, or by its register.
#[must_use]
pub fn is_reference_counter(clocksource: &str) -> bool {
    clocksource.starts_with("hyperv_clocksource")
}

/// Reads a file. `None`: there is none, or it is of another boot.
///
/// # Errors
/// It cannot be read, is no regular file (a link included), or is damaged: the message says which line.
pub fn read(path: &Path, boot_id: &str) -> io::Result<Option<Pairs>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| about(path, &error))?,
    };
    if !file.metadata().map_err(|error| about(path, &error))?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{} is no file", path.display())));
    }
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| about(path, &error))?;
    let damaged = |(line, what): (usize, &str)| {
        io::Error::new(ErrorKind::InvalidData, format!("{}, line {line}: {what}", path.display()))
    };
    if text.len() as u64 > LARGEST {
        return Err(damaged((1, "the file is too large")));
    }
    let text = String::from_utf8(text).map_err(|_| damaged((1, "the file is not text")))?;
    parse(&text, boot_id).map_err(damaged)
}

/// What is wrong, and in which line.
type Damage = (usize, &'static str);

fn parse(text: &str, boot_id: &str) -> Result<Option<Pairs>, Damage> {
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err((1, "this is not where it says what the file is"));
    }
    let boot =
        lines.next().and_then(|line| line.strip_prefix("boot ")).ok_or((2, "the boot's id is missing"))?;
    if boot != boot_id {
        return Ok(None);
    }
    let clocksource = lines.next().and_then(|line| line.strip_prefix("clocksource "));
    let clocksource = clocksource.filter(|word| is_word(word)).ok_or((3, "the clock source is missing"))?;
    let mut pairs = Vec::new();
    for (number, line) in (4..).zip(lines) {
        if pairs.len() == KEPT {
            return Err((number, "there are too many pairs"));
        }
        pairs.push(pair(line).ok_or((number, "this is no pair"))?);
    }
    Ok(Some(Pairs { clocksource: clocksource.to_owned(), pairs }))
}

fn pair(line: &str) -> Option<Pair> {
    let mut words = line.strip_prefix("pair ")?.split(' ');
    let reference = words.next()?.parse().ok()?;
    let raw = words.next()?.parse().ok()?;
    let error = words.next()?.parse().ok()?;
    let possible = reference != 0 && raw >= 0 && error >= 0;
    (possible && words.next().is_none()).then_some(Pair { reference, raw, error })
}

/// A pair as a line of the file, without its end.
#[must_use]
pub fn line(pair: &Pair) -> String {
    format!("pair {} {} {}", pair.reference, pair.raw, pair.error)
}

/// Adds a pair to the file: the last 16 of this boot and this clock source stay. A file that is damaged is replaced.
///
/// # Errors
/// The directory cannot be written to.
pub fn add(path: &Path, boot_id: &str, clocksource: &str, pair: Pair) -> Result<(), Failure> {
    let before = read(path, boot_id).ok().flatten().filter(|before| before.clocksource == clocksource);
    let mut pairs = before.map_or_else(Vec::new, |before| before.pairs);
    pairs.push(pair);
    let first = pairs.len().saturating_sub(KEPT);
    let mut text = format!("{FIRST_LINE}\nboot {boot_id}\nclocksource {clocksource}\n");
    for pair in &pairs[first..] {
        text.push_str(&line(pair));
        text.push('\n');
    }
    replace(path, text.as_bytes(), 0o644)
}

/// Asks for pairs: `hv-timesync-counter.path` starts the helper when this file is written and closed.
///
/// # Errors
/// The file, or its directory where it is missing, cannot be made.
pub fn ask(run_dir: &Path) -> io::Result<PathBuf> {
    let path = run_dir.join(ASK);
    let directory = path.parent().unwrap_or(run_dir);
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(about(directory, &error)),
        _ => {}
    }
    // Truncating also notes the time, for people.
    let mut how = OpenOptions::new();
    how.write(true).create(true).truncate(true).mode(0o644).custom_flags(OFlags::NOFOLLOW.bits() as i32);
    how.open(&path).map_err(|error| about(&path, &error))?;
    Ok(path)
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
