use proptest::prelude::*;

use super::*;
use crate::counter::tests::host::Dice;

/// A machine's counter and clock; reading takes time.
struct Double {
    dice: Dice,
    /// True time, ns.
    time: f64,
    /// The clock is faster by so many ppm.
    ppm: f64,
    /// What the counter shows at true time 0.
    counter: i64,
    /// A read takes this, ns, and up to as much again.
    takes: f64,
    looks: u32,
    /// Before the look of this number the counter jumps by so many ticks.
    jumps: Vec<(u32, i64)>,
    stands: bool,
}

const RAW: i64 = 5_000_000_000;

impl Double {
    fn new(seed: u64, ppm: f64, takes: f64) -> Double {
        Double {
            dice: Dice::new(seed),
            time: 0.0,
            ppm,
            counter: 70_000_000,
            takes,
            looks: 0,
            jumps: Vec::new(),
            stands: false,
        }
    }

    fn pass(&mut self) {
        self.time += self.takes / 2.0 * (1.0 + self.dice.part());
    }

    fn raw(&self) -> i64 {
        RAW + (self.time * (1.0 + self.ppm * 1e-6)) as i64
    }

    /// How far a pair is from the truth, ns: the clock when this tick began.
    fn off(&self, pair: Pair) -> i64 {
        let begun = (pair.reference as i64 - self.counter) as f64 * 100.0;
        (pair.raw - RAW - (begun * (1.0 + self.ppm * 1e-6)) as i64).abs()
    }
}

impl Register for Double {
    fn look(&mut self) -> io::Result<Look> {
        self.looks += 1;
        let jump: i64 = self.jumps.iter().filter(|(at, _)| *at == self.looks).map(|(_, by)| by).sum();
        self.counter += jump;
        let before = self.raw();
        self.pass();
        let ticks = if self.stands { 0 } else { (self.time / 100.0) as i64 };
        let counter = (self.counter + ticks) as u64;
        self.pass();
        Ok(Look { before, counter, after: self.raw() })
    }
}

proptest! {
    #[test]
    fn a_pair_is_as_right_as_it_says(seed: u64, ppm in -90.0..90.0, takes in 150.0..200_000.0, looks in 2_u32..300) {
        let mut double = Double::new(seed, ppm, takes);
        // Of so short reads two may see the same tick.
        prop_assume!(takes * f64::from(looks) > 1000.0);
        let pair = measure(&mut double, looks).unwrap();
        prop_assert!(double.off(pair) <= pair.error + 1, "{pair:?} {}", double.off(pair));
        prop_assert!(double.looks <= looks + 1);
    }

    #[test]
    fn where_reads_are_shorter_than_a_tick_it_is_as_right_as_it_says(seed: u64, takes in 20.0..150.0) {
        let mut double = Double::new(seed, 0.0, takes);
        let pair = measure(&mut double, 100).unwrap();
        prop_assert!(double.off(pair) <= pair.error + 1, "{pair:?} {}", double.off(pair));
    }

    #[test]
    fn a_drift_during_many_reads_is_allowed_for(seed: u64, faster: bool) {
        let mut double = Double::new(seed, if faster { 95.0 } else { -95.0 }, 2000.0);
        let pair = measure(&mut double, 5000).unwrap();
        prop_assert!(double.off(pair) <= pair.error + 1, "{pair:?} {}", double.off(pair));
    }

    #[test]
    fn a_counter_that_jumped_once_is_measured_anew(seed: u64, at in 3_u32..30, by in prop::sample::select(vec![-60_000_i64, -5000, 5000, 1 << 40])) {
        let mut double = Double::new(seed, 20.0, 2000.0);
        double.jumps = vec![(at, by)];
        let pair = measure(&mut double, 32).unwrap();
        prop_assert!(double.off(pair) <= pair.error + 1, "{pair:?} {}", double.off(pair));
    }
}

#[test]
fn many_looks_are_narrower_than_a_few() {
    // A read takes 2 to 4 µs on the way in and on the way out: nothing tells more than 4 µs of where it was made.
    for seed in 0..20 {
        let error = |looks| measure(&mut Double::new(seed, 20.0, 4000.0), looks).unwrap().error;
        assert!(error(256) < 2300 && error(256) < error(2), "{} {}", error(256), error(2));
    }
}

#[test]
fn it_stops_when_it_is_narrow_enough() {
    let mut double = Double::new(7, 20.0, 240.0);
    let pair = measure(&mut double, 60_000).unwrap();
    assert!(pair.error <= ENOUGH && double.looks < 100, "{pair:?} {}", double.looks);
}

#[test]
fn a_counter_that_jumps_all_the_time_is_given_up_after_three_tries() {
    let mut double = Double::new(7, 20.0, 4000.0);
    double.jumps = (1..1000).map(|at| (at, 10_000)).collect();
    assert!(matches!(measure(&mut double, 256), Err(Problem::Jumping)));
    assert_eq!(double.looks, 1 + 3 * 2);
}

#[test]
fn a_counter_that_does_not_move_is_none() {
    for value in [0, 70_000_000] {
        let mut double = Double { stands: true, counter: value, ..Double::new(7, 0.0, 4000.0) };
        let problem = measure(&mut double, 256).unwrap_err();
        assert!(matches!(problem, Problem::Standing(at) if at == value as u64), "{problem}");
        assert!(double.looks <= 1 + 3 * 256);
    }
}

#[test]
fn what_the_kernel_says_is_handed_on() {
    struct Broken;
    impl Register for Broken {
        fn look(&mut self) -> io::Result<Look> {
            Err(rustix::io::Errno::IO.into())
        }
    }
    let problem = measure(&mut Broken, 256).unwrap_err();
    assert!(matches!(problem, Problem::Read(error) if error.raw_os_error() == Some(5)));
}

proptest! {
    #[test]
    fn no_values_make_it_overflow(looks in prop::collection::vec((any::<i64>(), any::<u64>(), any::<i64>()), 1..50)) {
        struct Hostile(Vec<(i64, u64, i64)>, usize);
        impl Register for Hostile {
            fn look(&mut self) -> io::Result<Look> {
                self.1 = (self.1 + 1) % self.0.len();
                let (before, counter, after) = self.0[self.1];
                Ok(Look { before, counter, after })
            }
        }
        if let Ok(pair) = measure(&mut Hostile(looks, 0), 64) {
            prop_assert!(pair.error >= 0 && pair.raw >= 0);
        }
    }
}
