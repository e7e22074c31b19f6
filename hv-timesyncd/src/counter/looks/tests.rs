//! Which look is the first after a message, with drivers and hosts of several kinds.

use super::*;

/// A PTP clock: the host's clock is faster than the counter by `ppm`, the raw clock than the counter by `raw_ppm`, and the
/// last message is from `message` on the host's clock.
struct Driver {
    ppm: i64,
    raw_ppm: i64,
    message: i64,
}

impl Driver {
    /// Raw clock and what is shown, `ms` after the start; the counter is what `ms` counts.
    fn show(&mut self, ms: i64) -> (i64, i64) {
        self.message = self.message.max(ms / 5000 * 5000);
        let host = self.message * (MS + self.ppm) + (ms - self.message) * MS;
        (ms * (MS + self.raw_ppm), host)
    }

    /// Looks as is asked for; when a sample came of it, ms, for so many samples.
    fn samples(&mut self, looks: &mut Looks, count: usize) -> Vec<i64> {
        self.samples_from(700, looks, count)
    }

    fn samples_from(&mut self, mut ms: i64, looks: &mut Looks, count: usize) -> Vec<i64> {
        let mut samples = Vec::new();
        while samples.len() < count {
            let (raw, host) = self.show(ms);
            let look = looks.look(raw, host, 100);
            samples.extend(look.age.map(|_| ms));
            ms += look.again / MS;
        }
        samples
    }
}

#[test]
fn first_look_after_a_message_is_the_sample() {
    for (ppm, raw_ppm) in [(20, 0), (-20, 0), (7, 4), (-50, 40), (1, 0)] {
        let mut looks = Looks::new(30 * SECOND);
        let samples = Driver { ppm, raw_ppm, message: 0 }.samples(&mut looks, 20);
        for ms in samples {
            assert!(ms % 5000 < 500, "{ppm}: {ms} ms");
        }
    }
}

#[test]
fn rests_are_doubled_up_to_the_longest_and_short_again_after_a_doubt() {
    let mut looks = Looks::new(20 * SECOND);
    let mut driver = Driver { ppm: 20, raw_ppm: 0, message: 0 };
    let samples = driver.samples(&mut looks, 6);
    let intervals = |samples: Vec<i64>| -> Vec<i64> {
        samples.windows(2).map(|pair| (pair[1] - pair[0] + 500) / 5000).collect()
    };
    assert_eq!(intervals(samples), [1, 2, 4, 4, 4]);
    looks.doubt();
    assert_eq!(intervals(driver.samples_from(1_000_000, &mut looks, 4)), [1, 2, 4]);
}

#[test]
fn a_hunt_takes_few_looks() {
    let mut looks = Looks::new(16 * SECOND);
    let mut driver = Driver { ppm: 20, raw_ppm: 0, message: 0 };
    driver.samples(&mut looks, 5);
    let (mut ms, mut count) = (100_000 - LEAD / MS, 0);
    loop {
        let (raw, host) = driver.show(ms);
        let look = looks.look(raw, host, 100);
        count += 1;
        ms += look.again / MS;
        if look.age.is_some() {
            break;
        }
    }
    assert!(count <= 4, "{count}");
}

#[test]
fn host_that_runs_as_the_counter_does_is_sampled_all_the_same() {
    let mut looks = Looks::new(SECOND);
    let samples = Driver { ppm: 0, raw_ppm: 3, message: 0 }.samples(&mut looks, 3);
    assert!(samples.windows(2).all(|pair| pair[1] - pair[0] <= 11_250), "{samples:?}");
}

/// What is shown of a host that is silent is wrong by what the two clocks go apart, and says so.
#[test]
fn samples_of_a_silent_host_say_how_wrong_they_may_be_and_the_next_message_is_exact_again() {
    for ppm in [20, -7, 1] {
        let mut looks = Looks::new(SECOND);
        let mut driver = Driver { ppm, raw_ppm: 0, message: 0 };
        let last = *driver.samples(&mut looks, 3).last().unwrap();
        let silent_until = last + 300_000;
        let (mut ms, mut samples, mut exact) = (last + looks.rest * INTERVAL / MS, 0, None);
        while exact.is_none() {
            let silent = ms < silent_until;
            let carried_on = (ms * MS, driver.message * (MS + ppm) + (ms - driver.message) * MS);
            let (raw, host) = if silent { carried_on } else { driver.show(ms) };
            let look = looks.look(raw, host, 100);
            if let Some(age) = look.age {
                let wrong = (ms * (MS + ppm) - host).abs();
                assert!(wrong <= age.error, "{ppm} ppm, {ms}: {wrong} {age:?}");
                samples += u32::from(silent);
                exact = (!silent && age.error < 10_000).then_some(ms);
            }
            ms += look.again / MS;
        }
        // Of one that runs far beside the counter there is soon nothing to be had.
        assert_eq!(samples > 3, ppm == 1, "{ppm}: {samples}");
        assert!((silent_until..silent_until + 30_000).contains(&exact.unwrap()), "{exact:?} {silent_until}");
    }
}

/// Nothing that such a host sends is ever noticed; what it shows is right all the same.
#[test]
fn host_that_comes_to_run_as_the_counter_does_is_still_sampled() {
    let mut looks = Looks::new(SECOND);
    let last = *Driver { ppm: 20, raw_ppm: 0, message: 0 }.samples(&mut looks, 3).last().unwrap();
    let (mut ms, mut samples) = (last, Vec::new());
    while ms < last + 1_800_000 {
        let look = looks.look(ms * MS, ms * MS, 100);
        samples.extend(look.age.map(|_| ms - last));
        ms += look.again / MS;
    }
    // That messages have come is known when the driver would show nothing without them.
    assert!(samples.len() > 60 && samples[1] < 615_000, "{samples:?}");
    assert!(samples[1..].windows(2).all(|pair| pair[1] - pair[0] < 15_000), "{samples:?}");
}

#[test]
fn host_that_is_set_is_news() {
    let mut looks = Looks::new(16 * SECOND);
    for ms in [0, 250] {
        assert_eq!(looks.look(ms * MS, ms * MS, 100).age, None);
    }
    let look = looks.look(500 * MS, 500 * MS + 3600 * SECOND, 100);
    assert_eq!(look.age, Some(Age { ns: 0, error: 100 + NEWS, method: Method::Ptp }));
}

#[test]
fn reading_that_is_vague_makes_no_news() {
    let mut looks = Looks::new(16 * SECOND);
    for (look, off) in [0, 3_000, -3_000, 3_000, -3_000, 0].into_iter().enumerate() {
        let ms = look as i64 * 250;
        assert_eq!(looks.look(ms * MS, ms * MS + off, 3_000).age, None);
    }
}

#[test]
fn no_reading_overflows() {
    let mut looks = Looks::new(i64::MAX);
    for extreme in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MIN, i64::MAX] {
        for other in [i64::MAX, i64::MIN, 0] {
            let look = looks.look(extreme, other, extreme);
            assert!(look.again > 0, "{look:?}");
        }
    }
}
