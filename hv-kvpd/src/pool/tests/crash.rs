//! A real process, really killed; and interrupted changes as the set meets them at start.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::pool::engine::tests::long_value;
use crate::pool::engine::tests::sim::next_random;

const VICTIM: &str = "HV_UTILS_TEST_VICTIM";
const POOL: Pool = Pool::Guest;

/// The change number `i` of a round; the same in the victim and in the judge.
fn change(seed: u64, i: u64) -> Change {
    let mut state = seed ^ (i << 32);
    let key = format!("key-{}", next_random(&mut state) % 8);
    match next_random(&mut state) % 16 {
        0..10 => Change::Set { pool: POOL, key, value: long_value(&format!("{seed}-{i}")) },
        10..15 => Change::Delete { pool: POOL, key },
        _ => Change::Clear { pool: POOL },
    }
}

fn apply(list: &mut Items, change: &Change) {
    match change {
        Change::Set { key, value, .. } => match list.iter_mut().rfind(|item| item.0 == *key) {
            Some(item) => item.1.clone_from(value),
            None => list.push((key.clone(), value.clone())),
        },
        Change::Delete { key, .. } => list.retain(|item| item.0 != *key),
        Change::Clear { .. } => list.clear(),
    }
}

/// Runs in a child process only: changes the pool for ever and tells each change that was acknowledged.
#[test]
fn child_that_is_killed() {
    let Ok(what) = std::env::var(VICTIM) else { return };
    let (seed, dir) = what.split_once(':').unwrap();
    let seed: u64 = seed.parse().unwrap();
    let dir = std::path::Path::new(dir);
    let (set_, _) = PoolSet::open(&PoolOptions::new(dir.join("hyperv"), dir.join("state"))).unwrap();
    println!("\nopen");
    for i in 0.. {
        match submit(&set_, change(seed, i)).result {
            Ok(_) | Err(PoolError::NoSuchKey { .. }) => println!("{i}"),
            Err(error) => panic!("{error}"),
        }
    }
}

fn start_victim(place: &Place, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pool::tests::crash::child_that_is_killed", "--nocapture"])
        .env(VICTIM, format!("{seed}:{}", place.dir.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a victim work and kills it; returns how many changes it has acknowledged.
fn kill_at_random(place: &Place, seed: u64, random: &mut u64) -> u64 {
    let mut victim = start_victim(place, seed);
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "open"));
    let mut acknowledged = 0;
    for _ in 0..next_random(random) % 4 {
        acknowledged = lines.next().unwrap().parse::<u64>().unwrap() + 1;
    }
    // Not at the acknowledgement itself, but anywhere within the next change or two.
    for _ in 0..next_random(random) % 40_000 {
        std::hint::spin_loop();
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it said before it died can still be read.
    lines.filter_map(|line| line.parse::<u64>().ok()).last().map_or(acknowledged, |last| last + 1)
}

#[test]
fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let place = Place::new();
    let mut random = 42;
    let mut list = Items::new();
    let mut between = 0;
    for seed in 0..200 {
        let acknowledged = kill_at_random(&place, seed, &mut random);
        let appended = (format!("foreign-{seed}"), long_value("foreign"));
        let append_now = next_random(&mut random).is_multiple_of(2);
        if append_now {
            append(&place.path(POOL), &file(std::slice::from_ref(&appended)));
        }
        let (set_, reports) = place.open();
        between += reports.len();
        (0..acknowledged).for_each(|i| apply(&mut list, &change(seed, i)));
        let mut next = list.clone();
        apply(&mut next, &change(seed, acknowledged));
        for list in [&mut list, &mut next] {
            list.extend(append_now.then(|| appended.clone()));
        }
        let now = items(&place.bytes(POOL));
        assert_eq!(place.bytes(POOL).len() % RECORD_BYTES, 0);
        assert!(now == list || now == next, "round {seed}, {acknowledged} acknowledged, {reports:?}");
        assert_eq!(super::list(&set_, POOL), now);
        list = now;
    }
    eprintln!("{between} of 200 kills came within a change");
}

/// Leaves the files as a kill behind the first write to the pool leaves them.
fn interrupt_delete(place: &Place, start: &Items) {
    std::fs::write(place.path(POOL), file(start)).unwrap();
    drop(place.open());
    let open = |path| {
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        medium::DiskFile::new(file.into())
    };
    let boot = journal::BootId(identity::boot_id(&place.options.proc_root));
    let journal = open(place.options.pool_dir.join(".hv-utils-journal_1"));
    let mut engine = engine::Engine::new(open(place.path(POOL)), journal, boot, u64::MAX / 2);
    engine.recover().unwrap();
    engine.log(&engine::tests::delete(&file(start), 0), None).unwrap();
    // The first record of the tail was shifted already.
    let mut bytes = file(start);
    bytes.copy_within(2560..5120, 0);
    std::fs::write(place.path(POOL), bytes).unwrap();
}

#[test]
fn an_interrupted_change_is_completed_at_start_and_told() {
    let place = Place::new();
    let start = engine::tests::sample(4);
    interrupt_delete(&place, &start);
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Completed]);
    assert_eq!(list(&set_, POOL), start[1..]);
    drop(set_);
    assert_eq!(place.open().1, []);
}

#[test]
fn an_interrupted_change_goes_around_what_others_appended() {
    let place = Place::new();
    let start = engine::tests::sample(4);
    interrupt_delete(&place, &start);
    append(&place.path(POOL), &one("theirs", "1"));
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Merged]);
    assert_eq!(list(&set_, POOL), [&start[1..], &pairs(&[("theirs", "1")])].concat());
}

#[test]
fn a_replaced_pool_is_not_touched_by_the_journal_of_the_old_one() {
    let place = Place::new();
    let start = engine::tests::sample(4);
    interrupt_delete(&place, &start);
    std::fs::write(place.options.pool_dir.join("restored"), file(&start)).unwrap();
    std::fs::rename(place.options.pool_dir.join("restored"), place.path(POOL)).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Dropped]);
    assert!(reports[0].text.contains("replaced"), "{}", reports[0]);
    assert_eq!(list(&set_, POOL), start);
}

#[test]
fn a_change_that_was_refused_is_not_carried_out_later() {
    let place = Place::new();
    let start = engine::tests::sample(4);
    interrupt_delete(&place, &start);
    // The disk failed at the first write; the old state was put back, the entry could not be cleared.
    std::fs::write(place.path(POOL), file(&start)).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Dropped]);
    assert_eq!(list(&set_, POOL), start);
}

#[test]
fn a_truncated_pool_is_not_filled_again() {
    let place = Place::new();
    interrupt_delete(&place, &engine::tests::sample(4));
    std::fs::write(place.path(POOL), one("CLOUD_INIT|1|start|a|b", "1")).unwrap();
    let (set_, _) = place.open();
    assert_eq!(list(&set_, POOL), pairs(&[("CLOUD_INIT|1|start|a|b", "1")]));
}
