//! `/dev/cpu/N/msr`: the node through which root reads a processor's registers. It is only ever read here.
//!
//! What goes wrong is told in sentences for the administrator, each with the exit code that belongs to it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::{Exit, Failure};
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::{Look, Problem, Register};

#[cfg(test)]
mod tests;

/// `HV_X64_MSR_TIME_REF_COUNT`: the partition's reference counter (Hyper-V TLFS, 12.4).
const TIME_REF_COUNT: u64 = 0x4000_0020;

/// The register of the processor on which this program runs.
#[derive(Debug)]
pub struct Msr {
    file: File,
    path: PathBuf,
}

impl Msr {
    /// Stays on the processor on which this program runs, and opens its node.
    ///
    /// # Errors
    /// 69: no such node, the processor has no such registers; 77: not permitted.
    pub fn open(dev_root: &Path) -> Result<Msr, Failure> {
        let cpu = sched_getcpu();
        if cpu < CpuSet::MAX_CPU {
            let mut only = CpuSet::new();
            only.set(cpu);
            // Elsewhere a read takes an interrupt to that processor more, and the bracket is wider by it.
            let _ = sched_setaffinity(None, &only);
        }
        let path = dev_root.join(format!("cpu/{cpu}/msr"));
        match OpenOptions::new().read(true).open(&path) {
            Ok(file) => Ok(Msr { file, path }),
            Err(error) => Err(cannot_open(&path, &error)),
        }
    }

    /// What to tell of a measurement that failed.
    #[must_use]
    pub fn failure(&self, problem: &Problem) -> Failure {
        match problem {
            Problem::Read(error) => cannot_read(&self.path, error),
            Problem::Standing(_) => Failure::new(Exit::Unavailable, problem.to_string()),
            Problem::Jumping => Failure::internal(problem.to_string()),
        }
    }
}

impl Register for Msr {
    fn look(&mut self) -> io::Result<Look> {
        let mut bytes = [0; 8];
        let before = raw();
        self.file.read_exact_at(&mut bytes, TIME_REF_COUNT)?;
        let after = raw();
        Ok(Look { before, counter: u64::from_ne_bytes(bytes), after })
    }
}

/// CLOCK_MONOTONIC_RAW, ns.
fn raw() -> i64 {
    let time = clock_gettime(ClockId::MonotonicRaw);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    let failed = format!("cannot open {}: {error}", path.display());
    if !cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
        let text = format!("{failed}: the reference counter can be read on x86 only");
        return Failure::new(Exit::Unavailable, text);
    }
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NODEV) => {
            let hint = "this needs an x86 guest of Hyper-V and the kernel module msr (modprobe msr)";
            Failure::new(Exit::Unavailable, format!("{failed}: {hint}"))
        }
        Some(Errno::NXIO) => {
            Failure::new(Exit::Unavailable, format!("{failed}: the processor is off, or the module msr is"))
        }
        Some(Errno::IO) => {
            Failure::new(Exit::Unavailable, format!("{failed}: the processor has no registers"))
        }
        Some(Errno::PERM | Errno::ACCESS) => {
            Failure::new(Exit::NotPermitted, format!("{failed}: needs root with CAP_SYS_RAWIO"))
        }
        _ => Failure::internal(failed),
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let failed =
        format!("cannot read the reference counter (register 0x40000020) from {}: {error}", path.display());
    match Errno::from_io_error(error) {
        Some(Errno::IO) => {
            Failure::new(Exit::Unavailable, format!("{failed}: this hypervisor has no reference counter"))
        }
        Some(Errno::PERM | Errno::ACCESS) => {
            Failure::new(Exit::NotPermitted, format!("{failed}: the kernel forbids it"))
        }
        Some(Errno::NXIO) => Failure::internal(format!("{failed}: the processor was turned off")),
        None if error.kind() == ErrorKind::UnexpectedEof => {
            Failure::internal(format!("{failed}: that is no node of registers"))
        }
        _ => Failure::internal(failed),
    }
}
