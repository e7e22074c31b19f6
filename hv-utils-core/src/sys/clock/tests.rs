use super::*;

#[test]
fn modes_and_bits_have_the_numbers_of_linux_timex_h() {
    let modes = [
        adj::OFFSET,
        adj::FREQUENCY,
        adj::MAXERROR,
        adj::ESTERROR,
        adj::STATUS,
        adj::TIMECONST,
        adj::SETOFFSET,
        adj::NANO,
        adj::TICK,
    ];
    assert_eq!(modes, [1, 2, 4, 8, 0x10, 0x20, 0x100, 0x2000, 0x4000]);
    let bits = [
        sta::PLL,
        sta::PPSFREQ,
        sta::PPSTIME,
        sta::FLL,
        sta::INS,
        sta::DEL,
        sta::UNSYNC,
        sta::FREQHOLD,
        sta::NANO,
    ];
    assert_eq!(bits, [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x2000]);
    assert_eq!(TIME_ERROR, 5);
}

#[test]
fn without_modes_the_clock_is_only_looked_at() {
    let now = || rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
    let before = now();
    let mut timex = Timex::default();
    let state = clock_adjtime(&mut timex).unwrap();
    let after = now();
    assert!((0..=TIME_ERROR).contains(&state), "{state}");
    assert!((before..=after).contains(&timex.seconds), "{before} {timex:?} {after}");
    let second = if timex.status & sta::NANO != 0 { 1_000_000_000 } else { 1_000_000 };
    assert!((0..second).contains(&timex.fraction), "{timex:?}");
    assert!(timex.frequency.abs() <= 500 << 16, "{timex:?}");
    assert!((9_000..=11_000).contains(&timex.tick), "{timex:?}");
    assert_eq!(timex.modes, 0);
}
