//! A machine of text and links: `mountinfo` as lines, sysfs in a temporary directory, and a table of what is at paths.

use super::look::{Look, Seen};
use super::make::plan;
use super::{Device, Entry, Plan, Roots, Rules, mountinfo};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

mod blocks;
mod examples;
mod files;
mod garbage;
mod judging;
mod mounts;
mod order;

struct Machine {
    directory: TempDir,
    text: String,
    paths: Paths,
}

/// What is at which path; of all others it cannot be told.
#[derive(Default)]
struct Paths {
    table: BTreeMap<PathBuf, Seen>,
    looks: AtomicUsize,
}

impl Look for Paths {
    fn at(&self, path: &Path) -> Seen {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.table.get(path).copied().unwrap_or(Seen::Unknown)
    }

    fn device(&self, path: &Path) -> Seen {
        self.at(path)
    }
}

fn device(text: &str) -> Device {
    mountinfo::device(text.as_bytes()).unwrap()
}

impl Machine {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for path in ["dev/block", "class/block", "fs/btrfs", "devices"] {
            fs::create_dir_all(directory.path().join(path)).unwrap();
        }
        Self { directory, text: text.to_owned(), paths: Paths::default() }
    }

    /// A block device; a partition if `name` has a directory before it.
    fn disk(self, number: &str, name: &str) -> Self {
        let sys = self.directory.path();
        let home = sys.join("devices").join(name);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("dev"), format!("{number}\n")).unwrap();
        if name.contains('/') {
            fs::write(home.join("partition"), "1\n").unwrap();
        }
        symlink(&home, sys.join("dev/block").join(number)).unwrap();
        symlink(&home, sys.join("class/block").join(home.file_name().unwrap())).unwrap();
        self
    }

    fn loop_device(self, number: &str, name: &str, file: &str) -> Self {
        let made = self.disk(number, name);
        let directory = made.directory.path().join("devices").join(name).join("loop");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("backing_file"), format!("{file}\n")).unwrap();
        made
    }

    /// A device on others, as device mapper and md are.
    fn stacked(self, number: &str, name: &str, on: &[&str]) -> Self {
        let made = self.disk(number, name);
        let home = made.directory.path().join("devices").join(name);
        fs::create_dir(home.join("slaves")).unwrap();
        for below in on {
            symlink(made.directory.path().join("class/block").join(below), home.join("slaves").join(below))
                .unwrap();
        }
        made
    }

    fn btrfs(self, uuid: &str, members: &[&str]) -> Self {
        let directory = self.directory.path().join("fs/btrfs").join(uuid).join("devices");
        fs::create_dir_all(&directory).unwrap();
        for member in members {
            symlink(self.directory.path().join("class/block").join(member), directory.join(member)).unwrap();
        }
        self
    }

    fn there(self, path: &str, mount: u64) -> Self {
        self.seen(path, Seen::There { mount, block: None, directory: false })
    }

    fn directory(self, path: &str, mount: u64) -> Self {
        self.seen(path, Seen::There { mount, block: None, directory: true })
    }

    fn node(self, path: &str, number: &str) -> Self {
        self.seen(path, Seen::There { mount: 0, block: Some(device(number)), directory: false })
    }

    fn absent(self, path: &str) -> Self {
        self.seen(path, Seen::Absent)
    }

    fn seen(mut self, path: &str, seen: Seen) -> Self {
        self.paths.table.insert(PathBuf::from(path), seen);
        self
    }

    fn plan(&self, rules: &Rules) -> Plan {
        self.plan_of(self.text.as_bytes(), rules)
    }

    /// The plan on this machine's devices, with other mounts.
    fn plan_of(&self, text: &[u8], rules: &Rules) -> Plan {
        self.plan_without(text, rules, &[])
    }

    /// The same, where the kernel has refused to freeze some types.
    fn plan_without(&self, text: &[u8], rules: &Rules, refused: &[String]) -> Plan {
        let rules = Rules { refused_types: refused.to_vec(), ..rules.clone() };
        plan(&mountinfo::parse(text), &self.roots(), &rules, &self.paths)
    }

    fn roots(&self) -> Roots {
        Roots { proc: self.directory.path().join("proc"), sys: self.directory.path().to_owned() }
    }

    /// What the kernel was started with.
    fn cmdline(self, line: &str) -> Self {
        let proc = self.roots().proc;
        fs::create_dir_all(&proc).unwrap();
        fs::write(proc.join("cmdline"), format!("{line}\n")).unwrap();
        self
    }

    /// What is frozen, as `level mount`.
    fn targets(&self, rules: &Rules) -> Vec<String> {
        let plan = self.plan(rules);
        plan.targets().map(|entry| format!("{} {}", entry.level, entry.mount.display())).collect()
    }

    fn entry(&self, rules: &Rules, mount: &str) -> Entry {
        let plan = self.plan(rules);
        let found = plan.entries.iter().find(|entry| entry.mount == Path::new(mount));
        found.unwrap_or_else(|| panic!("no {mount} in {plan:#?}")).clone()
    }
}

fn all() -> Rules {
    Rules::default()
}

fn excluding(patterns: &[&str]) -> Rules {
    Rules { exclude: patterns.iter().map(ToString::to_string).collect(), ..all() }
}

fn strict() -> Rules {
    Rules { fail_on_unfreezable: true, ..all() }
}
