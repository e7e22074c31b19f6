//! The cases: what is to be true under a real kernel, in the order in which a machine plays them.
//!
//! A stage is one boot; its cases follow each other on the same machine. After a failure the next case gets a new one,
//! since nobody knows what the failure has left. The last case of a stage ends its machine.
//!
//! Where there are two processors, one stage is played beside the others; the one that measures clocks is alone.

pub mod fixtures;

mod adapter;
mod addresses;
mod backup;
mod beat;
pub(crate) mod copy;
mod differences;
mod disks;
mod driver;
mod guest;
mod injection;
mod old;
mod play;
mod power;
mod raw;
mod scenario;
mod stock;
mod systemd;
mod table;
pub(crate) mod time;

pub(crate) use adapter::MAC;
pub use play::play;
pub use table::ALL;

use crate::machine::{Machine, Setup};

/// One boot with its circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A current kernel that keeps its channels, and the C daemons.
    Stock,
    /// A current kernel whose channels are taken over.
    Raw,
    /// The same with a host that makes a new device of each closed KVP channel, as real hosts do.
    Reoffer,
    /// An older kernel, which cannot give its channels away.
    Old,
    /// A current kernel whose "/" is on a disk, so that it can be frozen.
    Backup,
    /// The same with the older kernel.
    BackupOld,
    /// The same with a kernel that has f2fs.
    BackupGeneral,
    /// A current kernel whose clock is kept by one after the other.
    Time,
    /// A current kernel with systemd as init, and every service on the raw channel.
    Systemd,
}

impl Stage {
    /// Its name in reports and as a directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Stock => "stock",
            Stage::Raw => "raw",
            Stage::Reoffer => "reoffer",
            Stage::Old => "old",
            Stage::Backup => "backup",
            Stage::BackupOld => "backup-old",
            Stage::BackupGeneral => "backup-general",
            Stage::Time => "time",
            Stage::Systemd => "systemd",
        }
    }

    fn setup(self) -> Setup {
        match self {
            Stage::Stock | Stage::Raw | Stage::Time => Setup::new("6.12"),
            Stage::Reoffer => Setup::new("6.12").host(&["--reoffer-on-close"]),
            Stage::Old => Setup::new("6.1").served(SERVED),
            Stage::Backup => Setup { root: true, ..Setup::new("6.12") },
            Stage::BackupOld => Setup { root: true, ..Setup::new("6.1") },
            Stage::BackupGeneral => Setup { root: true, ..Setup::new("general") },
            Stage::Systemd => {
                let setup = Setup::new("6.12").served(SERVED);
                Setup { systemd: true, reboots: true, memory: MEMORY, capture: false, ..setup }
            }
        }
    }
}

/// Every service.
const SERVED: &str = "kvp,heartbeat,shutdown,timesync,vss,fcopy";
/// Memory of a guest with six services on the raw channel, 47 MiB each, and a copied file in memory, MB.
const MEMORY: u32 = 1280;

const STAGES: [Stage; 9] = [
    Stage::Stock,
    Stage::Raw,
    Stage::Reoffer,
    Stage::Old,
    Stage::Backup,
    Stage::BackupOld,
    Stage::BackupGeneral,
    Stage::Time,
    Stage::Systemd,
];

/// One case.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The situation it is about.
    pub name: &'static str,
    /// The boot it belongs to.
    pub stage: Stage,
    /// What is done; it panics if something is not as it should be.
    pub play: fn(&mut Machine),
}

/// Starts the guest's system bus, for those who measure.
#[track_caller]
pub(crate) fn start_bus(machine: &Machine) {
    guest::bus(machine);
}

/// Gives the guest a network adapter, for those who measure.
#[track_caller]
pub(crate) fn plug_adapter(machine: &Machine) {
    adapter::plug(machine);
}

/// Gives the KVP device to a driver.
#[track_caller]
pub(crate) fn bind_kvp(machine: &Machine, driver: &str) {
    guest::bind(machine, guest::KVP, driver);
}

/// Gives the file copy device to uio_hv_generic.
#[track_caller]
pub(crate) fn bind_fcopy(machine: &Machine) {
    guest::bind(machine, guest::FILE_COPY, "uio_hv_generic");
}
