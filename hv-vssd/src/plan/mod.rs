//! Which filesystems are frozen, in which order, and which are not and why.
//!
//! Nothing is frozen here, and nothing is opened: what the kernel shows is read (`mountinfo`, the block devices in sysfs)
//! and judged by the administrator's rules. One superblock is one entry, however often it is mounted.
//!
//! ```text
//! mountinfo ──► tree (what hides what) ──► superblocks ──► judge ──┐
//!                                              │         ▲ kinds   ├──► make: the plan
//! sysfs ──► blocks ──► ground ──► stack (levels) ──────────────────┘
//!                        ▲ look (on which mount a file is; whether a mount is one of a file)
//! ```

use std::path::PathBuf;

mod blocks;
mod ground;
mod judge;
mod kinds;
mod look;
mod make;
mod mountinfo;
mod stack;
mod superblocks;
mod tree;

pub use make::{PlanError, make};

/// Major and minor number, as `mountinfo` has them. They name a superblock (of btrfs an anonymous one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Major number; 0 for filesystems without a block device of their own.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// What happens to a filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is frozen.
    Freeze,
    /// It is left alone, and that is right: the reason.
    Skip(String),
    /// It ought to be frozen and cannot be: the reason. With one of these nothing is frozen.
    Fail(String),
}

impl Verdict {
    /// `freeze`, `skip` or `fail`, as D-Bus and `hvctl` say it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Skip(_) => "skip",
            Self::Fail(_) => "fail",
        }
    }

    /// The reason; for what is frozen none.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Freeze => "",
            Self::Skip(reason) | Self::Fail(reason) => reason,
        }
    }
}

/// One superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is mounted; of several places the one by which it is opened, the shortest that nothing covers.
    pub mount: PathBuf,
    /// The other places, the next best to open it by first; without those where opening may not end, if there are others. Of
    /// places that lead elsewhere, because something is mounted over them, none; they are here only if there are no others,
    /// and then it is not frozen.
    pub also: Vec<PathBuf>,
    /// Its type, as `ext4`.
    pub kind: String,
    /// What was mounted, as `/dev/sda1`.
    pub source: String,
    /// Names the superblock.
    pub device: Device,
    /// `mountinfo`'s number of the mount at [`mount`](Self::mount).
    pub mount_id: u64,
    /// How high it stands on others that are frozen too: 0 on none, else one more than the highest of those. What is higher
    /// is frozen earlier, and thawed later: freezing writes, and what it writes must not meet a frozen disk below.
    pub level: u16,
    /// Why it stands where it does in the order, for people; empty at level 0 on nothing.
    pub order: String,
    /// What happens to it.
    pub verdict: Verdict,
    /// It is on a disk of this machine, may be written to, and is not frozen because it cannot be: what a backup has of it
    /// may be inconsistent.
    pub at_risk: bool,
}

/// What is frozen, in order; then what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// First all that is frozen, highest [`level`](Entry::level) first, and within a level mounts below others' mount points
    /// before those, the root last; then all the rest.
    pub entries: Vec<Entry>,
    /// The patterns of [`include`](Rules::include) that fit no mount point at all.
    pub unmatched: Vec<String>,
}

impl Plan {
    /// What is frozen, in order.
    pub fn targets(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.verdict == Verdict::Freeze)
    }

    /// Why nothing may be frozen; `None` if it may. To freeze nothing at all and call that a backup would be a lie.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match self.entries.iter().find(|entry| matches!(entry.verdict, Verdict::Fail(_))) {
            Some(failing) => {
                let (mount, kind) = (failing.mount.display(), &failing.kind);
                Some(format!("{mount} ({kind}) cannot be frozen: {}", failing.verdict.reason()))
            }
            None if self.targets().next().is_some() => None,
            // Nothing that a backup could find inconsistent, and nobody who expects otherwise.
            None if self.unmatched.is_empty() && !self.entries.iter().any(|entry| entry.at_risk) => None,
            None => Some(format!("nothing would be frozen: {}; see hvctl vss plan", self.why_nothing())),
        }
    }

    /// What tells most about why nothing is frozen.
    fn why_nothing(&self) -> String {
        if let Some(pattern) = self.unmatched.first() {
            return format!("'{pattern}' in include fits no mount point");
        }
        let is_local = |entry: &&Entry| kinds::Class::of(&entry.kind, entry.device).is_local();
        let local = || self.entries.iter().filter(is_local);
        match local().find(|entry| entry.at_risk).or_else(|| local().next()) {
            Some(entry) => format!("{} ({}): {}", entry.mount.display(), entry.kind, entry.verdict.reason()),
            None => "no filesystem is on a disk of this machine".to_owned(),
        }
    }
}

/// What of the machine is looked at.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc`: `self/mountinfo` and `cmdline` below it.
    pub proc: PathBuf,
    /// `/sys`: `dev/block`, `class/block` and `fs/btrfs` below it.
    pub sys: PathBuf,
}

/// What the administrator says about it: `[vss]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Patterns ([`hv_utils_core::glob`]) of mount points; if there are any, only these are frozen (`include`).
    /// One place of several that fits is enough.
    pub include: Vec<String>,
    /// Patterns of mount points that are left alone (`exclude`). A filesystem has the names of all places that show as much
    /// of it as the one that the plan names; but the root only that of `/`.
    pub exclude: Vec<String>,
    /// Patterns of types that are left alone (`exclude-types`).
    pub exclude_types: Vec<String>,
    /// Whether a filesystem on a disk of this machine that cannot be frozen stops everything (`on-unfreezable = "fail"`).
    pub fail_on_unfreezable: bool,
    /// Types that the kernel has refused to freeze: no configuration, but what was learnt.
    pub refused_types: Vec<String>,
}

#[cfg(test)]
mod tests;
