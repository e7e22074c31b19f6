//! Where the filter thinks that the host's clock is, beside where it is.

use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;
/// A time of the host, 2026.
const HOST: i64 = 1_795_694_400 * SECOND;

/// Samples of a host whose clock runs `ppm` faster than raw, one each 5 s, with a noise that repeats itself.
struct Host {
    ppm: f64,
    raw: i64,
    at: i64,
    noise: Vec<i64>,
    count: usize,
}

impl Host {
    fn new(ppm: f64, noise: &[i64]) -> Host {
        Host { ppm, raw: 7 * SECOND, at: HOST, noise: noise.to_vec(), count: 0 }
    }

    fn pass(&mut self, seconds: i64) {
        self.raw += seconds * SECOND;
        self.at += seconds * SECOND + round(self.ppm * 1000.0 * float(seconds));
    }

    fn sample(&mut self) -> (i64, i64) {
        self.pass(5);
        self.count += 1;
        (self.raw, self.at + self.noise[self.count % self.noise.len()])
    }
}

fn begin(host: &mut Host, error: i64) -> Track {
    let (raw, time) = host.sample();
    Track::new(raw, time, error, None)
}

fn follow(track: &mut Track, host: &mut Host, error: i64, count: usize) {
    for number in 0..count {
        let (raw, time) = host.sample();
        assert!(track.update(raw, time, error), "sample {number}");
    }
}

fn off(track: &Track, host: &Host) -> i64 {
    track.host_at(host.raw) - host.at
}

#[test]
fn exact_samples_give_time_and_frequency_at_the_second() {
    let mut host = Host::new(37.5, &[0]);
    let mut track = begin(&mut host, 200);
    follow(&mut track, &mut host, 200, 1);
    assert!((track.prior().frequency - 37.5).abs() < 0.1, "{:?}", track.prior());
    host.pass(5);
    assert!(off(&track, &host).abs() < 500, "{}", off(&track, &host));
}

#[test]
fn noise_is_averaged_and_its_size_is_learnt() {
    let mut host = Host::new(-12.0, &[90_000, -70_000, 30_000, -100_000, 60_000, -10_000]);
    let mut track = begin(&mut host, 400_000);
    follow(&mut track, &mut host, 400_000, 600);
    assert!(off(&track, &host).abs() < 30_000, "{}", off(&track, &host));
    assert!((track.prior().frequency + 12.0).abs() < 0.3, "{:?}", track.prior());
    assert!((40_000..120_000).contains(&track.jitter()), "{}", track.jitter());
}

#[test]
fn single_outlier_is_set_aside_and_two_that_agree_are_the_new_time() {
    let mut host = Host::new(3.0, &[0, 300, -300]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 50);
    let frequency = track.prior().frequency;
    let (raw, time) = host.sample();
    assert!(!track.update(raw, time + 40_000_000, 1000));
    follow(&mut track, &mut host, 1000, 3);
    assert!(off(&track, &host).abs() < 1000, "{}", off(&track, &host));
    // The host's clock is moved.
    host.at += 700_000_000;
    let (raw, time) = host.sample();
    assert!(!track.update(raw, time, 1000));
    let (raw, time) = host.sample();
    assert!(track.update(raw, time, 1000));
    assert!(off(&track, &host).abs() < 1000, "{}", off(&track, &host));
    assert!((track.prior().frequency - frequency).abs() < 0.1, "a step is no other pace");
}

#[test]
fn outliers_that_contradict_each_other_move_nothing() {
    let mut host = Host::new(3.0, &[0]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 20);
    for sign in [1, -1, 1, -1, 1] {
        let (raw, time) = host.sample();
        assert!(!track.update(raw, time + sign * 30_000_000, 1000));
    }
    assert!(off(&track, &host).abs() < 10_000, "{}", off(&track, &host));
    follow(&mut track, &mut host, 1000, 2);
}

#[test]
fn host_that_is_noisier_than_it_says_is_followed_after_a_few_samples() {
    let noise = [5_000_000, -4_000_000, 900_000, -2_500_000, 3_300_000, -800_000, -5_000_000];
    let mut host = Host::new(10.0, &noise);
    let mut track = begin(&mut host, 1000);
    let mut refused = 0;
    for _ in 0..400 {
        let (raw, time) = host.sample();
        refused += usize::from(!track.update(raw, time, 1000));
    }
    assert!(refused < 30, "{refused}");
    assert!(off(&track, &host).abs() < 4_000_000, "{}", off(&track, &host));
}

