//! The cases: what is to be true under a real kernel, in the order in which a machine plays them.
//!
//! A stage is one boot; its cases follow each other on the same machine. After a failure the next case gets a new one,
//! since nobody knows what the failure has left. The last case of a stage ends its machine.

pub mod fixtures;

mod adapter;
mod addresses;
mod differences;
mod driver;
mod guest;
mod injection;
mod old;
mod raw;
mod scenario;
mod stock;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub(crate) use adapter::MAC;

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
        }
    }

    fn setup(self) -> Setup {
        match self {
            Stage::Stock | Stage::Raw => Setup::new("6.12"),
            Stage::Reoffer => Setup::new("6.12").host(&["--reoffer-on-close"]),
            Stage::Old => Setup::new("6.1"),
        }
    }
}

const STAGES: [Stage; 4] = [Stage::Stock, Stage::Raw, Stage::Reoffer, Stage::Old];

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

/// All of them, in order.
pub const ALL: &[Case] = &[
    Case {
        name: "kernel_finds_hyper_v_and_every_service",
        stage: Stage::Stock,
        play: stock::kernel_finds_every_service,
    },
    Case { name: "kernel_answers_heartbeats", stage: Stage::Stock, play: stock::kernel_answers_heartbeats },
    Case {
        name: "kernel_sets_its_clock_by_the_host",
        stage: Stage::Stock,
        play: stock::kernel_sets_its_clock_by_the_host,
    },
    Case {
        name: "c_vss_daemon_freezes_and_thaws",
        stage: Stage::Stock,
        play: stock::c_daemon_freezes_and_thaws,
    },
    Case { name: "c_kvp_daemon_exchanges_items", stage: Stage::Stock, play: stock::c_daemon_exchanges_items },
    Case {
        name: "kvpd_on_hv_utils_answers_like_the_c_daemon",
        stage: Stage::Stock,
        play: stock::kvpd_on_hv_utils_answers_like_the_c_daemon,
    },
    Case {
        name: "c_kvp_daemon_and_kvpd_tell_the_same_about_an_adapter",
        stage: Stage::Stock,
        play: addresses::c_daemon_and_kvpd_side_by_side,
    },
    Case {
        name: "kvpd_tells_about_an_adapter_from_memory",
        stage: Stage::Stock,
        play: addresses::answer_from_memory_makes_few_calls,
    },
    Case {
        name: "c_kvp_daemon_of_debian_configures_no_adapter",
        stage: Stage::Stock,
        play: injection::c_daemon_configures_nothing,
    },
    Case {
        name: "host_configures_an_adapter_in_texts",
        stage: Stage::Stock,
        play: injection::adapter_is_configured_in_texts,
    },
    Case { name: "kvpd_restarts_on_hv_utils", stage: Stage::Stock, play: stock::daemon_restarts_on_hv_utils },
    Case {
        name: "second_daemon_is_refused_the_char_device",
        stage: Stage::Stock,
        play: stock::second_daemon_is_refused_the_device,
    },
    Case {
        name: "hv_utils_unbound_under_kvpd_comes_back",
        stage: Stage::Stock,
        play: stock::driver_unbound_under_the_daemon_comes_back,
    },
    Case {
        name: "host_shuts_the_machine_down",
        stage: Stage::Stock,
        play: stock::host_shuts_the_machine_down,
    },
    Case {
        name: "kernel_hands_over_rings_in_which_the_host_has_spoken",
        stage: Stage::Raw,
        play: raw::kernel_hands_over_rings_in_which_the_host_has_spoken,
    },
    Case { name: "kvpd_takes_the_raw_channel", stage: Stage::Raw, play: raw::kvpd_takes_the_raw_channel },
    Case {
        name: "every_kvp_operation_on_the_raw_channel",
        stage: Stage::Raw,
        play: raw::every_operation_on_the_raw_channel,
    },
    Case {
        name: "kvpd_tells_about_an_adapter_in_binary",
        stage: Stage::Raw,
        play: addresses::binary_form_on_the_raw_channel,
    },
    Case {
        name: "host_configures_an_adapter_in_binary",
        stage: Stage::Raw,
        play: injection::adapter_is_configured_in_binary,
    },
    Case {
        name: "kvpd_restarts_on_the_raw_channel",
        stage: Stage::Raw,
        play: raw::daemon_restarts_on_the_raw_channel,
    },
    Case {
        name: "device_removed_under_kvpd_comes_back_as_another_uio",
        stage: Stage::Raw,
        play: raw::device_removed_under_the_daemon_comes_back_as_another_uio,
    },
    Case {
        name: "drivers_change_while_exchanges_run",
        stage: Stage::Raw,
        play: raw::drivers_change_while_exchanges_run,
    },
    Case {
        name: "service_is_switched_off_and_on_20_times",
        stage: Stage::Raw,
        play: raw::service_is_switched_off_and_on,
    },
    Case {
        name: "hv_driver_moves_every_service_both_ways",
        stage: Stage::Raw,
        play: driver::every_service_both_ways,
    },
    Case {
        name: "hvctl_moves_a_service_over_the_bus",
        stage: Stage::Raw,
        play: driver::hvctl_moves_a_service_over_the_bus,
    },
    Case {
        name: "automatic_choice_measures_what_the_kernel_takes",
        stage: Stage::Raw,
        play: driver::automatic_choice_measures_what_the_kernel_takes,
    },
    Case {
        name: "hv_driver_killed_at_any_moment_leaves_probing_on",
        stage: Stage::Raw,
        play: driver::killed_at_any_moment_leaves_probing_on,
    },
    Case {
        name: "heartbeat_goes_on_through_all_that",
        stage: Stage::Raw,
        play: raw::other_services_keep_running_meanwhile,
    },
    Case { name: "host_restarts_the_machine", stage: Stage::Raw, play: raw::host_restarts_the_machine },
    Case {
        name: "kvp_gets_past_a_host_that_offers_it_anew",
        stage: Stage::Reoffer,
        play: driver::kvp_gets_past_a_host_that_offers_it_anew,
    },
    Case {
        name: "restart_on_uio_loses_the_device_and_apply_takes_it_back",
        stage: Stage::Reoffer,
        play: driver::restart_on_uio_loses_the_device_and_apply_takes_it_back,
    },
    Case {
        name: "kvp_goes_back_past_that_host_too",
        stage: Stage::Reoffer,
        play: driver::kvp_goes_back_past_that_host_too,
    },
    Case {
        name: "hv_driver_killed_while_the_host_offers_anew",
        stage: Stage::Reoffer,
        play: driver::killed_at_any_moment_leaves_probing_on,
    },
    Case {
        name: "older_kernel_answers_heartbeats",
        stage: Stage::Old,
        play: stock::kernel_answers_heartbeats,
    },
    Case {
        name: "older_kernel_sets_its_clock_by_the_host",
        stage: Stage::Old,
        play: stock::kernel_sets_its_clock_by_the_host,
    },
    Case {
        name: "c_vss_daemon_freezes_and_thaws_an_older_kernel",
        stage: Stage::Old,
        play: stock::c_daemon_freezes_and_thaws,
    },
    Case {
        name: "c_kvp_daemon_exchanges_items_on_an_older_kernel",
        stage: Stage::Old,
        play: stock::c_daemon_exchanges_items,
    },
    Case {
        name: "kvpd_on_an_older_kernel",
        stage: Stage::Old,
        play: stock::kvpd_on_hv_utils_answers_like_the_c_daemon,
    },
    Case {
        name: "older_kernel_refuses_the_raw_channel",
        stage: Stage::Old,
        play: old::older_kernel_refuses_the_raw_channel,
    },
    Case {
        name: "host_shuts_an_older_kernel_down",
        stage: Stage::Old,
        play: stock::host_shuts_the_machine_down,
    },
];

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

