//! The policy as a table, and the switch against hosts and kernels of every temper, in simulated time.

use std::time::Duration;

use hv_utils_core::wire::Ic;

use super::switch::{ABSENT, LIMIT, MAX_BINDS, MAX_UNBINDS, SETTLE};
use super::*;

fn machine() -> Machine {
    Machine { kernel: Kernel::new("6.12.95"), hibernation: false, file_copy: false, cost: None }
}

fn facts(ic: Ic) -> Facts {
    Facts {
        ic,
        owner: Owner::HvUtils,
        daemon: "hv-x",
        installed: true,
        attempts: 0,
        released: false,
        never_ready: false,
    }
}

fn goal(choice: Choice, machine: &Machine, facts: &Facts) -> Option<Goal> {
    let decision = decide(choice, machine, facts);
    assert!(!decision.reason.is_empty() && !decision.reason.ends_with('.'), "{decision:?}");
    decision.goal
}

#[test]
fn auto_on_a_plain_new_kernel() {
    let wanted = [
        (Ic::Kvp, Some(Goal::Uio)),
        (Ic::Vss, Some(Goal::Uio)),
        (Ic::TimeSync, Some(Goal::HvUtils)),
        (Ic::Shutdown, Some(Goal::HvUtils)),
        (Ic::Heartbeat, Some(Goal::HvUtils)),
        (Ic::FileCopy, None),
    ];
    for (ic, wanted) in wanted {
        assert_eq!(goal(Choice::Auto, &machine(), &facts(ic)), wanted, "{ic}");
    }
}

#[test]
fn auto_leaves_kvp_with_the_kernel_for_each_reason_alone() {
    let cases: [(&str, Machine, Facts); 7] = [
        ("6.10", Machine { kernel: Kernel::new("6.9.12"), ..machine() }, facts(Ic::Kvp)),
        ("hibernate", Machine { hibernation: true, ..machine() }, facts(Ic::Kvp)),
        ("47 MiB", Machine { cost: Some(47 << 20), ..machine() }, facts(Ic::Kvp)),
        ("not installed", machine(), Facts { installed: false, ..facts(Ic::Kvp) }),
        ("given back", machine(), Facts { released: true, ..facts(Ic::Kvp) }),
        ("did not reach", machine(), Facts { never_ready: true, ..facts(Ic::Kvp) }),
        ("3 attempts", machine(), Facts { attempts: 3, ..facts(Ic::Kvp) }),
    ];
    for (word, machine, facts) in cases {
        let decision = decide(Choice::Auto, &machine, &facts);
        assert_eq!(decision.goal, Some(Goal::HvUtils), "{word}");
        assert!(decision.reason.contains(word), "{word}: {}", decision.reason);
    }
}

#[test]
fn attempts_do_not_count_against_what_is_there_already() {
    let there = Facts { attempts: 3, owner: Owner::Uio, ..facts(Ic::Kvp) };
    assert_eq!(goal(Choice::Auto, &machine(), &there), Some(Goal::Uio));
    let decision = decide(Choice::Auto, &machine(), &there);
    assert_eq!(decision.move_from(Owner::Uio), None);
}

#[test]
fn file_copy_needs_its_switch_and_has_no_kernel_driver() {
    let enabled = Machine { file_copy: true, ..machine() };
    assert_eq!(goal(Choice::Auto, &enabled, &facts(Ic::FileCopy)), Some(Goal::Uio));
    // There is nothing to give it back to, so its price is paid and told.
    let costly = Machine { cost: Some(47 << 20), hibernation: true, ..enabled };
    let decision = decide(Choice::Auto, &costly, &facts(Ic::FileCopy));
    assert_eq!(decision.goal, Some(Goal::Uio));
    assert!(decision.reason.contains("47 MiB") && decision.reason.contains("cannot hibernate"));
    let hibernates = Machine { hibernation: true, ..machine() };
    assert_eq!(goal(Choice::Auto, &hibernates, &facts(Ic::FileCopy)), Some(Goal::Unbound));
    assert_eq!(goal(Choice::HvUtils, &machine(), &facts(Ic::FileCopy)), Some(Goal::Unbound));
    let old = Machine { kernel: Kernel::new("6.1.0"), ..machine() };
    assert_eq!(goal(Choice::Auto, &old, &facts(Ic::FileCopy)), Some(Goal::HvUtils));
}

#[test]
fn choice_wins_over_objections_but_not_over_what_cannot_be() {
    let hostile = Machine { hibernation: true, cost: Some(47 << 20), ..machine() };
    for ic in Ic::ALL {
        let unloved = Facts { installed: false, never_ready: true, ..facts(ic) };
        let decision = decide(Choice::Uio, &hostile, &unloved);
        assert_eq!(decision.goal, Some(Goal::Uio), "{ic}");
        assert_eq!(
            decision.reason.contains("/dev/ptp_hyperv"),
            ic == Ic::TimeSync,
            "the clock is named with its component: {}",
            decision.reason
        );
        let old = Machine { kernel: Kernel::new("5.15.0-1-azure"), ..machine() };
        assert_eq!(goal(Choice::Uio, &old, &facts(ic)), Some(Goal::HvUtils), "{ic}");
        let released = Facts { released: true, ..facts(ic) };
        assert_ne!(goal(Choice::Uio, &machine(), &released), Some(Goal::Uio), "{ic}");
    }
}

