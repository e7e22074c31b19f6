//! What a kernel's version says about raw VMBus.
//!
//! Before Linux 6.10 `uio_hv_generic` refuses channels without a monitor page, which are all integration components
//! (commit 547fa4ffd799 changed it). Distributions have carried related fixes back, but not that one, as far as is known.

use std::fmt;

/// The first version whose `uio_hv_generic` takes integration components.
pub const RAW_SINCE: (u32, u32) = (6, 10);

/// The running kernel, by its release (`uname -r`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    release: String,
    version: Option<(u32, u32)>,
}

impl Kernel {
    /// From the text of `/proc/sys/kernel/osrelease`, for example `6.12.95+deb12-cloud-amd64`.
    #[must_use]
    pub fn new(release: &str) -> Self {
        let release = release.trim();
        let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
        let version = match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        };
        Self { release: release.to_owned(), version }
    }

    /// Whether integration components can be had as raw VMBus devices.
    #[must_use]
    pub fn has_raw(&self) -> bool {
        self.version.is_some_and(|version| version >= RAW_SINCE)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.release.is_empty() { f.write_str("of unknown version") } else { f.write_str(&self.release) }
    }
}
