//! Values as they are on D-Bus: rows of the plan, of a freeze, of the history.
//!
//! D-Bus carries no NUL in a text, and a bus hangs up on who sends one. Hooks may write it: it becomes U+FFFD, as
//! everything does that is no character.

use std::collections::HashMap;

use serde::{Serialize, Serializer};
use tokio::sync::OwnedSemaphorePermit;
use zbus::{Signature, Type, Variant};

use crate::history::Records;
use crate::plan::{Entry, Verdict};
use crate::report::{FilesystemReport, FreezeReport, HookReport, Origin};

/// `a{sv}`.
type Dict = HashMap<&'static str, Variant<'static>>;

/// One row of `Plan()`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Type, Variant)]
pub struct PlanRow {
    /// Where it is mounted.
    pub mount: String,
    /// Its type, as `ext4`.
    pub kind: String,
    /// `freeze`, `skip` or `fail`.
    pub verdict: String,
    /// Why; of what is frozen, why it stands where it does in the order.
    pub reason: String,
}

impl From<&Entry> for PlanRow {
    fn from(entry: &Entry) -> PlanRow {
        let reason = match &entry.verdict {
            Verdict::Freeze => &entry.order,
            Verdict::Skip(reason) | Verdict::Fail(reason) => reason,
        };
        PlanRow {
            mount: text(&entry.mount.to_string_lossy()),
            kind: text(&entry.kind),
            verdict: entry.verdict.as_str().to_owned(),
            reason: text(reason),
        }
    }
}

/// `LastFreeze`; empty before the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Type, Variant)]
pub(super) struct LastFreeze {
    started: u64,
    frozen_us: u64,
    result: String,
    filesystems: Vec<LastFilesystem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Type, Variant)]
struct LastFilesystem {
    mount: String,
    kind: String,
    frozen_us: u64,
    result: String,
}

impl From<&FreezeReport> for LastFreeze {
    fn from(report: &FreezeReport) -> LastFreeze {
        let filesystem = |filesystem: &FilesystemReport| LastFilesystem {
            mount: text(&filesystem.mount),
            kind: text(&filesystem.kind),
            frozen_us: filesystem.frozen_us,
            result: text(&filesystem.result),
        };
        LastFreeze {
            started: report.started_us,
            frozen_us: report.frozen_us,
            result: text(&report.result),
            filesystems: report.filesystems.iter().map(filesystem).collect(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Type, Variant)]
struct Filesystem {
    mount: String,
    kind: String,
    sync_us: u64,
    freeze_us: u64,
    frozen_us: u64,
    result: String,
}

impl From<&FilesystemReport> for Filesystem {
    fn from(report: &FilesystemReport) -> Filesystem {
        Filesystem {
            mount: text(&report.mount),
            kind: text(&report.kind),
            sync_us: report.sync_us,
            freeze_us: report.freeze_us,
            frozen_us: report.frozen_us,
            result: text(&report.result),
        }
    }
}

#[derive(Debug, Clone, Serialize, Type, Variant)]
struct Hook {
    name: String,
    phase: String,
    took_us: u64,
    result: String,
    output: String,
}

impl From<&HookReport> for Hook {
    fn from(report: &HookReport) -> Hook {
        Hook {
            name: text(&report.name),
            phase: report.phase.as_str().to_owned(),
            took_us: report.took_us,
            result: text(&report.result),
            output: text(&report.output),
        }
    }
}

/// `History()`, and the room that it takes until it is sent: the answer is dropped when the bus has taken it.
#[derive(Debug)]
pub(super) struct Rows {
    freezes: Vec<Dict>,
    _room: OwnedSemaphorePermit,
}

impl From<(Records, OwnedSemaphorePermit)> for Rows {
    fn from((records, room): (Records, OwnedSemaphorePermit)) -> Rows {
        Rows { freezes: records.iter().map(|record| dict(record)).collect(), _room: room }
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.freezes.serialize(serializer)
    }
}

impl Type for Rows {
    const SIGNATURE: &'static Signature = <Vec<Dict> as Type>::SIGNATURE;
}

/// Who asked, in a word.
pub(super) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Host => "host",
        Origin::Bus => "bus",
    }
}

/// One record of `History()`.
fn dict(report: &FreezeReport) -> Dict {
    let filesystems: Vec<Filesystem> = report.filesystems.iter().map(Filesystem::from).collect();
    let hooks: Vec<Hook> = report.hooks.iter().map(Hook::from).collect();
    HashMap::from([
        ("started", Variant::from(report.started_us)),
        ("origin", Variant::from(origin(report.origin))),
        ("frozen-us", Variant::from(report.frozen_us)),
        ("answered-us", Variant::from(report.answered_us)),
        ("result", Variant::from(text(&report.result))),
        ("cause", Variant::from(report.cause.as_str())),
        ("filesystems", Variant::from(filesystems)),
        ("hooks", Variant::from(hooks)),
    ])
}

/// A text that a bus carries.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
