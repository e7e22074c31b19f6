use super::*;
use crate::clock::Imitated;
use crate::sample::Leap;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::fs;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Writes down what it is asked, and answers as a machine with this state.
#[derive(Debug, Default)]
struct Recorder {
    now: Timex,
    result: i32,
    asked: Arc<Mutex<Vec<Timex>>>,
}

impl Clocks for Recorder {
    fn raw(&self) -> i64 {
        1000
    }

    fn real(&self) -> i64 {
        2000
    }
}

impl Calls for Recorder {
    fn adjust(&self, request: &mut Timex) -> io::Result<i32> {
        self.asked.lock().unwrap().push(*request);
        *request = Timex { modes: request.modes, ..self.now };
        Ok(self.result)
    }
}

const NOW: Timex = Timex {
    modes: 0,
    offset: 7,
    frequency: -655_360,
    max_error: 16_000_000,
    est_error: 16_000_000,
    status: 0x2044,
    constant: 7,
    tick: 10_000,
    seconds: 5,
    fraction: 6,
    tai: 37,
};

/// A clock over a recorder, with this `adjtime`; and what is asked of it.
fn recorded(adjtime: Option<&str>) -> (Kernel, Arc<Mutex<Vec<Timex>>>, TempDir) {
    let etc = tempfile::tempdir().unwrap();
    if let Some(text) = adjtime {
        fs::write(etc.path().join("adjtime"), text).unwrap();
    }
    let recorder = Recorder { now: NOW, result: 5, ..Recorder::default() };
    let asked = Arc::clone(&recorder.asked);
    (Kernel::over(Box::new(recorder), etc.path()), asked, etc)
}

const STEERING: Steering = Steering {
    frequency: 10.0,
    phase: -1_500_000,
    time_constant: 3,
    synchronised: true,
    errors: (40, 900),
    leap: Leap::Insert,
};

#[test]
fn a_look_changes_nothing_and_asks_nothing() {
    let (kernel, asked, _etc) = recorded(None);
    assert_eq!(kernel.read().unwrap(), Reading { raw: 1000, real: 2000, width: 0 });
    assert_eq!(*asked.lock().unwrap(), []);
}

#[test]
fn the_state_is_asked_for_without_modes() {
    let (kernel, asked, _etc) = recorded(None);
    assert_eq!(
        kernel.state().unwrap(),
        ClockState { frequency: -10.0, synchronised: false, max_error: 16_000_000 }
    );
    assert_eq!(*asked.lock().unwrap(), [Timex::default()]);
}

#[test]
fn a_step_back_is_one_request() {
    let (kernel, asked, _etc) = recorded(None);
    kernel.step(-2_000_000_001).unwrap();
    let expected = Timex { modes: 0x2100, seconds: -3, fraction: 999_999_999, ..Timex::default() };
    assert_eq!(*asked.lock().unwrap(), [expected]);
}

#[test]
fn a_steering_is_a_look_and_one_request_that_keeps_what_is_not_ours() {
    let (kernel, asked, _etc) = recorded(None);
    kernel.steer(STEERING).unwrap();
    let expected = Timex {
        modes: 0x203f,
        offset: -1_500_000,
        frequency: 655_360,
        max_error: 900,
        est_error: 40,
        // PLL, INS and FREQHOLD, over NANO and PPSTIME that were there; UNSYNC is gone.
        status: 0x2095,
        constant: 3,
        tick: 10_000,
        ..Timex::default()
    };
    assert_eq!(*asked.lock().unwrap(), [Timex::default(), expected]);
}

#[test]
fn with_an_rtc_in_local_time_the_clock_is_never_called_synchronised() {
    let (kernel, asked, _etc) = recorded(Some("0.0 0 0.0\n0\nLOCAL\n"));
    assert!(kernel.rtc_is_local());
    kernel.steer(STEERING).unwrap();
    assert_eq!(asked.lock().unwrap()[1].status, 0x20d5);
}

