//! Where the parts of a machine are: what the scripts have made and fetched.

use std::path::{Path, PathBuf};

use super::probe::Way;

/// The parts, and how machines are to be run here.
#[derive(Debug, Clone)]
pub struct Images {
    /// What `images.sh` has made.
    pub images: PathBuf,
    /// Debian's packages: QEMU and its libraries.
    pub tools: PathBuf,
    /// Our programs on this side: `hv-testhost`.
    pub programs: PathBuf,
    /// The device library for QEMU.
    pub library: PathBuf,
    /// QEMU's class layout.
    pub layout: String,
    /// The script that starts a guest on a KVM.
    pub start_guest: PathBuf,
    /// With the outer machine or without.
    pub way: Way,
}

impl Images {
    /// The emulator.
    #[must_use]
    pub fn qemu(&self) -> PathBuf {
        self.tools.join("usr/bin/qemu-system-x86_64")
    }

    /// Directories with the emulator's libraries.
    #[must_use]
    pub fn libraries(&self) -> String {
        let directory = |name: &str| self.tools.join(name).display().to_string();
        [directory("usr/lib/x86_64-linux-gnu"), directory("lib/x86_64-linux-gnu")].join(":")
    }

    /// Arguments by which the emulator finds its firmware.
    #[must_use]
    pub fn data(&self) -> Vec<String> {
        ["usr/share/seabios", "usr/share/qemu", "usr/lib/ipxe/qemu"]
            .iter()
            .flat_map(|name| ["-L".to_owned(), self.tools.join(name).display().to_string()])
            .collect()
    }

    /// An image by its name.
    #[must_use]
    pub fn image(&self, name: &str) -> PathBuf {
        self.images.join(name)
    }

    /// Whether there is a guest with this kernel.
    #[must_use]
    pub fn has_kernel(&self, name: &str) -> bool {
        Path::exists(&self.image(&format!("guest-{name}.initrd")))
    }
}
