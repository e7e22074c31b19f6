//! The auto pool: what this guest tells the host about itself, true at the moment it is asked.
//!
//! Every source is read once and again when the kernel says that it changed: the host name by poll on its file
//! in `/proc/sys`, files by inotify, addresses by netlink. Nothing is asked for periodically, nothing is looked up
//! in the DNS, no program is run, and what cannot be found out is an empty value and a [`Report`], never an error
//! text. Serving an item is a copy from memory.
//!
//! | # | key | value |
//! | --- | --- | --- |
//! | 0 | `FullyQualifiedDomainName` | kernel's host name, completed from `hosts`, `hostname`, `resolv.conf`: see `fqdn.rs` |
//! | 1 | `IntegrationServicesVersion` | [`Options::services_version`]: what the char device said, else "3.1" |
//! | 2, 3 | `NetworkAddressIPv4`, `NetworkAddressIPv6` | see [`hv_utils_core::network::Selection`]; `;` between them |
//! | 4 | `OSBuildNumber` | the kernel's release, whole |
//! | 5 | `OSName` | os-release `NAME`, else the kernel's name |
//! | 6 | `OSMajorVersion` | os-release `VERSION_ID`, whole, as the C daemon sends it |
//! | 7 | `OSMinorVersion` | "" |
//! | 8 | `OSVersion` | the kernel's release up to the first `-` |
//! | 9 | `ProcessorArchitecture` | the kernel's machine, as `x86_64` |
//!
//! "3.1" is what every Linux guest has shown since 2012, whichever versions it negotiated; tools compare it. So
//! the raw channel shows it too, and the negotiated version is on D-Bus.
//!
//! Then what Windows guests publish besides, where Linux has a true value for it:
//!
//! | key | Windows | here |
//! | --- | --- | --- |
//! | `CSDVersion` | latest service pack, empty if none | "Service Pack N" on SUSE's enterprise systems, else empty |
//! | `ServicePackMajor` | number of it | as above; left out where there is none: a 0 would claim the concept |
//! | `OSEditionId` | edition (SKU) | os-release `VARIANT_ID`; left out without one |
//! | `OSVendor` | maker of the system | os-release `VENDOR_NAME`; left out without one |
//! | `ServicePackMinor` | minor number of it | left out: SUSE's packs have none |
//! | `OSPlatformId` | 1, 2: which Windows | left out: this is none |
//! | `ProductType`, `SuiteMask` | licence of Windows | left out: this has none |
//! | `RDPAddressIPv4`, `-IPv6` | where RDP listens | left out: not known without looking again and again |
//! | `OSSignature` | not documented | left out |
//!
//! And last the administrator's own, a file each: see `drop_ins.rs`.
//!
//! A unit that runs this must not set `ProtectHostname=yes` (its own, frozen host name), and must allow AF_NETLINK.

mod again;
mod drop_ins;
mod files;
mod fqdn;
mod host_name;
mod items;
mod network;
mod os_release;
mod report;
mod trace;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;

use crate::network::dns::file as resolvers;
use again::Again;
use drop_ins::DropIns;
pub(crate) use files::read as read_file;
use host_name::HostName;
use hv_utils_core::network::{Monitor, Selection};
pub use items::{Change, MAX_KEY_UNITS, MAX_VALUE_UNITS};
use items::{Facts, Machine};
use report::Reports;
pub use report::{Refusal, Report};
use watch::{Sources, Subject, Watcher};

/// Where to look, and what the administrator has to say about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// `/etc`.
    pub etc_root: PathBuf,
    /// `/proc`.
    pub proc_root: PathBuf,
    /// `/sys`.
    pub sysfs_root: PathBuf,
    /// The administrator's items, a file each (`[kvp] intrinsic-dir`).
    pub directory: PathBuf,
    /// Which interfaces are shown (`[network] include`, `exclude`).
    pub selection: Selection,
    /// `IntegrationServicesVersion`, until [`Intrinsics::set_services_version`].
    pub services_version: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            etc_root: "/etc".into(),
            proc_root: "/proc".into(),
            sysfs_root: "/sys".into(),
            directory: "/etc/hv-utils/kvp/intrinsic.d".into(),
            selection: Selection::default(),
            services_version: "3.1".to_owned(),
        }
    }
}

/// The auto pool's items and what keeps them current.
#[derive(Debug)]
pub struct Intrinsics {
    options: Options,
    machine: Machine,
    facts: Facts,
    items: Vec<(String, String)>,
    host_name: HostName,
    watcher: Option<Watcher>,
    monitor: Option<Monitor>,
    /// When to open the monitor, if it is not open.
    again: Again,
    resolvers: Vec<IpAddr>,
    /// Counts what the network room has to look at again.
    revision: u64,
    reports: Reports,
}

impl Intrinsics {
    /// Reads everything and begins to follow it. Needs a tokio runtime. It cannot fail: a source that is not
    /// there is in [`Intrinsics::take_reports`], and its items are empty or left out.
    #[must_use]
    pub fn start(options: Options) -> Intrinsics {
        let mut intrinsics = Intrinsics {
            host_name: HostName::open(&options.proc_root),
            machine: Machine::this(),
            facts: Facts { services_version: options.services_version.clone(), ..Facts::default() },
            items: Vec::new(),
            watcher: None,
            monitor: None,
            again: Again::default(),
            resolvers: Vec::new(),
            revision: 0,
            reports: Reports::default(),
            options,
        };
        intrinsics.open_watcher();
        intrinsics.open_monitor();
        intrinsics.follow_files();
        intrinsics.read(Sources::ALL);
        intrinsics.read_addresses();
        intrinsics.publish();
        intrinsics
    }

