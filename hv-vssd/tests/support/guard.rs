//! Cleans up after a world: thaws, kills, unmounts; also if the test panics, is killed, or hangs in the kernel.
//!
//! It is a process: this program started once more, playing nothing but the test [`process`]. What it must hold it is told
//! over a socket, whose end is its order to clean up; so there is one way to clean up and it is used by every test. It
//! holds directories by descriptors, since a filesystem that nobody can reach any more may be frozen nevertheless.
//! The test's own process never writes to a filesystem that may be frozen, or the socket would not end with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use hv_utils_core::sys::thaw;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use super::{PATIENCE, processes};

/// Names the world's directory to the process.
const GUARDS: &str = "HV_VSSD_GUARDS";

/// The test's end.
#[derive(Debug)]
pub(crate) struct Guard {
    socket: BufReader<UnixStream>,
    process: Child,
}

impl Guard {
    /// Starts it in the caller's mount namespace, for a world in `directory`.
    pub(crate) fn start(directory: &Path) -> Guard {
        let (ours, its) = UnixStream::pair().unwrap();
        let process = again("support::guard::process")
            .env(GUARDS, directory)
            .stdin(OwnedFd::from(its))
            // What the terminal sends to all of its foreground is not for it.
            .process_group(0)
            .spawn()
            .unwrap();
        Guard { socket: BufReader::new(ours), process }
    }

    /// From now on it holds the filesystem at `mount`.
    pub(crate) fn hold(&mut self, mount: &Path) {
        self.order("hold", mount);
    }

    /// No longer: so that it can be unmounted.
    pub(crate) fn release(&mut self, mount: &Path) {
        self.order("release", mount);
    }

    fn order(&mut self, word: &str, path: &Path) {
        writeln!(self.socket.get_mut(), "{word} {}", path.display()).unwrap();
        let mut answer = String::new();
        self.socket.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{word} {}", path.display());
    }

    /// Has it clean up, and returns what it found that should not have been there.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Write);
        let found = (&mut self.socket).lines().map_while(Result::ok).collect();
        let _ = self.process.wait();
        found
    }
}

/// This program once more, playing one test that is ignored otherwise.
pub(crate) fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--nocapture", "--exact", test]).stdout(Stdio::null());
    command
}

#[test]
#[ignore = "no test: the guard of the others, which start it"]
fn process() {
    let Some(directory) = std::env::var_os(GUARDS).map(PathBuf::from) else { return };
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut reply = socket.try_clone().unwrap();
    let mut held = BTreeMap::new();
    for line in BufReader::new(socket).lines().map_while(Result::ok) {
        let (word, path) = line.split_once(' ').unwrap();
        let path = PathBuf::from(path);
        match word {
            "hold" => held.insert(path.clone(), File::open(&path).unwrap()),
            _ => held.remove(&path),
        };
        writeln!(reply, "done").unwrap();
    }
    // Nobody may be there to read it.
    let mut say = |what: String| drop(writeln!(reply, "{what}"));
    let begin = Instant::now();
    loop {
        thaw_all(&held).into_iter().for_each(|path| say(format!("was frozen: {}", path.display())));
        let left = processes::here();
        if left.is_empty() || begin.elapsed() > PATIENCE {
            break;
        }
        for pid in left {
            // One without arguments is on its way out: its memory is gone, the process not yet.
            let arguments = processes::arguments(pid).join(" ");
            if !arguments.is_empty() {
                say(format!("still ran: {arguments}"));
            }
            processes::kill(pid);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(held);
    unmount_below(&directory);
    let _ = std::fs::remove_dir_all(&directory);
}

/// Thaws what is frozen; which these were. Each in a thread: what lies on another may wait for that.
fn thaw_all(held: &BTreeMap<PathBuf, File>) -> Vec<PathBuf> {
    std::thread::scope(|scope| {
        let thaws = held.iter().map(|(path, directory)| {
            scope.spawn(move || {
                let begin = Instant::now();
                let mut frozen = false;
                while begin.elapsed() < PATIENCE {
                    match thaw(directory).map_err(|error| Errno::from_io_error(&error)) {
                        Ok(()) => frozen = true,
                        // It is not frozen, or never can be.
                        Err(Some(Errno::INVAL | Errno::OPNOTSUPP)) => break,
                        // That may pass.
                        Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
                    }
                }
                frozen.then(|| path.clone())
            })
        });
        let thaws: Vec<_> = thaws.collect();
        thaws.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Unmounts whatever is mounted at or below `directory` in this namespace, the last first; nothing waits for it.
fn unmount_below(directory: &Path) {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mounts = table.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    let mounts: Vec<_> = mounts.filter(|mount| mount.starts_with(directory)).collect();
    for mount in mounts.into_iter().rev() {
        let _ = unmount(mount, UnmountFlags::DETACH);
    }
}
