//! The processor's time stamp counter: the one clock that an emulated machine and this one have in common.
#![expect(unsafe_code, reason = "the instruction has no safe wrapper")]

/// Its ticks now. Neighbouring instructions may be done before and after it: some ten nanoseconds.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has it, it touches no memory, and Linux leaves it to programs.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// No virtual machine is run on other processors; nanoseconds, so that the rest can be built and tested there.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn ticks() -> u64 {
    u64::try_from(super::look::nanoseconds(rustix::time::ClockId::MonotonicRaw)).unwrap_or_default()
}
