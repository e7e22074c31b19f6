//! The six daemons: names here, on the bus and on the host, and where their programs are.
//!
//! A table and a search, nothing that talks. The host-side names are those of `Enable-VMIntegrationService`,
//! because the advice hvctl gives often has to be followed over there.

use std::path::{Path, PathBuf};

use hv_utils_core::wire::Ic;

/// One daemon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Daemon {
    /// The integration component it serves.
    pub(crate) ic: Ic,
    /// Its program, and its systemd unit.
    pub(crate) name: &'static str,
    /// Its name on the bus.
    pub(crate) bus_name: &'static str,
    /// Its root object.
    pub(crate) object: &'static str,
    /// What the host's administrator knows the service as.
    pub(crate) host_name: &'static str,
    /// Whether the kernel's hv_utils serves the host without any daemon.
    pub(crate) kernel_suffices: bool,
}

/// All of them, in the order in which they are shown.
pub(crate) const DAEMONS: [Daemon; 6] = [
    Daemon {
        ic: Ic::Kvp,
        name: "hv-kvpd",
        bus_name: "org.hvutils.Kvp1",
        object: "/org/hvutils/Kvp1",
        host_name: "Key-Value Pair Exchange",
        kernel_suffices: false,
    },
    Daemon {
        ic: Ic::Vss,
        name: "hv-vssd",
        bus_name: "org.hvutils.Vss1",
        object: "/org/hvutils/Vss1",
        host_name: "VSS",
        kernel_suffices: false,
    },
    Daemon {
        ic: Ic::TimeSync,
        name: "hv-timesyncd",
        bus_name: "org.hvutils.TimeSync1",
        object: "/org/hvutils/TimeSync1",
        host_name: "Time Synchronization",
        kernel_suffices: true,
    },
    Daemon {
        ic: Ic::Shutdown,
        name: "hv-shutdownd",
        bus_name: "org.hvutils.Shutdown1",
        object: "/org/hvutils/Shutdown1",
        host_name: "Shutdown",
        kernel_suffices: true,
    },
    Daemon {
        ic: Ic::Heartbeat,
        name: "hv-heartbeatd",
        bus_name: "org.hvutils.Heartbeat1",
        object: "/org/hvutils/Heartbeat1",
        host_name: "Heartbeat",
        kernel_suffices: true,
    },
    Daemon {
        ic: Ic::FileCopy,
        name: "hv-fcopyd",
        bus_name: "org.hvutils.FileCopy1",
        object: "/org/hvutils/FileCopy1",
        host_name: "Guest Service Interface",
        kernel_suffices: false,
    },
];

impl Daemon {
    /// Its program: where [`places`] says that hvctl looks; with `only`, there.
    pub(crate) fn program(&self, only: Option<&Path>) -> Option<PathBuf> {
        program(self.name, only)
    }
}

/// The program of that name: where [`places`] says that hvctl looks; with `only`, there.
pub(crate) fn program(name: &str, only: Option<&Path>) -> Option<PathBuf> {
    let directories = match only {
        Some(directory) => vec![directory.to_path_buf()],
        None => places(std::env::current_exe().ok().as_deref()),
    };
    directories.into_iter().map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// Where the daemons' programs may be, the likeliest first: next to hvctl (a build tree finds its own), in the
/// `libexec` of hvctl's own prefix (`make install` puts both below one), in those of the usual prefixes.
fn places(hvctl: Option<&Path>) -> Vec<PathBuf> {
    let beside = hvctl.and_then(Path::parent);
    let own_prefix = beside.and_then(Path::parent).map(|prefix| prefix.join("libexec/hv-utils"));
    let usual = ["/usr/local/libexec/hv-utils", "/usr/libexec/hv-utils", "/usr/sbin"].map(PathBuf::from);
    beside.map(Path::to_path_buf).into_iter().chain(own_prefix).chain(usual).collect()
}

#[cfg(test)]
mod tests;
