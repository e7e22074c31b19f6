//! For the tests of the rooms: a directory with a root in it, and mounts that nobody else sees.

use crate::file::{Incoming, Rules};
use crate::target::{Creation, Owner, Place, Refusal, Roots};
use hv_utils_core::wire::fcopy::Start;
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::mount::{mount, mount_change, mount_remount, unmount};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// `directory/root` is the root; what is beside it is none of a host's business.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) roots: Roots,
}

pub(crate) const CREATION: Creation = Creation { mode: 0o750, owner: Owner { user: None, group: None } };
pub(crate) const RULES: Rules = Rules { mode: 0o640, owner: Owner { user: None, group: None }, min_free: 0 };

impl World {
    pub(crate) fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        let roots = Roots::new(vec![directory.path().join("root")], directory.path().join("ledger"));
        World { directory, roots }
    }

    /// A path in the root, or beside it.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// A START for a path that begins in the world's directory.
    pub(crate) fn start(&self, path: &str, name: &str) -> Start {
        let path = format!("{}/{path}", self.directory.path().display());
        Start { path, name: name.to_owned(), overwrite: false, create_path: false, size: 0 }
    }

    pub(crate) fn find(&self, start: &Start) -> Result<Place, Refusal> {
        self.roots.find(start, &CREATION)
    }

    /// The copy of a file `root/f`.
    pub(crate) fn begin(&self, size: u64, overwrite: bool) -> Incoming {
        let place = self.find(&Start { overwrite, ..self.start("root", "f") }).unwrap();
        Incoming::create(place, size, &RULES).unwrap()
    }

    /// Everything below the world's directory, in order; directories end with a slash.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.directory.path(), "", &mut found);
        found.sort();
        found
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.path("ledger")
    }
}

fn walk(directory: &Path, shown: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{shown}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
            found.push(name + "/");
        } else {
            found.push(name);
        }
    }
}

/// Whether a test has to be left out; said where it can be seen.
pub(crate) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Plays `body` on a thread with mounts of its own. Only root may.
pub(crate) fn with_mounts(test: &str, body: impl FnOnce() + Send + 'static) {
    if !rustix::process::geteuid().is_root() {
        return skipped(test, "only root may mount");
    }
    let thread = std::thread::spawn(move || {
        #[expect(deprecated, reason = "a mount namespace touches neither memory nor descriptors")]
        rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS).unwrap();
        mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
        body();
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Unmounts what nothing of this test is open on.
pub(crate) fn unmounted(root: &Path) {
    when_unused(|| unmount(root, UnmountFlags::empty()));
}

/// Has nothing written any more to what nothing of this test is open on.
pub(crate) fn read_only(root: &Path) {
    when_unused(|| mount_remount(root, MountFlags::RDONLY, c""));
}

/// Another test that starts a program has the descriptors of this one for a moment, too.
fn when_unused(call: impl Fn() -> rustix::io::Result<()>) {
    let begin = std::time::Instant::now();
    while let Err(error) = call() {
        assert!(error == Errno::BUSY && begin.elapsed().as_secs() < 60, "{error}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// A tmpfs of so many KiB on the root. Its mount ends with the thread's namespace.
pub(crate) fn tmpfs(root: &Path, kib: u32) {
    let size = std::ffi::CString::new(format!("size={kib}k")).unwrap();
    mount("hv-fcopyd-test", root, "tmpfs", MountFlags::empty(), size.as_c_str()).unwrap();
}

/// A filesystem of that kind on a loop file of so many MiB on the root; `false`, and a line that says so, if there can be
/// none.
pub(crate) fn disk(test: &str, root: &Path, kind: &str, mib: u64) -> bool {
    let image = root.with_extension("image");
    fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
    let made =
        Command::new(format!("mkfs.{kind}")).arg(&image).output().is_ok_and(|out| out.status.success());
    let mounted = made
        && Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(root)
            .output()
            .unwrap()
            .status
            .success();
    if !mounted {
        skipped(test, &format!("no {kind} on a loop device here"));
    }
    mounted
}
