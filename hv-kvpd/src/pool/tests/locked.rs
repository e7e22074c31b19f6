//! Real holders of both kinds of lock, in other processes and threads.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, fcntl_lock, flock};

use super::*;

const HOLD: &str = "HV_UTILS_TEST_HOLD";

/// Runs in a child process only: holds a lock until its standard input ends.
#[test]
fn child_that_holds_a_lock() {
    let Ok(what) = std::env::var(HOLD) else { return };
    let (kind, path) = what.split_once(':').unwrap();
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    match kind {
        "flock" => flock(&file, FlockOperation::LockExclusive).unwrap(),
        _ => fcntl_lock(&file, FlockOperation::LockExclusive).unwrap(),
    }
    println!("\nlocked");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

struct Holder(Child);

impl Holder {
    fn start(kind: &str, path: &std::path::Path) -> Holder {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pool::tests::locked::child_that_holds_a_lock", "--nocapture"])
            .env(HOLD, format!("{kind}:{}", path.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.map(Result::unwrap).any(|line| line == "locked"));
        Holder(child)
    }

    fn release(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_lock_held_by_another_process_is_waited_for_and_then_busy() {
    for kind in ["flock", "fcntl"] {
        let place = Place::new();
        let (set_, _) = place.open();
        submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
        let holder = Holder::start(kind, &place.path(Pool::Guest));
        let error = submit(&set_, set(Pool::Guest, "k", "2")).result.unwrap_err();
        let PoolError::Busy { path, waited } = &error else { panic!("{kind}: {error}") };
        assert_eq!(*path, place.path(Pool::Guest));
        assert!(*waited >= place.options.lock_timeout, "{kind}");
        assert_eq!(items(&place.bytes(Pool::Guest)), pairs(&[("k", "1")]), "{kind}");
        assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("1"), "reads do not wait");
        holder.release();
        submit(&set_, set(Pool::Guest, "k", "2")).result.unwrap();
    }
}

#[test]
fn a_lock_released_in_time_only_delays() {
    let mut place = Place::new();
    place.options.lock_timeout = Duration::from_secs(600);
    let (set_, _) = place.open();
    let holder = Holder::start("flock", &place.path(Pool::Guest));
    let (sender, receiver) = mpsc::channel();
    set_.submit(set(Pool::Guest, "k", "1"), move |outcome| sender.send(outcome).unwrap());
    // Another pool is served meanwhile; its answer shows that the first request was tried and waits.
    submit(&set_, set(Pool::External, "k", "1")).result.unwrap();
    assert!(receiver.try_recv().is_err());
    holder.release();
    receiver.recv().unwrap().result.unwrap();
    assert_eq!(items(&place.bytes(Pool::Guest)), pairs(&[("k", "1")]));
}

#[test]
fn a_lock_held_at_start_delays_its_own_pool_only() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), one("k", "1")).unwrap();
    std::fs::write(place.path(Pool::AutoExternal), one("HostName", "alpha")).unwrap();
    let holders = [Pool::External, Pool::AutoExternal].map(|pool| {
        drop(std::fs::File::options().append(true).create(true).open(place.path(pool)).unwrap());
        Holder::start("flock", &place.path(pool))
    });
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Unavailable; 2]);
    assert!(reports[1].text.contains(".kvp_pool_3 is locked by another program"), "{}", reports[1]);
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("1"));
    assert!(set_.is_empty(Pool::AutoExternal) && set_.stale(Pool::AutoExternal));
    assert!(matches!(refresh(&set_, Pool::AutoExternal).result, Err(PoolError::Busy { .. })));
    holders.into_iter().for_each(Holder::release);
    let outcome = refresh(&set_, Pool::AutoExternal);
    assert_eq!(outcome.foreign.len(), 1, "what it has is news now");
    assert_eq!(set_.get(Pool::AutoExternal, "HostName").as_deref(), Some("alpha"));
}

#[test]
fn a_reader_that_shares_its_lock_does_not_keep_us_from_reading() {
    let place = Place::new();
    let (set_, _) = place.open();
    append(&place.path(Pool::Guest), &one("theirs", "1"));
    let reader = std::fs::File::open(place.path(Pool::Guest)).unwrap();
    flock(&reader, FlockOperation::LockShared).unwrap();
    assert_eq!(refresh(&set_, Pool::Guest).foreign.len(), 1);
    let refused = submit(&set_, set(Pool::Guest, "k", "1")).result;
    assert!(matches!(refused, Err(PoolError::Busy { .. })));
    drop(place.open());
}

/// Another program appends under the lock that it knows; none of its records and none of ours is lost or torn.
#[test]
fn a_locked_writer_of_either_kind_and_we_lose_nothing() {
    for kind in ["flock", "fcntl"] {
        let mut place = Place::new();
        place.options.lock_timeout = Duration::from_secs(600);
        let (set_, _) = place.open();
        let path = place.path(Pool::Guest);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..EACH).for_each(|i| append_locked(kind, &path, &format!("theirs-{i}"))));
            for i in 0..EACH {
                submit(&set_, set(Pool::Guest, &format!("ours-{i}"), "v")).result.unwrap();
                if i % 3 == 0 {
                    submit(&set_, delete(Pool::Guest, &format!("ours-{i}"))).result.unwrap();
                }
            }
        });
        refresh(&set_, Pool::Guest).result.unwrap();
        let bytes = place.bytes(Pool::Guest);
        assert!(bytes.len().is_multiple_of(RECORD_BYTES), "{kind}");
        let mut now: Vec<_> = items(&bytes).into_iter().map(|item| item.0).collect();
        assert_eq!(set_.len(Pool::Guest) as usize, now.len(), "{kind}");
        now.sort_unstable();
        let ours = (0..EACH).filter(|i| i % 3 != 0).map(|i| format!("ours-{i}"));
        let mut expected: Vec<_> = (0..EACH).map(|i| format!("theirs-{i}")).chain(ours).collect();
        expected.sort_unstable();
        assert_eq!(now, expected, "{kind}");
    }
}

const EACH: usize = 60;

/// In two writes, as a buffered writer may do it.
fn append_locked(kind: &str, path: &std::path::Path, key: &str) {
    let file = std::fs::File::options().read(true).append(true).open(path).unwrap();
    match kind {
        "flock" => flock(&file, FlockOperation::LockExclusive).unwrap(),
        _ => fcntl_lock(&file, FlockOperation::LockExclusive).unwrap(),
    }
    let record = one(key, "v");
    (&file).write_all(&record[..700]).unwrap();
    (&file).write_all(&record[700..]).unwrap();
}
