//! Which driver a component should have, and the sentence that says why.
//!
//! Facts in, decision out. What is not known counts as "no": then a component stays with the kernel, where it works
//! without us. Each rule is one line of [`decide`]'s helpers, in the order in which they win.

use std::str::FromStr;

use hv_utils_core::wire::Ic;

use super::{Goal, Kernel, Owner};

/// How often a component is tried on raw VMBus within an hour before it stays with the kernel.
pub const MAX_ATTEMPTS: u32 = 3;

/// What the administrator wants for one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// What the facts speak for.
    #[default]
    Auto,
    /// Raw VMBus.
    Uio,
    /// The kernel's driver.
    HvUtils,
}

impl Choice {
    /// The words, as in the configuration.
    pub const WORDS: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("uio", Self::Uio), ("hv_utils", Self::HvUtils)];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uio => "uio",
            Self::HvUtils => "hv_utils",
        }
    }
}

/// A word that is no choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use auto, uio or hv_utils")]
pub struct UnknownChoice;

impl FromStr for Choice {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, choice)| *choice).ok_or(UnknownChoice)
    }
}

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The running kernel.
    pub kernel: Kernel,
    /// The guest is set up to hibernate, which any device on raw VMBus would prevent.
    pub hibernation: bool,
    /// `[file-copy] enabled`.
    pub file_copy: bool,
    /// Bytes that this kernel was seen to take for a device on raw VMBus beyond its rings, since the last boot.
    pub cost: Option<u64>,
}

/// Facts about one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Which one.
    pub ic: Ic,
    /// Who has it now.
    pub owner: Owner,
    /// The program that would serve it on raw VMBus.
    pub daemon: &'static str,
    /// Whether that is installed.
    pub installed: bool,
    /// How often it has been tried on raw VMBus lately, without being seen to work.
    pub attempts: u32,
    /// It was given back because its daemon failed.
    pub released: bool,
    /// Its daemon did not get in touch with the host on raw VMBus.
    pub never_ready: bool,
}

/// Where the component should be, if it should be moved at all, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// `None`: it stays where it is, wherever that is.
    pub goal: Option<Goal>,
    /// A sentence for a person, without a full stop.
    pub reason: String,
}

impl Decision {
    fn new(goal: impl Into<Option<Goal>>, reason: impl Into<String>) -> Self {
        Self { goal: goal.into(), reason: reason.into() }
    }

    /// Where it has to be moved, coming from `owner`.
    #[must_use]
    pub fn move_from(&self, owner: Owner) -> Option<Goal> {
        self.goal.filter(|goal| !goal.is_reached_by(owner))
    }
}

/// Decides about one component.
#[must_use]
pub fn decide(choice: Choice, machine: &Machine, facts: &Facts) -> Decision {
    match choice {
        Choice::HvUtils => with_kernel(machine, facts, "as chosen"),
        Choice::Uio => match obstacle(machine, facts) {
            Some(why) => with_kernel(machine, facts, &why),
            None => Decision::new(Goal::Uio, format!("as chosen{}", price(machine, facts))),
        },
        Choice::Auto if facts.owner == Owner::Other => {
            Decision::new(None, "another driver has it; auto leaves it alone")
        }
        Choice::Auto => by_facts(machine, facts),
    }
}

/// `auto`.
fn by_facts(machine: &Machine, facts: &Facts) -> Decision {
    match facts.ic {
        Ic::FileCopy => file_copy(machine, facts),
        Ic::Kvp | Ic::Vss => match obstacle(machine, facts).or_else(|| objection(machine, facts)) {
            Some(why) => with_kernel(machine, facts, &why),
            None => Decision::new(
                Goal::Uio,
                format!("{} serves it, and nothing speaks against raw VMBus", facts.daemon),
            ),
        },
        // Unbinding them is how administrators turn them off.
        Ic::TimeSync | Ic::Shutdown | Ic::Heartbeat if facts.owner == Owner::Nobody => {
            Decision::new(None, "no driver has it, and auto leaves it so")
        }
        Ic::TimeSync => with_kernel(machine, facts, "the kernel keeps the PTP clock that others rely on"),
        Ic::Shutdown | Ic::Heartbeat => {
            with_kernel(machine, facts, "the kernel serves it, without any daemon")
        }
    }
}

fn file_copy(machine: &Machine, facts: &Facts) -> Decision {
    if !machine.kernel.has_raw() {
        return with_kernel(machine, facts, "before Linux 6.10 the kernel serves it");
    }
    if !machine.file_copy {
        return if machine.hibernation {
            with_kernel(
                machine,
                facts,
                "file copy is not enabled, and on raw VMBus the guest could not hibernate",
            )
        } else {
            Decision::new(None, "file copy is not enabled ([file-copy] enabled)")
        };
    }
    match obstacle(machine, facts) {
        Some(why) => with_kernel(machine, facts, &why),
        None => {
            let price = price(machine, facts);
            Decision::new(
                Goal::Uio,
                format!("file copy is enabled, and needs raw VMBus since Linux 6.10{price}"),
            )
        }
    }
}

/// With the kernel's driver; file copy has none since Linux 6.10, so it is with nobody.
fn with_kernel(machine: &Machine, facts: &Facts, why: &str) -> Decision {
    if facts.ic == Ic::FileCopy && machine.kernel.has_raw() {
        return Decision::new(
            Goal::Unbound,
            format!("{why} (the kernel has no driver for it since Linux 6.10)"),
        );
    }
    Decision::new(Goal::HvUtils, why)
}

/// What stands in the way even of a choice.
fn obstacle(machine: &Machine, facts: &Facts) -> Option<String> {
    if !machine.kernel.has_raw() {
        return Some(format!("raw VMBus needs Linux 6.10 or newer, this is {}", machine.kernel));
    }
    if facts.released {
        let why = "given back (hv-driver release), until it is chosen anew or the next boot";
        return Some(why.to_owned());
    }
    if facts.attempts >= MAX_ATTEMPTS && facts.owner != Owner::Uio {
        return Some(format!(
            "{MAX_ATTEMPTS} attempts on raw VMBus within an hour were not seen to work; choose it anew to go on"
        ));
    }
    None
}

/// What speaks against raw VMBus where nobody has chosen it.
fn objection(machine: &Machine, facts: &Facts) -> Option<String> {
    if !facts.installed {
        return Some(format!("{} is not installed", facts.daemon));
    }
    if machine.hibernation {
        return Some("the guest is set up to hibernate, which raw VMBus would prevent".to_owned());
    }
    if let Some(cost) = machine.cost {
        return Some(format!("on this kernel raw VMBus takes {} MiB for each device", mebibytes(cost)));
    }
    facts.never_ready.then(|| format!("{} did not reach the host on raw VMBus", facts.daemon))
}

/// What a person who chose raw VMBus should know.
fn price(machine: &Machine, facts: &Facts) -> String {
    let mut price = String::new();
    if let Some(cost) = machine.cost {
        price += &format!("; takes {} MiB on this kernel", mebibytes(cost));
    }
    if machine.hibernation {
        price += "; the guest cannot hibernate";
    }
    if !facts.installed {
        price += &format!("; {} is not installed", facts.daemon);
    }
    if facts.ic == Ic::TimeSync {
        price += "; there is no /dev/ptp_hyperv";
    }
    price
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}
