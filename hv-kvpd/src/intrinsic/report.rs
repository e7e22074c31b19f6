//! What could not be found out or was refused: sentences for a person, each once.
//!
//! Nothing is logged here; the service does that with what [`super::Intrinsics::take_reports`] gives.

use std::path::PathBuf;

use rustix::io::Errno;

use super::items::{MAX_KEY_UNITS, MAX_VALUE_UNITS};
use super::watch::Sources;
use hv_utils_core::network::NetworkError;

/// Reports kept for a reader that does not come.
const MAX_UNREAD: usize = 1024;

/// Why a source does not give what it should. The daemon goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Report {
    /// inotify does not work, or not everywhere.
    #[error(
        "files are not followed ({0}): host name, system name and own items may be out of date until a reload; \
         see fs.inotify.max_user_instances and max_user_watches"
    )]
    FilesNotFollowed(Errno),
    /// Neither `os-release` could be read.
    #[error("no os-release file could be read ({0}): the host is shown the kernel's name only")]
    NoOsRelease(Errno),
    /// Interfaces and addresses are not known.
    #[error("the host is shown no addresses: {0}")]
    Network(NetworkError),
    /// More addresses than a value holds.
    #[error(
        "not all addresses fit into {MAX_VALUE_UNITS} characters: exclude interfaces in [network] exclude"
    )]
    AddressesLeftOut,
    /// The directory of the administrator's items could not be read.
    #[error("{directory} could not be read ({error}): none of its items is shown to the host")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The system's word.
        error: Errno,
    },
    /// More files than items are allowed.
    #[error("{directory} holds more than {kept} items: only the first {kept} by name are shown to the host")]
    TooMany {
        /// The directory.
        directory: PathBuf,
        /// Those that are shown.
        kept: usize,
    },
    /// One of the administrator's items.
    #[error("{file} is not shown to the host: {why}")]
    Refused {
        /// The item's file.
        file: PathBuf,
        /// What is wrong with it.
        why: Refusal,
    },
}

/// Why one of the administrator's items is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The system does not let us.
    #[error("it cannot be read ({0})")]
    Unreadable(Errno),
    /// A directory, a device, a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// Keys are text.
    #[error("its name is not UTF-8")]
    NameNotUtf8,
    /// Longer than a key may be.
    #[error("its name is longer than {MAX_KEY_UNITS} UTF-16 units")]
    NameTooLong,
    /// One of the keys that are not the administrator's, in whatever case.
    #[error("its name is that of a built-in item")]
    BuiltIn,
    /// Values are text.
    #[error("its content is not UTF-8")]
    NotUtf8,
    /// The host would read only what is before it.
    #[error("its content has a NUL in it")]
    Nul,
    /// Longer than a value may be.
    #[error("its content is longer than {MAX_VALUE_UNITS} UTF-16 units")]
    TooLong,
}

/// Reports that hold at present, and those of them that nobody has read yet.
#[derive(Debug, Default)]
pub(super) struct Reports {
    standing: Vec<(Sources, Report)>,
    unread: Vec<Report>,
}

impl Reports {
    /// Adds a report that holds from now on.
    pub(super) fn add(&mut self, report: Report) {
        self.note(&report);
        self.standing.push((Sources::ALL, report));
    }

    /// From now on exactly `reports` hold for `source`; those that did before are not told again.
    pub(super) fn replace(&mut self, source: Sources, reports: impl IntoIterator<Item = Report>) {
        let reports: Vec<Report> = reports.into_iter().collect();
        for report in &reports {
            self.note(report);
        }
        self.standing.retain(|(of, _)| *of != source);
        self.standing.extend(reports.into_iter().map(|report| (source, report)));
    }

    /// Forgets what `earlier` has told already.
    pub(super) fn forget_known(&mut self, earlier: &Reports) {
        self.unread.retain(|report| !earlier.is_standing(report) || earlier.unread.contains(report));
    }

    /// Reports that nobody has read yet.
    pub(super) fn unread(&self) -> usize {
        self.unread.len()
    }

    pub(super) fn take(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.unread)
    }

    fn note(&mut self, report: &Report) {
        if self.unread.len() < MAX_UNREAD && !self.is_standing(report) {
            self.unread.push(report.clone());
        }
    }

    fn is_standing(&self, report: &Report) -> bool {
        self.standing.iter().any(|(_, standing)| standing == report)
    }
}
