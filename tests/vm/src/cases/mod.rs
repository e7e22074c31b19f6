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
mod power;
mod raw;
mod scenario;
mod stock;
mod systemd;
mod table;
pub(crate) mod time;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

pub(crate) use adapter::MAC;
pub use table::ALL;

use crate::machine::{Images, Machine, Setup, Skip};
use crate::report::{Counts, Ending, post_mortem, post_mortem_of_boot};

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

/// Plays the cases whose names contain one of `only` (all, if that is empty).
pub fn play(images: &Images, only: &[String], dir: &Path) -> Counts {
    let wanted = |case: &Case| only.is_empty() || only.iter().any(|part| case.name.contains(part.as_str()));
    remember_where_panics_happen();
    let play = |stage: Stage| {
        let cases: Vec<&Case> = ALL.iter().filter(|case| case.stage == stage && wanted(case)).collect();
        let mut counts = Counts::default();
        if !cases.is_empty() {
            play_stage(images, stage, &cases, dir, &mut counts);
        }
        counts
    };
    let (alone, together): (Vec<Stage>, Vec<Stage>) =
        STAGES.into_iter().partition(|stage| *stage == Stage::Time);
    let (beside, others): (Vec<Stage>, Vec<Stage>) =
        together.into_iter().partition(|stage| *stage == Stage::Systemd);
    let in_order = |stages: &[Stage]| stages.iter().map(|stage| play(*stage)).sum::<Counts>();
    let counts = if std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| in_order(&beside));
            let counts = in_order(&others);
            // Cases panic within their stage; whatever else does is no passed run.
            counts + beside.join().unwrap_or(Counts { failed: 1, ..Counts::default() })
        })
    } else {
        in_order(&others) + in_order(&beside)
    };
    counts + in_order(&alone)
}

fn play_stage(images: &Images, stage: Stage, cases: &[&Case], dir: &Path, counts: &mut Counts) {
    let setup = stage.setup();
    if !images.has_kernel(&setup.kernel) {
        for case in cases {
            let why = format!("no kernel {} among this release's packages", setup.kernel);
            counts.count(case.name, std::time::Duration::ZERO, &Ending::Skipped(why));
        }
        return;
    }
    let mut machine = None;
    for (number, case) in cases.iter().enumerate() {
        let mut current = match machine.take() {
            Some(machine) => machine,
            None => match boot(images, stage, &setup, &dir.join(format!("{}{number}", stage.name()))) {
                Ok(machine) => machine,
                Err(why) => {
                    counts.count(case.name, std::time::Duration::ZERO, &Ending::Failed(why));
                    continue;
                }
            },
        };
        let began = Instant::now();
        let ending = match catch_unwind(AssertUnwindSafe(|| {
            fixtures::mark(&current, &setup.kernel, case.name);
            (case.play)(&mut current);
        })) {
            Ok(()) => Ending::Passed,
            Err(panic) => match panic.downcast_ref::<Skip>() {
                Some(Skip(why)) => Ending::Skipped(why.clone()),
                None => Ending::Failed(sentence(&*panic)),
            },
        };
        counts.count(case.name, began.elapsed(), &ending);
        match ending {
            Ending::Failed(_) => post_mortem(&current),
            Ending::Passed | Ending::Skipped(_) => machine = Some(current),
        }
    }
}

fn boot(images: &Images, stage: Stage, setup: &Setup, dir: &Path) -> Result<Machine, String> {
    let booted = Machine::boot(images, setup, dir);
    match &booted {
        Ok(machine) => {
            let seconds = machine.booted_in().as_secs_f64();
            println!(
                "boot  {seconds:6.1} s  {}: kernel {} {}",
                stage.name(),
                setup.kernel,
                setup.host.join(" ")
            );
        }
        Err(_) => post_mortem_of_boot(dir),
    }
    booted
}

thread_local! {
    /// Where the last panic of this stage happened: the report is ours, and not the runtime's.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn remember_where_panics_happen() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        PLACE.set(place);
    }));
}

fn sentence(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word");
    format!("{text}\n(at {})", PLACE.take())
}
