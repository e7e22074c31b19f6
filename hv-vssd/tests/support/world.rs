//! A mount namespace with a directory in it, for one test.
//!
//! The namespace is the test thread's and of what it starts, not of the whole process: tests beside it have their own. On the
//! directory lies a tmpfs, so nothing of a world is on a disk but what is in its loop files, and nothing that a test or a daemon writes for
//! itself can be frozen.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::UnshareFlags;

use super::guard::Guard;
use super::skipped;

/// Where a world is; ends with it.
#[derive(Debug)]
pub(crate) struct World {
    directory: PathBuf,
    guard: RefCell<Guard>,
}

/// Plays `body` in a world of its own, or says why `test` is skipped. The filesystems and processes that it leaves have to be
/// as they were: nothing frozen, nothing running.
pub(crate) fn world<F: Future<Output = ()>>(test: &str, body: impl FnOnce(World) -> F + Send + 'static) {
    if let Some(why) = impossible() {
        return skipped(test, why);
    }
    let thread = std::thread::Builder::new().name(test.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { body(World::new()).await });
    });
    thread.unwrap().join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Why there can be no worlds here.
fn impossible() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root may mount and freeze");
    }
    let loops = Path::new("/dev/loop-control").exists();
    (!loops).then_some("this machine has no loop devices")
}

impl World {
    fn new() -> World {
        #[expect(deprecated, reason = "a mount namespace touches neither memory nor descriptors")]
        rustix::thread::unshare(UnshareFlags::NEWNS).unwrap();
        mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
        // The name is short: paths of sockets have an end.
        let directory = tempfile::Builder::new().prefix("vss").tempdir().unwrap().keep();
        mount("hv-vssd-test", &directory, "tmpfs", MountFlags::empty(), None).unwrap();
        let guard = RefCell::new(Guard::start(&directory));
        for name in ["m", "run", "state", "hooks", "proc/self"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        let world = World { directory, guard };
        std::os::unix::fs::symlink("/proc/sys", world.path("proc/sys")).unwrap();
        world.show_mounts(&[]);
        world
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Its directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The guard.
    pub(crate) fn guard(&self) -> std::cell::RefMut<'_, Guard> {
        self.guard.borrow_mut()
    }

    /// Shows the daemon the world's mounts as they are now and no others, and `more` lines of what is not there.
    pub(crate) fn show_mounts(&self, more: &[String]) {
        let text = self.mounts().into_iter().chain(more.iter().cloned()).map(|line| line + "\n");
        self.show(text.collect());
    }

    /// Shows what is mounted at `mount` as of another type, on a disk.
    pub(crate) fn show_as(&self, mount: &Path, kind: &str) {
        let is_it = |line: &str| line.split(' ').nth(4).is_some_and(|place| Path::new(place) == mount);
        let lines = self.mounts().into_iter().map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if is_it(&line) {
                let dash = words.iter().position(|word| *word == "-").unwrap();
                (words[2], words[dash + 1]) = ("7:9999", kind);
            }
            words.join(" ") + "\n"
        });
        self.show(lines.collect());
    }

    fn show(&self, text: String) {
        fs::write(self.path("mountinfo"), text).unwrap();
        fs::rename(self.path("mountinfo"), self.path("proc/self/mountinfo")).unwrap();
    }

    /// The lines of `mountinfo` about the world: its filesystems, and the tmpfs on which their files lie.
    pub(crate) fn mounts(&self) -> Vec<String> {
        // Not /proc/self: that is the process's first thread, in another namespace.
        let table = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let place = |line: &str| line.split(' ').nth(4).map(PathBuf::from);
        let own = |line: &&str| place(line).is_some_and(|mount| mount.starts_with(&self.directory));
        table.lines().filter(own).map(str::to_owned).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let found = self.guard.borrow_mut().end();
        if std::thread::panicking() {
            eprintln!("--- what was left: {found:#?}");
        } else {
            assert!(found.is_empty(), "what was left: {found:#?}");
        }
    }
}