    /// Begins anew with other options; tells what is different.
    pub fn restart(&mut self, options: Options) -> Vec<Change> {
        let mut new = Intrinsics::start(options);
        new.reports.forget_known(&self.reports);
        let changes = items::differences(&self.items, &new.items);
        *self = new;
        changes
    }

    /// All items in the order in which they are enumerated.
    #[must_use]
    pub fn items(&self) -> &[(String, String)] {
        &self.items
    }

    /// The value of one item.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.items.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The item that the host enumerates under `index`.
    #[must_use]
    pub fn item(&self, index: u32) -> Option<(&str, &str)> {
        let (key, value) = self.items.get(usize::try_from(index).ok()?)?;
        Some((key, value))
    }

    /// Takes another version of the integration services, as the char device tells it at registration.
    pub fn set_services_version(&mut self, version: &str) -> Vec<Change> {
        version.clone_into(&mut self.facts.services_version);
        self.publish()
    }

    /// What could not be done since this was called last. Each cause once, until it is gone and comes back.
    pub fn take_reports(&mut self) -> Vec<Report> {
        self.reports.take()
    }

    /// Waits until an item is different, new or gone, and tells which; empty if there is only a new [`Report`] or
    /// [`Intrinsics::revision`]. Everything that has happened until then is in one answer. Cancel safe: what was noticed is not lost.
    ///
    /// Whoever also waits for the host should look here first, so that the host is not told what was true before.
    pub async fn changed(&mut self) -> Vec<Change> {
        loop {
            let (reports, revision) = (self.reports.unread(), self.revision);
            let names = self.wait().await;
            // From here on nothing is awaited: a caller that stops waiting cannot lose half of it.
            let touched = self.watcher.as_mut().map_or(watch::Touched::default(), Watcher::drain);
            if touched.structure {
                self.follow_files();
            }
            self.read(touched.sources | names);
            self.drain_network();
            let changes = self.publish();
            if !changes.is_empty() || self.reports.unread() > reports || self.revision != revision {
                return changes;
            }
        }
    }

    /// Waits for any source; tells whether it was the host name, which has nothing to drain.
    async fn wait(&self) -> Sources {
        tokio::select! {
            biased;
            () = self.host_name.changed() => Sources::NAMES,
            () = readable(self.watcher.as_ref().map(Watcher::readable)) => Sources::NONE,
            () = readable(self.monitor.as_ref().map(Monitor::readable)) => Sources::NONE,
            () = self.again.wait(), if self.monitor.is_none() => Sources::NONE,
        }
    }

    fn open_watcher(&mut self) {
        match Watcher::new() {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => self.reports.add(Report::FilesNotFollowed(error)),
        }
    }

    /// Watches everything that a file's name leads through at this moment.
    fn follow_files(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let etc = &self.options.etc_root;
        let mut subjects = vec![Subject::entries(self.options.directory.clone(), Sources::DROP_INS)];
        subjects.extend(fqdn::files(etc).map(|path| Subject::file(path, Sources::NAMES)));
        subjects.extend(os_release::files(etc).map(|path| Subject::file(path, Sources::OS_RELEASE)));
        subjects.extend(resolvers::files(etc).map(|path| Subject::file(path, Sources::RESOLVERS)));
        subjects.extend(self.host_name.unpolled().map(|path| Subject::file(path, Sources::NAMES)));
        let links = drop_ins::symlinks(&self.options.directory);
        subjects.extend(links.map(|path| Subject::file(path, Sources::DROP_INS)));
        let failed = watcher.arm(&subjects);
        self.reports.replace(Sources::NONE, failed.map(Report::FilesNotFollowed));
    }

    fn read(&mut self, sources: Sources) {
        if sources.has(Sources::NAMES) {
            self.facts.fqdn = fqdn::qualify(&self.host_name.read(), &self.options.etc_root);
        }
        if sources.has(Sources::OS_RELEASE) {
            let os = os_release::read(&self.options.etc_root);
            self.reports
                .replace(Sources::OS_RELEASE, os.as_ref().err().map(|error| Report::NoOsRelease(*error)));
            self.facts.os = os.unwrap_or_default();
        }
        if sources.has(Sources::RESOLVERS) {
            self.set_resolvers(resolvers::read(&self.options.etc_root));
        }
        if sources.has(Sources::DROP_INS) {
            let DropIns { items, reports } = drop_ins::read(&self.options.directory);
            self.reports.replace(Sources::DROP_INS, reports);
            self.facts.drop_ins = items;
        }
    }

    /// Makes the items anew from the facts; tells what is different.
    fn publish(&mut self) -> Vec<Change> {
        let items = items::assemble(&self.machine, &self.facts);
        let changes = items::differences(&self.items, &items);
        if !changes.is_empty() {
            self.items = items;
        }
        changes
    }
}

/// Waits for a source that may not be there.
async fn readable(source: Option<impl Future<Output = ()>>) {
    match source {
        Some(source) => source.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