/// Plays the cases whose names contain one of `only` (all, if that is empty).
pub fn play(images: &Images, only: &[String], dir: &Path, counts: &mut Counts) {
    let wanted = |case: &Case| only.is_empty() || only.iter().any(|part| case.name.contains(part.as_str()));
    for stage in STAGES {
        let cases: Vec<&Case> = ALL.iter().filter(|case| case.stage == stage && wanted(case)).collect();
        if !cases.is_empty() {
            play_stage(images, stage, &cases, dir, counts);
        }
    }
}

fn play_stage(images: &Images, stage: Stage, cases: &[&Case], dir: &Path, counts: &mut Counts) {
    let setup = stage.setup();
    if !images.has_kernel(&setup.kernel) {
        for case in cases {
            let why = format!("no kernel {} among this release's packages", setup.kernel);
            counts.add(case.name, std::time::Duration::ZERO, &Ending::Skipped(why));
        }
        return;
    }
    remember_where_panics_happen();
    let mut machine = None;
    for (number, case) in cases.iter().enumerate() {
        let mut current = match machine.take() {
            Some(machine) => machine,
            None => match boot(images, &setup, &dir.join(format!("{}{number}", stage.name()))) {
                Ok(machine) => machine,
                Err(why) => {
                    counts.add(case.name, std::time::Duration::ZERO, &Ending::Failed(why));
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
        counts.add(case.name, began.elapsed(), &ending);
        match ending {
            Ending::Failed(_) => post_mortem(&current),
            Ending::Passed | Ending::Skipped(_) => machine = Some(current),
        }
    }
}

fn boot(images: &Images, setup: &Setup, dir: &Path) -> Result<Machine, String> {
    let booted = Machine::boot(images, setup, dir);
    match &booted {
        Ok(machine) => {
            let seconds = machine.booted_in().as_secs_f64();
            println!("boot  {seconds:6.1} s  kernel {}, {}", setup.kernel, setup.host.join(" "));
        }
        Err(_) => post_mortem_of_boot(dir),
    }
    booted
}

/// Where the last panic happened: the report is ours, and not the runtime's.
static PLACE: Mutex<String> = Mutex::new(String::new());

fn remember_where_panics_happen() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
}

fn sentence(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word");
    format!("{text}\n(at {})", PLACE.lock().unwrap_or_else(PoisonError::into_inner))
}