#[test]
fn foreign_driver_is_left_alone_by_auto_only() {
    let foreign = Facts { owner: Owner::Other, ..facts(Ic::Kvp) };
    assert_eq!(goal(Choice::Auto, &machine(), &foreign), None);
    assert_eq!(goal(Choice::Uio, &machine(), &foreign), Some(Goal::Uio));
    assert_eq!(goal(Choice::HvUtils, &machine(), &foreign), Some(Goal::HvUtils));
}

#[test]
fn what_an_administrator_unbound_is_left_so_by_auto() {
    for ic in [Ic::TimeSync, Ic::Shutdown, Ic::Heartbeat] {
        let unbound = Facts { owner: Owner::Nobody, ..facts(ic) };
        assert_eq!(goal(Choice::Auto, &machine(), &unbound), None, "{ic}");
        assert_eq!(goal(Choice::HvUtils, &machine(), &unbound), Some(Goal::HvUtils), "{ic}");
    }
}

#[test]
fn kernels_by_their_release() {
    for (release, raw) in [
        ("6.10.0-rc1", true),
        ("6.12.95+deb12-cloud-amd64", true),
        ("7.0.0-30-generic", true),
        ("6.9.12", false),
        ("6.1.0-56-cloud-amd64", false),
        ("5.14.0-503.el9.x86_64", false),
        ("", false),
        ("next", false),
        ("6", false),
    ] {
        assert_eq!(Kernel::new(release).has_raw(), raw, "{release}");
    }
}

/// A kernel and a host in simulated time.
struct World {
    device: Option<Device>,
    now: Duration,
    probing: bool,
    /// When and whether the host replaces an unbound device: after so long gone for so long.
    replaces: Option<(Duration, Duration)>,
    rescind: Option<Duration>,
    offer: Option<Duration>,
    next_inode: u64,
    /// Always the same number, as a host may give it.
    relid: u32,
    offers: u32,
    refuses: bool,
    /// How often the override is lost in the moment before a bind.
    losses: u32,
}

impl World {
    fn new(owner: Owner) -> Self {
        Self {
            device: Some(Device {
                identity: Identity { relid: Some(5), inode: 1 },
                owner,
                forced: if owner == Owner::Uio { Override::Uio } else { Override::None },
            }),
            now: Duration::ZERO,
            probing: true,
            replaces: None,
            rescind: None,
            offer: None,
            next_inode: 2,
            relid: 5,
            offers: 0,
            refuses: false,
            losses: 0,
        }
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(20);
        if self.rescind.is_some_and(|at| at <= self.now) {
            self.rescind = None;
            self.device = None;
            self.offer = self.replaces.map(|(_, gone)| self.now + gone);
        }
        if self.offer.is_some_and(|at| at <= self.now) {
            self.offer = None;
            self.offers += 1;
            let owner = if self.probing { Owner::HvUtils } else { Owner::Nobody };
            let identity = Identity { relid: Some(self.relid), inode: self.next_inode };
            self.next_inode += 1;
            self.device = Some(Device { identity, owner, forced: Override::None });
        }
    }

    fn act(&mut self, step: Step, goal: Goal) -> bool {
        let Some(device) = &mut self.device else { return false };
        match step {
            Step::Unbind => {
                device.owner = Owner::Nobody;
                self.rescind = self.replaces.map(|(after, _)| self.now + after);
            }
            Step::Force => device.forced = Override::Uio,
            Step::Unforce => device.forced = Override::None,
            Step::Bind if self.losses > 0 => {
                self.losses -= 1;
                device.forced = Override::None;
                return false;
            }
            Step::Bind if self.refuses => return false,
            Step::Bind if goal == Goal::Uio && device.forced == Override::Uio => device.owner = Owner::Uio,
            Step::Bind if goal == Goal::HvUtils => device.owner = Owner::HvUtils,
            _ => return false,
        }
        true
    }

    /// Runs a switch to its end; all acts but waiting.
    fn run(&mut self, goal: Goal, replaced: bool) -> (Step, Vec<Step>) {
        self.probing = goal != Goal::Uio;
        let mut switch = Switch::new(goal, replaced);
        let mut steps = Vec::new();
        loop {
            match switch.next(self.device, self.now) {
                end @ (Step::Done | Step::Failed(_)) => return (end, steps),
                Step::Wait => {}
                step => {
                    steps.push(step);
                    if !self.act(step, goal) {
                        switch.refused();
                    } else if step == Step::Unbind {
                        switch.unbound(self.now);
                    }
                }
            }
            self.tick();
        }
    }
}

