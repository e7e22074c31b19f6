//! What is asked of a guest's file copy: which file goes where, and how the host is to behave on the way.
//!
//! Values as they were typed, and how they are written as words again; what is sent is `host::fcopy`'s.

use std::path::PathBuf;

use clap::Args;
use hv_utils_core::wire::fcopy::MAX_DATA;

/// Most bytes of a file in one WRITE.
const MOST: u32 = MAX_DATA as u32;

/// A file, where it goes, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CopyAsk {
    /// File of this machine's
    #[arg(value_name = "SOURCE", value_parser = source)]
    pub source: PathBuf,
    /// Where to in the guest: what is after the last / is the file's name, and the source's where nothing is
    #[arg(value_name = "DESTINATION")]
    pub destination: String,
    /// Have directories made that are missing
    #[arg(long)]
    pub create_full_path: bool,
    /// Have a file replaced that is there
    #[arg(long)]
    pub force: bool,
    /// Most bytes of the file in one WRITE, at most 6144
    #[arg(long, value_name = "BYTES", default_value_t = MOST, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    pub chunk: u32,
    /// Stop after so many bytes without a word
    #[arg(long, value_name = "BYTES", conflicts_with = "cancel_after")]
    pub cut_after: Option<u64>,
    /// Send CANCEL after so many bytes
    #[arg(long, value_name = "BYTES")]
    pub cancel_after: Option<u64>,
    /// Make the last WRITE as short as its data instead of as long as the others (which of both real hosts do is not
    /// verified)
    #[arg(long)]
    pub short_last: bool,
}

impl CopyAsk {
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec![format!("--chunk={}", self.chunk)];
        let flags = [
            ("--create-full-path", self.create_full_path),
            ("--force", self.force),
            ("--short-last", self.short_last),
        ];
        options.extend(flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned()));
        options.extend(self.cut_after.map(|bytes| format!("--cut-after={bytes}")));
        options.extend(self.cancel_after.map(|bytes| format!("--cancel-after={bytes}")));
        options
    }

    /// The two names that a START has: the path, and the file's name.
    #[must_use]
    pub fn names(&self) -> (&str, String) {
        let (path, name) = match self.destination.rsplit_once('/') {
            None => ("", self.destination.as_str()),
            // The root would otherwise be no path at all.
            Some(("", name)) => ("/", name),
            Some(names) => names,
        };
        let own = || self.source.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = if name.is_empty() { own().unwrap_or_default() } else { name.to_owned() };
        (path, name)
    }
}

/// Reads a path, which becomes absolute, since the host that reads the file may be another process.
fn source(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| format!("\"{text}\": {error}"))
}
