//! The guard: a child that puts things right if this program is killed in the middle of a switch.
//!
//! While devices are moved, the kernel must not give new ones away, and a kernel that stays so has no disks or networks
//! to add any more. So, before auto-probing is turned off, this program starts itself once more with the hidden verb
//! `guard`, in a session of its own and deaf to polite signals. A socket between the two ends with either: if it ends
//! without the word that all is well, the guard repairs. It holds the instance lock together with us, so that the next
//! start waits its turn.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::sys;

use crate::error::Error;
use crate::sysfs::{Bus, Marker, repair};

/// The guard is in place.
const READY: u8 = b'r';
/// Nothing is left to be guarded.
const DONE: u8 = b'd';

/// How long a guard may take to start.
const START: Duration = Duration::from_secs(5);
/// The killed program's last write may take effect after its death: how often, and when, to look again.
const LOOKS: u32 = 8;
const LOOK: Duration = Duration::from_millis(125);

/// A guard in place. Dropped without [`Guard::dismiss`], it acts.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    line: UnixStream,
}

impl Guard {
    /// Starts one, and returns when it is in place.
    ///
    /// # Errors
    /// It cannot be started; then nothing may be begun that needs it.
    pub fn start(sysfs: &Path, run_dir: &Path, lock: &InstanceLock) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::refused(format!("cannot start the guard: {error}"));
        let (line, theirs) = UnixStream::pair().map_err(failed)?;
        let mut command = Command::new("/proc/self/exe");
        command.arg("guard").arg("--sysfs-root").arg(sysfs).arg("--run-dir").arg(run_dir);
        // Its output is the lock: descriptors 0 to 2 are the only ones that a child is given.
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::from(lock.share().map_err(failed)?));
        let child = command.spawn().map_err(failed)?;
        // The command holds the other end: as long as we had it, its end would not be seen.
        drop(command);
        let mut guard = Self { child, line };
        guard.line.set_read_timeout(Some(START)).map_err(failed)?;
        let mut word = [0];
        match guard.line.read_exact(&mut word) {
            Ok(()) if word == [READY] => Ok(guard),
            Ok(()) => Err(failed(io::Error::other("it says something else"))),
            Err(error) => Err(failed(error)),
        }
    }

    /// Our own last act still goes on and cannot be waited for: the guard acts when it is over, which is when this
    /// process really ends.
    pub fn leave(self) {
        // The socket stays open for as long as any thread of this process lives.
        std::mem::forget(self);
    }

    /// All is well: the guard ends without a deed.
    pub fn dismiss(mut self) {
        // A guard that is not there any more has nothing to be told.
        let _ = self.line.write_all(&[DONE]);
        // It holds the lock, which is to be free when we end.
        let _ = self.child.wait();
    }
}

/// The guard's own life: `hv-driver guard`.
#[must_use]
pub fn stand(sysfs: &Path, run_dir: &Path) -> u8 {
    sys::ignore_requests_to_end();
    // A session of its own: no terminal's signals. Fails only for a group's leader, and then it is one by itself.
    let _ = rustix::process::setsid();
    let Ok(line) = io::stdin().as_fd().try_clone_to_owned() else { return crate::error::REFUSED };
    let mut line = File::from(line);
    let mut word = [0];
    let told = line.write_all(&[READY]).and_then(|()| line.read_exact(&mut word));
    if told.is_ok() && word == [DONE] {
        return 0;
    }
    tracing::warn!("hv-driver ended in the middle of a switch: putting things right");
    let (bus, marker) = (Bus::new(sysfs), Marker::new(run_dir));
    let mut result = repair(&bus, &marker);
    for _ in 0..LOOKS {
        std::thread::sleep(LOOK);
        result = repair(&bus, &marker);
    }
    match result.and_then(|()| marker.clear()) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("{error}; the next start of hv-driver tries again");
            error.code()
        }
    }
}
