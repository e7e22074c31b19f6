//! What is wrong with a configuration, and where.
//!
//! A finding is one line for a person: `file:line: key: what, what to do`. Findings are collected, never
//! returned at the first: whoever edits a file sees all that is wrong with it at once.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

/// Whether the configuration can be used in spite of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It can; someone should look at it.
    Warning,
    /// It cannot.
    Error,
}

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's path as it was opened.
    pub file: Rc<Path>,
    /// Line from 1; 0 for the file as a whole.
    pub line: u32,
    /// Position of the file among all that were read: findings come in the order of reading.
    pub(super) order: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// Where; `None` if it is in no file.
    pub place: Option<Place>,
    /// `table.key`, `[table]`, or empty for a file as a whole.
    pub key: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Findings in the order of files and lines, not of discovery.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        finding.place.as_ref().map_or((u32::MAX, 0), |place| (place.order, place.line))
    });
}
