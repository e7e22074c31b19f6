//! Programs that write: a thread for each filesystem, which appends without pause, syncs now and then, and starts anew.
//!
//! The threads are in a process of their own, since one that waits for a frozen filesystem cannot be ended. What they do is told
//! by a file on the world's tmpfs, a slot for each.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::guard::again;
use super::{Disk, World, processes, until};

/// Names the file with the paths to write to, a line each, to the process.
const WRITES: &str = "HV_VSSD_WRITES";
/// Bytes of one write.
const CHUNK: usize = 4096;
/// Bytes after which a file is begun anew: small enough for all of them to fit.
const MOST: u64 = 1 << 20;
/// Bytes of a slot.
const SLOT: u64 = 64;

/// What is in a slot, 8 bytes each.
#[derive(Debug, Clone, Copy)]
enum Word {
    Thread,
    Begun,
    Done,
    Longest,
    Error,
}

/// A writer for each of some filesystems.
#[derive(Debug)]
pub(crate) struct Writers {
    files: Vec<PathBuf>,
    slots: File,
    process: Child,
}

/// How it stands with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Writes that have begun, and those that are over.
    pub(crate) begun: u64,
    pub(crate) done: u64,
    /// Bytes in the file.
    pub(crate) bytes: u64,
}

impl Writers {
    /// Starts them, and waits until each has written.
    pub(crate) fn start<'a>(world: &World, disks: impl IntoIterator<Item = &'a Disk>) -> Writers {
        let files: Vec<PathBuf> = disks.into_iter().map(|disk| disk.mount.join("written")).collect();
        let list = tempfile::Builder::new().prefix("writers").tempfile_in(world.directory()).unwrap();
        let (_, list) = list.keep().unwrap();
        let lines = files.iter().map(|file| format!("{}\n", file.display())).collect::<String>();
        std::fs::write(&list, lines).unwrap();
        let slots = list.with_extension("slots");
        let slots = File::options().read(true).write(true).create_new(true).open(slots).unwrap();
        slots.set_len(SLOT * files.len() as u64).unwrap();
        let process = again("support::writers::process").env(WRITES, &list).spawn().unwrap();
        let writers = Writers { files, slots, process };
        writers.go_on();
        writers
    }

    fn word(&self, number: usize, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.slots.read_exact_at(&mut bytes, place(number, word)).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// How it stands with each.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        let one = |(number, file): (usize, &PathBuf)| {
            // Asked first: what is done was begun.
            let (done, begun) = (self.word(number, Word::Done), self.word(number, Word::Begun));
            Progress { begun, done, bytes: std::fs::metadata(file).map_or(0, |found| found.len()) }
        };
        self.files.iter().enumerate().map(one).collect()
    }

    /// Waits until each has begun and ended a write from now on.
    #[track_caller]
    pub(crate) fn go_on(&self) {
        self.go_on_of(self.all());
    }

    /// The same of some of them.
    #[track_caller]
    pub(crate) fn go_on_of(&self, which: impl IntoIterator<Item = usize>) {
        let before = self.progress();
        for number in which {
            let before = &before[number];
            let file = &self.files[number];
            until(&format!("a write to {}", file.display()), || self.word(number, Word::Done) > before.begun);
        }
    }

    /// Waits until each of these waits in a write, unkillably.
    #[track_caller]
    pub(crate) fn wait_in_writes(&self, which: impl IntoIterator<Item = usize>) {
        let pid = self.pid();
        for number in which {
            let waits = || {
                let (done, begun) = (self.word(number, Word::Done), self.word(number, Word::Begun));
                let thread = self.word(number, Word::Thread);
                begun > done && processes::field(pid, Some(thread), 3).as_deref() == Some("D")
            };
            until(&format!("a write to {} that waits", self.files[number].display()), waits);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> std::ops::Range<usize> {
        0..self.files.len()
    }

    /// The longest that any of them has waited for a write.
    pub(crate) fn longest(&self) -> Duration {
        let longest = self.all().map(|number| self.word(number, Word::Longest)).max();
        Duration::from_micros(longest.unwrap_or_default())
    }

    /// The first write that failed, as the system's number of the error: 0 if none has.
    pub(crate) fn error(&self) -> u64 {
        self.all().map(|number| self.word(number, Word::Error)).find(|error| *error != 0).unwrap_or_default()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        // Not waited for: it ends when what it waits for is thawed.
        let _ = self.process.kill();
        if !std::thread::panicking() {
            let _ = self.process.wait();
        }
    }
}

fn place(number: usize, word: Word) -> u64 {
    SLOT * number as u64 + 8 * word as u64
}

#[test]
#[ignore = "no test: what writes for the others, which start it"]
fn process() {
    let Some(list) = std::env::var_os(WRITES).map(PathBuf::from) else { return };
    let slots = File::options().write(true).open(list.with_extension("slots")).unwrap();
    let files = std::fs::read_to_string(&list).unwrap();
    std::thread::scope(|scope| {
        for (number, file) in files.lines().enumerate() {
            let slots = &slots;
            // Small stacks: there may be hundreds.
            let thread = std::thread::Builder::new().stack_size(64 << 10);
            thread.spawn_scoped(scope, move || write_on(file, number, slots)).unwrap();
        }
    });
}

fn write_on(path: &str, number: usize, slots: &File) {
    let tell =
        |word: Word, value: u64| slots.write_all_at(&value.to_le_bytes(), place(number, word)).unwrap();
    tell(Word::Thread, u64::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap());
    let file = File::options().write(true).create(true).truncate(true).open(path).unwrap();
    let chunk = [0x5a; CHUNK];
    let mut longest = 0;
    for count in 1.. {
        let at = count * CHUNK as u64 % MOST;
        tell(Word::Begun, count);
        let begin = Instant::now();
        let written = (|| {
            if at == 0 {
                file.set_len(0)?;
            }
            file.write_all_at(&chunk, at)?;
            if count % 32 == 0 { file.sync_data() } else { Ok(()) }
        })();
        longest = longest.max(u64::try_from(begin.elapsed().as_micros()).unwrap());
        tell(Word::Longest, longest);
        if let Err(error) = written {
            tell(Word::Error, error.raw_os_error().unwrap_or(-1).unsigned_abs().into());
        }
        tell(Word::Done, count);
        // Two cores have to be enough for all of them.
        std::thread::sleep(Duration::from_millis(2));
    }
}