/// As of a host whose own clock ticks 64 times a second: what it says is behind by up to 15.6 ms.
fn coarse(count: usize) -> Vec<i64> {
    (0..count).map(|number| -i64::try_from(number * 3_700_001 % 15_625_000).unwrap()).collect()
}

#[test]
fn word_of_a_noisy_host_after_a_pause_is_not_taken_for_noise() {
    for pause in [20_000_000, 30_000_000_000] {
        let mut host = Host::new(10.0, &coarse(97));
        let mut track = begin(&mut host, 1000);
        for _ in 0..200 {
            let (raw, time) = host.sample();
            track.update(raw, time, 1000);
        }
        host.at += pause;
        let (raw, time) = host.sample();
        track.sync(raw, time, 1000);
        assert!(off(&track, &host).abs() < 16_000_000, "{}", off(&track, &host));
    }
}

#[test]
fn samples_that_contradict_each_other_do_not_make_a_host_unheard() {
    let mut host = Host::new(10.0, &[0]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 50);
    for number in 0..60 {
        let (raw, time) = host.sample();
        let sign = if number % 2 == 0 { 1 } else { -1 };
        assert!(!track.update(raw, time + sign * 1000 * SECOND, 1000), "{number}");
    }
    // Then it is paused, and says so.
    host.at += 30 * SECOND;
    let (raw, time) = host.sample();
    track.sync(raw, time, 1000);
    assert_eq!(off(&track, &host), 0);
    follow(&mut track, &mut host, 1000, 20);
    assert!(off(&track, &host).abs() < 1000, "{}", off(&track, &host));
}

#[test]
fn constant_error_after_noise_is_not_learnt_as_noise() {
    let mut host = Host::new(10.0, &[5_000_000, -5_000_000, 3_000_000, -4_000_000, 1_000_000]);
    let mut track = begin(&mut host, 1000);
    for _ in 0..200 {
        let (raw, time) = host.sample();
        track.update(raw, time, 1000);
    }
    host.noise = vec![0];
    host.at += 10_000_000;
    for _ in 0..200 {
        let (raw, time) = host.sample();
        track.update(raw, time, 1000);
    }
    assert!(off(&track, &host).abs() < 500_000, "{}", off(&track, &host));
}

#[test]
fn two_wild_samples_do_not_agree_because_they_are_on_the_same_side() {
    let mut host = Host::new(10.0, &[0]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 50);
    for wild in [-3_000_000_000, -100_000_000, -950_000_000, -600_000_000] {
        let (raw, time) = host.sample();
        assert!(!track.update(raw, time + wild, 1000), "{wild}");
    }
    follow(&mut track, &mut host, 1000, 1);
    assert!(off(&track, &host).abs() < 10_000, "{}", off(&track, &host));
}

#[test]
fn frequency_and_its_error_stay_within_what_clocks_do() {
    let mut track = Track::new(0, HOST, 1000, Some(Prior { frequency: f64::NAN, error: f64::INFINITY }));
    for number in 1..200_i64 {
        let sign = if number % 3 == 0 { -1 } else { 1 };
        track.update(number, HOST + sign * number * SECOND, 1000);
        track.sync(number, HOST - sign * number * SECOND, i64::MAX);
        let prior = track.prior();
        assert!(prior.frequency.abs() <= 1000.0 && prior.error <= 1000.1, "{prior:?}");
    }
}

#[test]
fn samples_of_which_less_is_known_count_less() {
    let mut host = Host::new(10.0, &[300, -300]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 100);
    // The pairs are gone: from now on by arrival.
    let (raw, time) = host.sample();
    assert!(track.update(raw, time - 4_000_000, 20_000_000));
    assert!(off(&track, &host).abs() < 50_000, "{}", off(&track, &host));
}