#[test]
fn an_rtc_is_in_utc_unless_the_third_line_says_otherwise() {
    for text in ["", "0.0 0 0.0\n0\nUTC\n", "LOCAL\n", "0.0 0 0.0\n0\n", "0.0 0 0.0\n0\nUTC\nLOCAL\n"] {
        assert!(!recorded(Some(text)).0.rtc_is_local(), "{text:?}");
    }
    assert!(!recorded(None).0.rtc_is_local());
    assert!(recorded(Some("0.0 0 0.0\n0\nLOCAL")).0.rtc_is_local(), "without a newline at the end");
}

#[test]
fn an_adjtime_that_cannot_be_read_keeps_the_kernel_from_the_rtc() {
    let etc = tempfile::tempdir().unwrap();
    fs::create_dir(etc.path().join("adjtime")).unwrap();
    assert!(Kernel::over(Box::new(Recorder::default()), etc.path()).rtc_is_local());
}

#[test]
fn the_kernel_and_the_imitation_are_asked_the_same() {
    let (kernel, asked, _etc) = recorded(None);
    kernel.steer(STEERING).unwrap();
    let request = asked.lock().unwrap()[1];
    let imitated = Imitated::new(|| 0, 1_767_225_600_000_000_000);
    imitated.steer(STEERING).unwrap();
    let now = imitated.timex();
    assert_eq!(
        (now.offset, now.frequency, now.max_error, now.est_error, now.constant),
        (request.offset, request.frequency, request.max_error, request.est_error, request.constant)
    );
    assert_eq!(now.status, request.status & !0x4, "but for the pulse");
}

#[test]
fn the_machines_clock_is_looked_at_between_two_others_of_our_own() {
    let kernel = Kernel::new(Path::new("/etc"));
    let before = (Machine.raw(), Machine.real());
    let now = kernel.read().unwrap();
    let after = (Machine.raw(), Machine.real());
    assert!((before.0..=after.0).contains(&now.raw), "{before:?} {now:?} {after:?}");
    assert!(now.width >= 0 && now.width <= after.0 - before.0, "{before:?} {now:?} {after:?}");
    // Whoever steps the machine's clock meanwhile is not this test's matter.
    assert!(now.real > 1_700_000_000_000_000_000, "{now:?}");
}

#[test]
fn the_machines_state_can_be_read_without_any_privilege() {
    let state = without_cap_sys_time(|| Kernel::new(Path::new("/etc")).state());
    assert!(state.unwrap().frequency.abs() <= 100_500.0);
}

/// Runs `call` in a thread that has lost CAP_SYS_TIME and cannot have it back. If that is not so, `call` is not run.
fn without_cap_sys_time<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    let body = || {
        let mut sets = capabilities(None).unwrap();
        for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable] {
            set.remove(CapabilitySet::SYS_TIME);
        }
        set_capabilities(None, sets).unwrap();
        let now = capabilities(None).unwrap();
        assert!(!now.effective.contains(CapabilitySet::SYS_TIME));
        assert!(!now.permitted.contains(CapabilitySet::SYS_TIME));
        // The kernel's own word, of this thread.
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        for field in ["CapEff:", "CapPrm:", "CapAmb:"] {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            let bits = u64::from_str_radix(line.trim(), 16).unwrap();
            assert_eq!(bits >> 25 & 1, 0, "CAP_SYS_TIME in {field}");
        }
        call()
    };
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

#[test]
fn without_the_capability_the_clock_is_neither_stepped_nor_steered() {
    let kernel = Kernel::new(Path::new("/etc"));
    let refused = |result: io::Result<()>| result.unwrap_err().raw_os_error();
    let (step, steer) = without_cap_sys_time(|| {
        // What would do the least if it were done: a step by nothing, and the frequency that is in force.
        let frequency = kernel.state().unwrap().frequency;
        (kernel.step(0), kernel.steer(Steering { frequency, ..Steering::default() }))
    });
    let eperm = Some(rustix::io::Errno::PERM.raw_os_error());
    assert_eq!((refused(step), refused(steer)), (eperm, eperm));
}