#[test]
fn device_that_stays_is_unbound_forced_and_bound() {
    let mut world = World::new(Owner::HvUtils);
    assert_eq!(world.run(Goal::Uio, false), (Step::Done, vec![Step::Unbind, Step::Force, Step::Bind]));
    assert!(world.now < Duration::from_millis(200), "nothing was waited for");
}

#[test]
fn replaced_device_is_awaited_and_costs_one_offer_even_with_the_same_number() {
    for after in [0, 10, 400, 900] {
        for gone in [0, 300, 3000] {
            let mut world = World::new(Owner::HvUtils);
            world.replaces = Some((Duration::from_millis(after), Duration::from_millis(gone)));
            let (end, steps) = world.run(Goal::Uio, true);
            assert_eq!((end, world.offers), (Step::Done, 1), "{after} {gone}: {steps:?}");
            assert_eq!(steps, [Step::Unbind, Step::Force, Step::Bind], "{after} {gone}");
        }
    }
}

#[test]
fn device_that_its_host_keeps_is_bound_after_a_second() {
    let mut world = World::new(Owner::HvUtils);
    assert_eq!(world.run(Goal::Uio, true).0, Step::Done);
    assert!(world.now >= SETTLE && world.now < SETTLE + Duration::from_millis(300), "{:?}", world.now);
}

#[test]
fn host_that_is_slower_than_a_second_still_ends_on_raw_vmbus() {
    let mut world = World::new(Owner::HvUtils);
    world.replaces = Some((Duration::from_millis(1030), Duration::from_millis(100)));
    // Between the bind and the look the old device goes: it is begun again with the new one.
    let (end, _) = world.run(Goal::Uio, true);
    assert_eq!(end, Step::Done);
}

#[test]
fn lost_override_is_found_out_and_set_again() {
    let mut world = World::new(Owner::HvUtils);
    world.losses = 2;
    let (end, steps) = world.run(Goal::Uio, false);
    assert_eq!(end, Step::Done);
    assert_eq!(steps.iter().filter(|step| **step == Step::Force).count(), 3);
}

#[test]
fn way_back_clears_the_override_first() {
    let mut world = World::new(Owner::Uio);
    assert_eq!(world.run(Goal::HvUtils, false), (Step::Done, vec![Step::Unforce, Step::Unbind, Step::Bind]));
    let mut replaced = World::new(Owner::Uio);
    replaced.replaces = Some((Duration::from_millis(100), Duration::from_millis(100)));
    // The kernel gives the new one to its driver by itself.
    assert_eq!(replaced.run(Goal::HvUtils, true), (Step::Done, vec![Step::Unforce, Step::Unbind]));
}

#[test]
fn with_nobody_means_unbound_and_not_forced() {
    let mut world = World::new(Owner::Uio);
    assert_eq!(world.run(Goal::Unbound, false), (Step::Done, vec![Step::Unforce, Step::Unbind]));
}

#[test]
fn driver_that_refuses_is_asked_three_times() {
    let mut world = World::new(Owner::HvUtils);
    world.refuses = true;
    let (end, steps) = world.run(Goal::Uio, false);
    assert_eq!(end, Step::Failed(Failure::Refused));
    assert_eq!(steps.iter().filter(|step| **step == Step::Bind).count(), MAX_BINDS as usize);
}

#[test]
fn device_that_never_comes_back_is_given_up() {
    let mut world = World::new(Owner::HvUtils);
    world.replaces = Some((Duration::from_millis(50), Duration::from_secs(60)));
    assert_eq!(world.run(Goal::Uio, true).0, Step::Failed(Failure::Gone));
    assert!(world.now < ABSENT + Duration::from_secs(1));
}

#[test]
fn kernel_that_takes_each_new_device_is_given_up() {
    let mut world = World::new(Owner::HvUtils);
    world.replaces = Some((Duration::from_millis(50), Duration::from_millis(50)));
    let mut switch = Switch::new(Goal::Uio, true);
    let mut unbinds = 0;
    // Somebody else turns probing on again.
    world.probing = true;
    let end = loop {
        match switch.next(world.device, world.now) {
            Step::Unbind => {
                unbinds += 1;
                world.act(Step::Unbind, Goal::Uio);
                switch.unbound(world.now);
            }
            Step::Wait => {}
            end => break end,
        }
        world.tick();
    };
    assert_eq!((end, unbinds), (Step::Failed(Failure::TakenAgain), MAX_UNBINDS));
}

#[test]
fn nothing_takes_longer_than_the_limit() {
    // A tree that obeys nothing at all.
    let device = World::new(Owner::HvUtils).device;
    let mut switch = Switch::new(Goal::Uio, true);
    let mut now = Duration::ZERO;
    let end = loop {
        match switch.next(device, now) {
            end @ (Step::Done | Step::Failed(_)) => break end,
            _ => now += Duration::from_millis(20),
        }
    };
    assert!(matches!(end, Step::Failed(_)) && now <= LIMIT, "{end:?} after {now:?}");
}