#[test]
fn host_that_slews_its_own_clock_is_followed() {
    let mut host = Host::new(0.0, &[0, 200, -200]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 50);
    host.ppm = 400.0;
    for _ in 0..6 {
        let (raw, time) = host.sample();
        track.update(raw, time, 1000);
    }
    assert!(off(&track, &host).abs() < 50_000, "{}", off(&track, &host));
    assert!((track.prior().frequency - 400.0).abs() < 10.0, "{:?}", track.prior());
    host.ppm = 0.0;
    for _ in 0..6 {
        let (raw, time) = host.sample();
        track.update(raw, time, 1000);
    }
    assert!(off(&track, &host).abs() < 50_000, "{}", off(&track, &host));
}

#[test]
fn host_that_is_elsewhere_is_followed_also_where_samples_may_be_that_wrong() {
    let mut host = Host::new(20.0, &[40_000, -30_000, 10_000, -20_000]);
    let mut track = begin(&mut host, 1_000_000);
    follow(&mut track, &mut host, 1_000_000, 100);
    // Within the error that the samples state, so each of them alone may be as wrong. All of them are not.
    host.at += 300_000_000;
    for error in [300_000_000; 16].into_iter().chain([1_000_000; 16]) {
        let (raw, time) = host.sample();
        track.update(raw, time, error);
    }
    assert!(off(&track, &host).abs() < 1_000_000, "{}", off(&track, &host));
    follow(&mut track, &mut host, 1_000_000, 60);
    assert!(off(&track, &host).abs() < 100_000, "{}", off(&track, &host));
}

#[test]
fn samples_that_agree_are_still_not_believed_far_beyond_their_stated_error() {
    let mut host = Host::new(0.0, &[0]);
    let mut track = begin(&mut host, 1_000);
    follow(&mut track, &mut host, 1_000, 200);
    // Some minutes in which all are late by the same, and say that they may be.
    host.noise = vec![1_000_000];
    follow(&mut track, &mut host, 4_000_000, 12);
    assert!(off(&track, &host).abs() < 400_000, "{}", off(&track, &host));
}

#[test]
fn hosts_word_after_a_resume_counts_at_once_and_the_pace_stays_known() {
    let mut host = Host::new(20.0, &[0]);
    let mut track = begin(&mut host, 1000);
    follow(&mut track, &mut host, 1000, 20);
    // Raw stood still for an hour.
    host.at += 3600 * SECOND;
    let (raw, time) = host.sample();
    track.sync(raw, time, 1000);
    assert_eq!(off(&track, &host), 0);
    host.pass(5);
    assert!(off(&track, &host).abs() < 5_000, "{}", off(&track, &host));
}

#[test]
fn hosts_word_that_says_what_is_known_is_one_more_sample() {
    let mut host = Host::new(20.0, &[4_000, -4_000]);
    let mut track = begin(&mut host, 20_000);
    follow(&mut track, &mut host, 20_000, 200);
    let (raw, time) = host.sample();
    track.sync(raw, time, 20_000);
    assert!(off(&track, &host).abs() < 2_500, "{}", off(&track, &host));
}

#[test]
fn frequency_from_before_is_taken_up() {
    let mut host = Host::new(100.0, &[0]);
    let (raw, time) = host.sample();
    let track = Track::new(raw, time, 1000, Some(Prior { frequency: 100.0, error: 1.0 }));
    host.pass(3600);
    assert!(off(&track, &host).abs() < 10);
}

#[test]
fn after_a_day_the_numbers_are_still_exact() {
    let mut host = Host::new(0.125, &[0]);
    let mut track = begin(&mut host, 200);
    follow(&mut track, &mut host, 200, 24 * 720);
    assert!(off(&track, &host).abs() <= 2, "{}", off(&track, &host));
}

proptest! {
    #[test]
    fn no_host_and_no_clock_makes_it_fail(samples in proptest::collection::vec((any::<i64>(), any::<i64>(), 0..i64::MAX, any::<bool>()), 1..30)) {
        let (raw, host, error, _) = samples[0];
        let mut track = Track::new(raw, host, error, None);
        for (raw, host, error, sync) in samples {
            if sync { track.sync(raw, host, error); } else { track.update(raw, host, error); }
            let prior = track.prior();
            prop_assert!(prior.frequency.is_finite() && prior.error.is_finite(), "{track:?}");
            let _ = (track.host_at(raw), track.deviation(i64::MAX), track.jitter());
        }
    }
}
