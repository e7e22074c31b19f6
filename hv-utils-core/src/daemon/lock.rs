//! One instance at a time: `RUN_DIR/NAME.lock`, held for the life of the process.
//!
//! `uio` admits several openers, and two readers would corrupt the ring; so the lock comes before the channel. It
//! is `flock`: it goes with the process, however that ends, and the file stays. It holds the holder's pid for the
//! message only; nothing is decided by it.

use super::{Exit, Failure};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often the file may be replaced under our hands before we give up.
const ATTEMPTS: u32 = 8;

/// How long a lock that is held is tried again.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(10);

/// The held lock. Dropping it lets the next instance start.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
}

impl InstanceLock {
    /// Takes the lock of daemon `name` in `run_dir`, which is created if need be.
    ///
    /// # Errors
    /// Exit code 75 if another instance holds it, 77 if the directory does not permit it, else 70.
    pub fn take(run_dir: &Path, name: &str) -> Result<Self, Failure> {
        directory(run_dir)?;
        let path = run_dir.join(format!("{name}.lock"));
        let began = Instant::now();
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let file = open_file(&path).map_err(|error| Failure::io("open the lock file", &path, &error))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if !is_at(&file, &path) => attempts += 1,
                Ok(()) => return Self::sign(file, &path),
                // A child that a dead instance was just starting holds it too, until it has become another program.
                Err(Errno::WOULDBLOCK) if began.elapsed() < PATIENCE => sleep(LOOK),
                Err(Errno::WOULDBLOCK) => return Err(busy(file, name, &path)),
                Err(error) => return Err(Failure::io("lock", &path, &error.into())),
            }
        }
        Err(Failure::internal(format!("cannot lock {}: something keeps replacing it", path.display())))
    }

    /// A second handle, for a child that goes on with this instance's work if it dies: the lock is held until both
    /// are closed.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.file.as_fd().try_clone_to_owned()
    }

    fn sign(mut file: File, path: &Path) -> Result<Self, Failure> {
        let written =
            file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(|error| Failure::io("write the lock file", path, &error))?;
        Ok(Self { file })
    }
}

/// Creates a directory (mode 0755 less the umask) and those above it, unless it is there.
///
/// # Errors
/// Exit code 77 if it is not permitted, else 70.
pub fn directory(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| Failure::io("create the directory", path, &error))
}

/// For the owner alone: whoever could open it could lock it, and keep the daemon from starting.
fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

/// Whether the locked file is still the one the next instance would open.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn busy(file: File, name: &str, path: &Path) -> Failure {
    let mut content = String::new();
    // Whatever the file holds, a pid is short.
    let _ = file.take(32).read_to_string(&mut content);
    let holder = match content.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    };
    Failure::new(
        Exit::Busy,
        format!(
            "another {name} runs: {holder} holds {}; stop it first, or give this one its own --run-dir",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests;
