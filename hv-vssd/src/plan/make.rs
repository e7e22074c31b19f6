//! The plan, put together: mounts, superblocks, verdicts, levels, and the order of it all.
//!
//! Nothing depends on the order in which the kernel names mounts, so the same machine has the same plan.

use super::blocks::Blocks;
use super::ground::Grounds;
use super::judge::{AT_RISK, judge, unmatched};
use super::look::{Kernel, Look};
use super::mountinfo::{self, Mount};
use super::stack::{Standing, standings};
use super::superblocks::{self, Superblock};
use super::tree::Tree;
use super::{Entry, Plan, Roots, Rules, Verdict};
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How long the list of mounts may be. The kernel allows 100,000 mounts (`fs.mount-max`), mostly of some 150 bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The list of mounts cannot be read.
    #[error("cannot read {path}: {error}. Without it nothing is known about filesystems; is /proc mounted?")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
    /// The list is longer than can be gone through while a host waits.
    #[error("{path} is longer than {} MiB: too many mounts to make a plan of", MOST_BYTES >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The list names no mount, which cannot be: to freeze nothing and call that success would be a lie.
    #[error("{path} names no mount that could be understood")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// What would be frozen now, in which order, and what not and why. Reads `mountinfo` and sysfs; opens and freezes nothing.
///
/// # Errors
/// If there is no list of mounts.
pub fn make(roots: &Roots, rules: &Rules) -> Result<Plan, PlanError> {
    let path = roots.proc.join("self/mountinfo");
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text));
    match read {
        Err(error) => return Err(PlanError::Read { path, error }),
        Ok(length) if length as u64 > MOST_BYTES => return Err(PlanError::TooLong { path }),
        Ok(_) => {}
    }
    let mounts = mountinfo::parse(&text);
    match mounts.is_empty() {
        true => Err(PlanError::Empty { path }),
        false => Ok(plan(&mounts, roots, rules, &Kernel)),
    }
}

/// The plan for these mounts.
pub(super) fn plan(mounts: &[Mount], roots: &Roots, rules: &Rules, look: &dyn Look) -> Plan {
    let tree = Tree::new(mounts);
    let superblocks = superblocks::collect(mounts, &tree, look);
    let verdicts = superblocks.iter().map(|superblock| judge(superblock, mounts, rules));
    let verdicts: Vec<Verdict> = verdicts.collect();
    let frozen: Vec<bool> = verdicts.iter().map(|verdict| *verdict == Verdict::Freeze).collect();
    let grounds = Grounds::new(mounts, &superblocks, &tree, Blocks::new(roots, look));
    let standings = standings(mounts, &superblocks, &frozen, &grounds);
    let entries = superblocks.iter().zip(verdicts).zip(standings);
    let entries =
        entries.map(|((superblock, verdict), standing)| entry(superblock, mounts, verdict, standing));
    let mut entries: Vec<Entry> = entries.collect();
    entries.sort_by_cached_key(place_in_order);
    Plan { entries, unmatched: unmatched(mounts, rules) }
}

fn entry(superblock: &Superblock, mounts: &[Mount], verdict: Verdict, standing: Standing) -> Entry {
    let mount = superblock.mount(mounts);
    let places = if superblock.near > 0 { superblock.near } else { superblock.places.len() };
    let also = superblock.places[1..places].iter().map(|index| mounts[*index].point.clone());
    Entry {
        mount: mount.point.clone(),
        also: also.collect(),
        kind: mount.kind.clone(),
        source: mount.source.to_string_lossy().into_owned(),
        device: superblock.device,
        mount_id: mount.id,
        level: standing.level,
        order: standing.order,
        at_risk: verdict.reason().ends_with(AT_RISK),
        verdict,
    }
}

/// What is frozen by level; in a level the deeper mount points first, so that each comes before those above it.
fn place_in_order(entry: &Entry) -> (bool, Reverse<u16>, Reverse<usize>, PathBuf, super::Device) {
    let frozen = entry.verdict == Verdict::Freeze;
    let path = entry.mount.as_os_str().as_bytes();
    let deep = frozen && path != b"/";
    let depth = if deep { path.iter().filter(|byte| **byte == b'/').count() } else { 0 };
    (!frozen, Reverse(entry.level), Reverse(depth), entry.mount.clone(), entry.device)
}
