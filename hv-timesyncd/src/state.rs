//! What is kept over a restart: how fast the host's clock runs beside the guest's, so that it need not be learnt anew; and,
//! until the next boot, that it was this daemon who called the clock synchronised.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hv_utils_core::daemon::{Failure, replace};
use rustix::fs::OFlags;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::engine::Prior;

/// A frequency that was kept is as good as this, one standard deviation in ppm: the machine may be a warmer one.
const KEPT_ERROR: f64 = 1.0;
/// More than a file of ours has, bytes.
const LONGEST: u64 = 4096;
/// What no clock is off by, ppm.
const LIMIT: f64 = 500.0;

/// The file with the frequency.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    clocksource: String,
    written: Option<f64>,
}

impl Kept {
    /// The file in the daemon's state directory. A frequency belongs to a clocksource: with another it is not known.
    #[must_use]
    pub fn new(state_dir: &Path, clocksource: &str) -> Kept {
        Kept { path: state_dir.join("frequency"), clocksource: clocksource.to_owned(), written: None }
    }

    /// What was kept; `None` if nothing was, or with another clocksource.
    ///
    /// # Errors
    /// The file is not one of ours, or cannot be read.
    pub fn load(&mut self) -> io::Result<Option<Prior>> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let mut value = |name| lines.next().filter(|(key, _)| *key == name).map(|(_, value)| value);
        let frequency = value("frequency-ppm").and_then(|text| text.parse().ok());
        let clocksource = value("clocksource");
        let frequency = frequency.filter(|ppm: &f64| ppm.abs() <= LIMIT);
        let (Some(frequency), Some(clocksource)) = (frequency, clocksource) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file of this daemon"));
        };
        if clocksource != self.clocksource {
            return Ok(None);
        }
        self.written = Some(frequency);
        Ok(Some(Prior { frequency, error: KEPT_ERROR }))
    }

    /// Keeps a frequency, in ppm, if it differs from what is kept by more than `least`.
    ///
    /// # Errors
    /// The file cannot be written; it is as it was.
    pub fn keep(&mut self, frequency: f64, least: f64) -> Result<(), Failure> {
        if self.written.is_some_and(|before| (before - frequency).abs() <= least) {
            return Ok(());
        }
        let text = format!("frequency-ppm {frequency:.4}\nclocksource {}\n", self.clocksource);
        replace(&self.path, text.as_bytes(), 0o644)?;
        self.written = Some(frequency);
        Ok(())
    }
}

/// Writes the file on a thread of its own: the filesystem may be frozen for a backup, or the disk gone, and the host's next
/// word must not wait for that.
#[derive(Debug)]
pub struct Keeper {
    kept: Arc<Mutex<Kept>>,
    writing: Option<oneshot::Receiver<()>>,
}

impl Keeper {
    /// For this file.
    #[must_use]
    pub fn new(kept: Kept) -> Keeper {
        Keeper { kept: Arc::new(Mutex::new(kept)), writing: None }
    }

    /// As [`Kept::keep`], by and by; not while it is still at the last one. What goes wrong is logged.
    pub fn keep(&mut self, frequency: f64, least: f64) {
        let busy =
            self.writing.as_mut().is_some_and(|writing| writing.try_recv() == Err(TryRecvError::Empty));
        if busy {
            return;
        }
        let (done, writing) = oneshot::channel();
        let kept = Arc::clone(&self.kept);
        let work = move || {
            // A thread that panicked in there has changed nothing by half.
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(failure) = kept.keep(frequency, least) {
                tracing::warn!("the frequency is not kept: {failure}");
            }
            let _ = done.send(());
        };
        match thread::Builder::new().name("keeper".to_owned()).spawn(work) {
            Ok(_) => self.writing = Some(writing),
            Err(error) => tracing::warn!("the frequency is not kept: {error}"),
        }
    }

    /// Waits until nothing is being written.
    pub async fn done(&mut self) {
        if let Some(writing) = self.writing.take() {
            // An error is a thread that has ended.
            let _ = writing.await;
        }
    }
}

/// The mark of this boot that it was this daemon who called the clock synchronised, and at which frequency it left it: the
/// kernel does not say who it was, and goes on saying so for hours after the last word. A clock at another frequency is
/// somebody else's.
#[derive(Debug)]
pub struct Mark {
    path: PathBuf,
    /// What was written or read last; the file may go.
    known: Option<String>,
}

impl Mark {
    /// The file in the run directory.
    #[must_use]
    pub fn new(run_dir: &Path) -> Mark {
        let path = run_dir.join("hv-timesyncd/ruling");
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&path);
        let mut text = String::new();
        let read = file.and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        Mark { path, known: read.is_ok().then(|| text.trim().to_owned()) }
    }

    /// Whether a clock with this frequency, as the kernel tells it in ppm, is as this daemon has left it.
    #[must_use]
    pub fn is_of(&self, frequency: f64) -> bool {
        self.known.as_deref() == Some(&word(frequency))
    }

    /// Sets it.
    ///
    /// # Errors
    /// The run directory cannot be written to; until the end of the process it counts all the same.
    pub fn set(&mut self, frequency: f64) -> io::Result<()> {
        let word = word(frequency);
        if self.known.as_ref() == Some(&word) {
            return Ok(());
        }
        let text = format!("{word}\n");
        self.known = Some(word);
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Not through a link, nor over what somebody else keeps open.
        let new = self.path.with_extension("new");
        let _ = fs::remove_file(&new);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, &self.path)
    }

    /// Takes it away.
    ///
    /// # Errors
    /// The run directory cannot be written to.
    pub fn remove(&mut self) -> io::Result<()> {
        if self.known.take().is_none() {
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The kernel's steps are 15 millionths of a ppm.
fn word(frequency: f64) -> String {
    format!("{frequency:.6}")
}

#[cfg(test)]
mod tests;
