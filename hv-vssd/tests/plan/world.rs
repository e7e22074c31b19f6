//! A directory in which a test may mount, in a process and a mount namespace of its own.

use hv_vssd::plan::{Entry, Plan, Roots, Rules, make};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the process that has the namespace.
const INSIDE: &str = "HV_UTILS_TEST_INSIDE";

/// What a test works with. What it makes outside of the namespace is undone at its end.
pub(crate) struct World {
    test: &'static str,
    directory: tempfile::TempDir,
    undo: std::cell::RefCell<Vec<Vec<String>>>,
}

/// Runs `body` in a namespace of its own, or says that `test` is skipped.
pub(crate) fn inside(test: &'static str, body: impl FnOnce(&World)) {
    if !rustix::process::geteuid().is_root() {
        return skip(test, "needs root");
    }
    if std::env::var_os(INSIDE).is_some() {
        let directory = tempfile::tempdir().unwrap();
        let world = World { test, directory, undo: std::cell::RefCell::default() };
        return body(&world);
    }
    let thread = std::thread::current();
    let program = std::env::current_exe().unwrap();
    let again = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(program)
        .args(["--exact", thread.name().unwrap(), "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let again = match again {
        Ok(again) => again,
        Err(error) => return skip(test, &format!("no unshare: {error}")),
    };
    let (said, complained) = (String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
    if complained.contains("unshare failed") {
        return skip(test, &complained);
    }
    assert!(again.status.success() && said.contains("1 passed"), "{said}\n{complained}");
    let _ = std::io::stderr().write_all(&again.stderr);
}

fn skip(test: &str, why: &str) {
    // Not by a print macro: the test's own output is shown only when it fails.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

impl World {
    /// A path in the test's directory, which the mounts' paths begin with.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// Runs a program, with `@` at the beginning of an argument for the test's directory.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| self.expand(word)).collect();
        let out = Command::new(&words[0]).args(&words[1..]).output();
        let out = out.map_err(|error| format!("{}: {error}", words[0]))?;
        match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned()),
            false => Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&out.stderr).trim())),
        }
    }

    fn expand(&self, word: &str) -> String {
        word.replace('@', &format!("{}/", self.path("").display()).replace("//", "/"))
    }

    /// As [`run`](Self::run), where failing is a failure of the test.
    pub(crate) fn must(&self, words: &[&str]) -> String {
        self.run(words).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`run`](Self::run), where failing means that this machine cannot: then `None`, and the test is skipped.
    pub(crate) fn can(&self, words: &[&str]) -> Option<String> {
        self.run(words).map_err(|error| skip(self.test, &error)).ok()
    }

    /// Says that the rest of the test is left out.
    pub(crate) fn skip(&self, why: &str) {
        skip(self.test, why);
    }

    /// Remembers what undoes a step that outlives the namespace.
    pub(crate) fn finally(&self, words: &[&str]) {
        self.undo.borrow_mut().push(words.iter().map(|word| self.expand(word)).collect());
    }

    /// An image of `size` bytes with a filesystem, mounted by a loop device. False if this machine cannot.
    pub(crate) fn image(&self, kind: &str, image: &str, size: &str, at: &str) -> bool {
        self.must(&["truncate", "-s", size, image]);
        std::fs::create_dir_all(self.expand(at)).unwrap();
        let make = format!("mkfs.{kind}");
        let quiet = if kind == "btrfs" || kind == "ext4" { vec!["-q"] } else { Vec::new() };
        let words: Vec<&str> = [make.as_str()].into_iter().chain(quiet).chain([image]).collect();
        self.can(&words).is_some() && self.can(&["mount", "-t", kind, "-o", "loop", image, at]).is_some()
    }

    /// A loop device on a new image. It goes with its last user, or at the test's end.
    pub(crate) fn attach(&self, image: &str, size: &str) -> Option<String> {
        self.must(&["truncate", "-s", size, image]);
        let device = self.can(&["losetup", "--find", "--show", image])?;
        self.finally(&["losetup", "--detach", &device]);
        Some(device)
    }

    /// The plan in which only this test's filesystems are frozen.
    pub(crate) fn plan(&self) -> Plan {
        let include = vec![format!("{}*", self.path("").display())];
        let roots = Roots { proc: "/proc".into(), sys: "/sys".into() };
        make(&roots, &Rules { include, ..Rules::default() }).unwrap()
    }

    /// What is frozen, as `level name`.
    pub(crate) fn targets(&self) -> Vec<String> {
        let plan = self.plan();
        let name = |entry: &Entry| format!("{} {}", entry.level, self.name(&entry.mount));
        plan.targets().map(name).collect()
    }

    /// What the plan has for `name`.
    pub(crate) fn entry(&self, name: &str) -> Entry {
        let plan = self.plan();
        let found = plan.entries.iter().find(|entry| entry.mount == self.path(name));
        found.unwrap_or_else(|| panic!("no {name} in {plan:#?}")).clone()
    }

    /// A text without the test's directory.
    pub(crate) fn short(&self, text: &str) -> String {
        text.replace(&self.expand("@"), "@")
    }

    pub(crate) fn name(&self, path: &Path) -> String {
        self.short(&path.display().to_string()).replace('@', "")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let here = self.expand("@");
        let mounted = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for point in mounted.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if point.starts_with(&here) {
                let _ = Command::new("umount").args(["--lazy", point]).output();
            }
        }
        for words in self.undo.borrow().iter().rev() {
            let _ = Command::new(&words[0]).args(&words[1..]).output();
        }
    }
}
