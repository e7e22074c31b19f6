use super::*;

const PLAIN: Timex = Timex {
    modes: 0,
    offset: 0,
    frequency: 0,
    max_error: 0,
    est_error: 0,
    status: 0,
    constant: 0,
    tick: 10_000,
    seconds: 0,
    fraction: 0,
    tai: 0,
};

const SYNCHRONISED: Steering = Steering {
    frequency: 0.0,
    phase: 0,
    time_constant: 0,
    synchronised: true,
    errors: (0, 0),
    leap: Leap::None,
};

#[test]
fn a_step_is_whole_seconds_of_either_sign_and_a_fraction_that_is_not_negative() {
    let parts = |by| {
        let Timex { modes, seconds, fraction, .. } = step(by);
        assert_eq!(modes, 0x2100, "ADJ_SETOFFSET and ADJ_NANO");
        (seconds, fraction)
    };
    assert_eq!(parts(1), (0, 1));
    assert_eq!(parts(-1), (-1, 999_999_999));
    assert_eq!(parts(-1_000_000_000), (-1, 0));
    assert_eq!(parts(-2_500_000_000), (-3, 500_000_000));
    assert_eq!(parts(90_000_000_000_123), (90_000, 123));
    assert_eq!(parts(i64::MIN), (-9_223_372_037, 145_224_192));
}

#[test]
fn a_steering_is_one_request_with_all_of_it() {
    let steering = Steering {
        frequency: -12.5,
        phase: -400_000_000,
        time_constant: 6,
        synchronised: true,
        errors: (120, 4_500),
        leap: Leap::None,
    };
    let expected = Timex {
        // ADJ_OFFSET, FREQUENCY, MAXERROR, ESTERROR, STATUS, TIMECONST, NANO.
        modes: 0x203f,
        offset: -400_000_000,
        frequency: -819_200,
        max_error: 4_500,
        est_error: 120,
        // STA_PLL, STA_FREQHOLD.
        status: 0x81,
        constant: 6,
        tick: 10_000,
        ..PLAIN
    };
    assert_eq!(steer(&steering, &PLAIN, false), expected);
}

#[test]
fn a_leap_second_is_announced_by_its_bit() {
    let status = |leap| steer(&Steering { leap, ..SYNCHRONISED }, &PLAIN, false).status;
    assert_eq!(
        [Leap::None, Leap::Insert, Leap::Delete, Leap::Unsynchronised].map(status),
        [0x81, 0x91, 0xa1, 0x81]
    );
}

#[test]
fn a_clock_that_is_not_kept_has_the_unsync_bit() {
    let unkept = Steering { synchronised: false, ..SYNCHRONISED };
    assert_eq!(steer(&unkept, &PLAIN, false).status, 0xc1);
}

#[test]
fn with_an_rtc_in_local_time_the_unsync_bit_stays() {
    assert_eq!(steer(&SYNCHRONISED, &PLAIN, true).status, 0xc1);
}

#[test]
fn bits_of_a_pulse_stay_and_those_of_the_steerer_before_do_not() {
    // STA_PPSFREQ, STA_PPSTIME, STA_PPSSIGNAL, STA_NANO stay; STA_FLL, STA_INS, STA_DEL, STA_UNSYNC go.
    let now = Timex { status: 0x2106 | 0x78, ..PLAIN };
    assert_eq!(steer(&SYNCHRONISED, &now, false).status, 0x2106 | 0x81);
}

#[test]
fn ticks_that_another_program_has_changed_are_put_right() {
    let now = Timex { tick: 10_001, ..PLAIN };
    let request = steer(&SYNCHRONISED, &now, false);
    assert_eq!((request.modes, request.tick), (0x603f, 10_000));
}

#[test]
fn what_the_kernel_cannot_have_is_the_most_it_can() {
    let much = Steering {
        frequency: 1e9,
        phase: 3_000_000_000,
        time_constant: 200,
        errors: (u32::MAX, u32::MAX),
        ..SYNCHRONISED
    };
    let request = steer(&much, &PLAIN, false);
    assert_eq!((request.frequency, request.offset, request.constant), (32_768_000, 500_000_000, 10));
    assert_eq!((request.est_error, request.max_error), (16_000_000, 16_000_000));
    let little = Steering { frequency: -1e9, phase: i64::MIN, ..SYNCHRONISED };
    let request = steer(&little, &PLAIN, false);
    assert_eq!((request.frequency, request.offset), (-32_768_000, -500_000_000));
}

#[test]
fn a_frequency_that_is_no_number_is_none() {
    assert_eq!(steer(&Steering { frequency: f64::NAN, ..SYNCHRONISED }, &PLAIN, false).frequency, 0);
}

#[test]
fn the_state_has_frequency_and_ticks_in_one_number() {
    let now = Timex { frequency: -819_200, tick: 10_002, max_error: 42, ..PLAIN };
    assert_eq!(state(&now, 0), ClockState { frequency: 187.5, synchronised: true, max_error: 42 });
}

#[test]
fn a_clock_is_synchronised_if_neither_bit_nor_result_denies_it() {
    let synchronised = |status, result| state(&Timex { status, ..PLAIN }, result).synchronised;
    assert!(synchronised(0x2001, 0));
    assert!(synchronised(0x2011, 1), "a leap second is announced");
    assert!(!synchronised(0x2041, 5), "STA_UNSYNC");
    assert!(!synchronised(0x2040, 0), "STA_UNSYNC");
    assert!(!synchronised(0x2005, 5), "a pulse is lost");
}
