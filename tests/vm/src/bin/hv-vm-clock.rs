//! The guest's clocks, for those who judge them.
//!
//! usage: hv-vm-clock look [N MS]        time stamp counter, CLOCK_REALTIME, CLOCK_MONOTONIC_RAW, width; N times, so far apart
//!        hv-vm-clock counter N          CLOCK_MONOTONIC_RAW, reference counter, CLOCK_MONOTONIC_RAW; as root, with module msr
//!        hv-vm-clock ptp DEVICE N       time stamp counter, PTP clock, CLOCK_MONOTONIC_RAW, width
//!        hv-vm-clock step NS            moves the clock
//!        hv-vm-clock imitate PPM NS CONSTANT N      steers the clock, and an imitated one that was set to the same: how far
//!                                       they are apart, in ns, each fifth of a second
//!
//! Clocks are moved and steered in the guest of the tests and nowhere else.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hv_timesyncd::clock::{Clock, Imitated, Kernel, Steering};
use hv_utils_vm::clock::{Look, look, narrowest, ticks};
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic, clock_settime};

type Outcome = Result<(), Box<dyn Error>>;

/// `HV_X64_MSR_TIME_REF_COUNT` (Hypervisor Top Level Functional Specification, "Partition Reference Counter").
const REFERENCE: u64 = 0x4000_0020;
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["look"] => looks(1, 0),
        ["look", times, distance] => looks(times.parse()?, distance.parse()?),
        ["counter", times] => counter(times.parse()?),
        ["ptp", device, times] => ptp(device, times.parse()?),
        ["step", by] => step(by.parse()?),
        ["imitate", frequency, phase, constant, times] => {
            let steering = Steering {
                frequency: frequency.parse()?,
                phase: phase.parse()?,
                time_constant: constant.parse()?,
                ..Steering::default()
            };
            imitate(steering, times.parse()?)
        }
        _ => Err(
            "usage: hv-vm-clock look [N MS] | counter N | ptp DEVICE N | step NS | imitate PPM NS CONSTANT N"
                .into(),
        ),
    }
}

fn looks(times: u32, distance: u64) -> Outcome {
    for number in 0..times {
        if number != 0 {
            std::thread::sleep(Duration::from_millis(distance));
        }
        println!("{}", look());
    }
    Ok(())
}

fn counter(times: u32) -> Outcome {
    let msr = File::open("/dev/cpu/0/msr")?;
    for _ in 0..times {
        let mut bytes = [0; 8];
        let before = clock_gettime(ClockId::MonotonicRaw);
        msr.read_exact_at(&mut bytes, REFERENCE)?;
        let after = clock_gettime(ClockId::MonotonicRaw);
        println!("{} {} {}", nanoseconds(before), u64::from_le_bytes(bytes), nanoseconds(after));
    }
    Ok(())
}

fn ptp(device: &str, times: u32) -> Outcome {
    let device = File::open(device)?;
    // Whether it tells the time at all, before it is taken for granted.
    clock_gettime_dynamic(DynamicClockId::Dynamic(device.as_fd()))?;
    for _ in 0..times {
        println!("{}", narrowest(5, || ptp_once(&device), |look| look.width));
    }
    Ok(())
}

fn ptp_once(device: &File) -> Look {
    let raw = nanoseconds(clock_gettime(ClockId::MonotonicRaw));
    let before = ticks();
    let time = clock_gettime_dynamic(DynamicClockId::Dynamic(device.as_fd()));
    let width = ticks().saturating_sub(before);
    match time {
        Ok(time) => Look { ticks: before + width / 2, real: nanoseconds(time), raw, width },
        // The narrowest counts: this is not it.
        Err(_) => Look { ticks: before, real: 0, raw, width: u64::MAX },
    }
}

fn step(by: i64) -> Outcome {
    only_in_the_guest()?;
    let time = nanoseconds(clock_gettime(ClockId::Realtime)).saturating_add(by);
    Ok(clock_settime(
        ClockId::Realtime,
        Timespec { tv_sec: time.div_euclid(SECOND), tv_nsec: time.rem_euclid(SECOND) },
    )?)
}

/// Both clocks are read at the same raw time, which is the kernel's.
fn imitate(steering: Steering, times: u32) -> Outcome {
    only_in_the_guest()?;
    let kernel = Kernel::new(Path::new("/etc"));
    // What is left of a phase is dropped by a step.
    kernel.step(0)?;
    kernel.steer(Steering::default())?;
    let start = kernel.read()?;
    let raw = Arc::new(AtomicI64::new(start.raw));
    let theirs = raw.clone();
    let imitated = Imitated::new(move || theirs.load(Ordering::Relaxed), start.real);
    kernel.steer(steering)?;
    raw.store(nanoseconds(clock_gettime(ClockId::MonotonicRaw)), Ordering::Relaxed);
    imitated.steer(steering)?;
    for number in 1..=times {
        // Without a pause: an idle kernel stops its tick, and sees the end of a second when it wakes up.
        while nanoseconds(clock_gettime(ClockId::MonotonicRaw)) - start.raw < i64::from(number) * SECOND / 5 {
        }
        let now = kernel.read()?;
        raw.store(now.raw, Ordering::Relaxed);
        print!("{} ", now.real - imitated.read()?.real);
    }
    println!();
    kernel.step(0)?;
    Ok(kernel.steer(Steering::default())?)
}

fn only_in_the_guest() -> Outcome {
    if std::fs::read_to_string("/etc/os-release")?.contains("ID=hv-utils-test\n") {
        return Ok(());
    }
    Err("this is not the guest of the tests: its clock is not to be moved".into())
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(SECOND).saturating_add(time.tv_nsec)
}
