//! What a record has to tell, in words.

use super::Done;
use super::open::Unreached;
use super::record::{Record, Step};
use crate::plan::Entry;
use crate::report::{FROZEN, FilesystemReport};
use rustix::io::Errno;
use std::io;

/// What a freeze has been, when it is over.
pub(super) fn done(record: &Record, lenient: bool) -> Done {
    let filesystems: Vec<FilesystemReport> =
        (0..record.len()).map(|index| filesystem(record, index)).collect();
    let thawed = (0..record.len()).map(|index| u64::from(record.times(index).thawed)).max();
    let spoiled: Vec<usize> =
        (0..filesystems.len()).filter(|index| filesystems[*index].result != FROZEN).collect();
    let is_refused = |index: &usize| record.error(*index) == Errno::OPNOTSUPP.raw_os_error();
    let refused = spoiled.iter().filter(|index| is_refused(index));
    let refused_types = refused.map(|index| filesystems[*index].kind.clone()).collect();
    // That nothing at all was frozen is no success.
    let lenient = lenient && spoiled.len() < filesystems.len();
    let spoiled: Vec<usize> = spoiled.into_iter().filter(|index| !(lenient && is_refused(index))).collect();
    // What was not tried only tells that another one failed.
    let first = spoiled.iter().find(|index| record.error(**index) != 0).or(spoiled.first());
    let failure = first.map(|index| {
        let FilesystemReport { mount, kind, result, .. } = &filesystems[*index];
        format!("{mount} ({kind}): {result}")
    });
    let early = record.ended().map(|by| by.why().to_owned());
    Done {
        frozen_us: thawed.unwrap_or_default(),
        filesystems,
        failure: early.or(failure),
        refused_types,
        guarded: true,
    }
}

fn filesystem(record: &Record, index: usize) -> FilesystemReport {
    let (named, times) = (record.named(index), record.times(index));
    let frozen = if times.thawed == 0 { 0 } else { u64::from(times.thawed.saturating_sub(times.frozen)) };
    FilesystemReport {
        mount: named.mount.to_string_lossy().into_owned(),
        kind: named.kind,
        sync_us: times.sync.into(),
        freeze_us: times.freeze.into(),
        frozen_us: frozen,
        result: result(record.step(index), record.error(index)),
    }
}

fn result(step: Step, error: i32) -> String {
    match (step, known(error)) {
        (Step::Thawed, Some(Errno::INVAL)) => "was thawed by somebody else before its time".into(),
        (Step::Thawed, _) => FROZEN.to_owned(),
        (Step::Refused | Step::Idle, _) if error == 0 => "not tried: the freeze was given up before".to_owned(),
        (Step::Refused, Some(Errno::BUSY)) => {
            "is frozen already, by somebody else: it was left as it was. Whoever froze it has to thaw it (fsfreeze -u)".into()
        }
        (Step::Refused, Some(Errno::OPNOTSUPP)) => {
            "its type cannot be frozen: exclude it, or its type (exclude, exclude-types)".into()
        }
        (Step::Refused, Some(Errno::PERM)) => "the kernel does not permit it: CAP_SYS_ADMIN is needed".into(),
        (Step::Refused, _) => format!("did not freeze: {}", io::Error::from_raw_os_error(error)),
        (Step::Stuck, _) => format!("does not thaw: {}", io::Error::from_raw_os_error(error)),
        _ => "is still frozen".into(),
    }
}

/// A record is only a file: what is no number of an error is none.
fn known(error: i32) -> Option<Errno> {
    (1..4096).contains(&error).then(|| Errno::from_raw_os_error(error))
}

/// Why a filesystem of the plan cannot be opened.
pub(super) fn unreached(entry: &Entry, reason: Unreached) -> String {
    let (mount, kind) = (entry.mount.display(), &entry.kind);
    match reason {
        Unreached::Gone => {
            format!("{mount} ({kind}) was unmounted or covered since the plan was made: try again")
        }
        Unreached::Refused(error) => {
            format!("{mount} ({kind}) cannot be opened: {}", io::Error::from(error))
        }
    }
}
