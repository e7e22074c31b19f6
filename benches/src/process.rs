//! Processes under measurement and what the kernel says about them.

use std::error::Error;
use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A child that ends with its value.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) rss: u64,
    pub(crate) pss: u64,
    pub(crate) private_dirty: u64,
    pub(crate) anonymous: u64,
}

impl Process {
    /// Starts a program of this build.
    pub(crate) fn start<I: AsRef<OsStr>>(
        name: &str,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<Process> {
        let mut command = Command::new(binary(name)?);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Process(command.spawn().map_err(|error| format!("{name}: {error}"))?))
    }

    /// Starts a program that notifies its readiness; gives the time that took.
    pub(crate) fn start_notifying<I: AsRef<OsStr>>(
        name: &str,
        arguments: impl IntoIterator<Item = I>,
        socket: &Path,
    ) -> Result<(Process, Duration)> {
        let _ = std::fs::remove_file(socket);
        let notify = UnixDatagram::bind(socket)?;
        notify.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut command = Command::new(binary(name)?);
        command.args(arguments).env("NOTIFY_SOCKET", socket).stdin(Stdio::null()).stdout(Stdio::null());
        let started = Instant::now();
        let child = Process(command.spawn()?);
        let mut message = [0; 4096];
        loop {
            let length =
                notify.recv(&mut message).map_err(|error| format!("{name} is not ready: {error}"))?;
            if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == "READY=1") {
                return Ok((child, started.elapsed()));
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Memory of the process now, without the rings: here they are a memfd that the host maps, too; on a real
    /// guest they are pages of the kernel's, which no process is charged for.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps", self.id()))?;
        let mut memory = Memory::default();
        let mut rings = false;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default();
            if !name.ends_with(':') {
                rings = line.contains("/memfd:");
                continue;
            }
            let amount =
                words.next().and_then(|word| word.parse::<u64>().ok()).filter(|_| !rings).unwrap_or(0);
            match name {
                "Rss:" => memory.rss += amount,
                "Pss:" => memory.pss += amount,
                "Private_Dirty:" => memory.private_dirty += amount,
                "Anonymous:" => memory.anonymous += amount,
                _ => {}
            }
        }
        Ok(memory)
    }

    /// CPU time of all threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let times = self.tasks()?.into_iter().map(|task| {
            let text = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
        });
        Ok(Duration::from_nanos(times.sum()))
    }

    /// Times that any thread has been woken or moved off a CPU so far.
    pub(crate) fn switches(&self) -> Result<u64> {
        let counts = self.tasks()?.into_iter().map(|task| {
            let text = std::fs::read_to_string(task.join("status")).unwrap_or_default();
            number_after(&text, "voluntary_ctxt_switches:")
                + number_after(&text, "nonvoluntary_ctxt_switches:")
        });
        Ok(counts.sum())
    }

    fn tasks(&self) -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(format!("/proc/{}/task", self.id()))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }
}

/// Counts the system calls of a process from now until the value is asked for the sum.
pub(crate) struct Trace(Child, PathBuf);

impl Trace {
    /// Attaches; `None` where there is no `strace` or it may not.
    pub(crate) fn attach(process: &Process, log: PathBuf) -> Option<Trace> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "signal=none", "-p", &process.id().to_string(), "-o"]).arg(&log);
        let child = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut trace = Trace(child, log);
        // Attached once the kernel names a tracer.
        loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
            if number_after(&status, "TracerPid:") != 0 {
                return Some(trace);
            }
            if trace.0.try_wait().ok()?.is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Detaches and gives the number of calls and the names with their counts, most frequent first.
    pub(crate) fn finish(mut self) -> Result<(u64, String)> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        self.0.wait()?;
        let text = std::fs::read_to_string(&self.1)?;
        let mut counts = std::collections::BTreeMap::<&str, u64>::new();
        for line in text.lines().filter(|line| !line.contains("resumed>")) {
            let call = line.split_whitespace().nth(1).unwrap_or_default();
            if let Some(name) = call.split('(').next().filter(|name| !name.is_empty() && call.contains('(')) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let names: Vec<String> = sorted.iter().map(|(name, count)| format!("{name} {count}")).collect();
        Ok((sorted.iter().map(|(_, count)| count).sum(), names.join(", ")))
    }
}

/// The path of a program of this build.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let folder = std::env::current_exe()?.parent().ok_or("this program lies in a folder")?.to_owned();
    let path = folder.join(name);
    if !path.exists() {
        return Err(format!("{} is missing: `make bench` builds it", path.display()).into());
    }
    Ok(path)
}

fn number_after(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
