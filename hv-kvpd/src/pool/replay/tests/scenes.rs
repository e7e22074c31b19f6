//! The sweep itself.

use super::*;

/// What another program does between the cut and the restart. All of them work as hv_kvp_daemon and cloud-init do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreign {
    Nothing,
    /// Appends this many new records.
    Append(usize),
    /// Overwrites the value of the first record with this key, or appends it.
    Set(usize),
    /// Both.
    SetAndAppend(usize),
}

const FOREIGN: [Foreign; 9] = [
    Foreign::Nothing,
    Foreign::Append(1),
    Foreign::Append(3),
    Foreign::Set(0),
    Foreign::Set(1),
    Foreign::Set(2),
    Foreign::Set(3),
    Foreign::SetAndAppend(0),
    Foreign::SetAndAppend(2),
];

impl Foreign {
    fn records(self) -> usize {
        match self {
            Foreign::Append(count) => count,
            Foreign::SetAndAppend(_) => 1,
            _ => 0,
        }
    }

    fn set(self) -> Option<(String, String)> {
        match self {
            Foreign::Set(i) | Foreign::SetAndAppend(i) => Some((format!("key-{i}"), long_value("foreign"))),
            _ => None,
        }
    }

    fn appended(self) -> Items {
        (0..self.records()).map(|i| (format!("foreign-{i}"), long_value("appended"))).collect()
    }

    /// On the file, byte-wise.
    fn act_on(self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some((key, value)) = self.set() {
            let at = items(&bytes).iter().position(|item| item.0 == key).map(|at| at * RECORD_BYTES);
            let record = file(&[(key, value)]);
            match at {
                Some(at) => bytes[at..at + RECORD_BYTES].copy_from_slice(&record),
                None => bytes.extend_from_slice(&record),
            }
        }
        bytes.extend_from_slice(&file(&self.appended()));
        bytes
    }

    /// On a list, as the oracle. A program that did not find its key (the power cut had left it in the journal only)
    /// has appended it instead.
    fn apply_to(self, mut list: Items, found: bool) -> Items {
        if let Some((key, value)) = self.set() {
            match list.iter_mut().find(|item| found && item.0 == key) {
                Some(item) => item.1 = value,
                None => list.push((key, value)),
            }
        }
        list.extend(self.appended());
        list
    }
}

/// How the daemon died.
#[derive(Debug, Clone, Copy)]
enum Death {
    Kill,
    PowerCut(u64),
}

impl Death {
    /// The disk and the boot id that the next start finds.
    fn survivor(self, disk: &SimDisk, boot: BootId) -> (SimDisk, BootId) {
        match self {
            Death::Kill => (disk.after_kill(), boot),
            Death::PowerCut(seed) => (disk.after_power_cut(seed), BootId([boot.0[0] + 1; 16])),
        }
    }
}

fn deaths() -> Vec<Death> {
    std::iter::once(Death::Kill).chain((0..6).map(Death::PowerCut)).collect()
}

struct Scene {
    name: &'static str,
    start: Vec<u8>,
    draft: Draft,
    old: Items,
    new: Items,
}

fn scene(name: &'static str, plan: impl FnOnce(&[u8]) -> Draft, change: impl FnOnce(&mut Items)) -> Scene {
    let old = sample(4);
    let start = file(&old);
    let mut new = old.clone();
    change(&mut new);
    Scene { name, draft: plan(&start), start, old, new }
}

fn set_scene(name: &'static str, record: usize) -> Scene {
    let key = format!("key-{record}");
    let draft = |start: &[u8]| set_existing(start, record as u64, &key, &long_value("ours"));
    scene(name, draft, |list| list[record].1 = long_value("ours"))
}

fn delete_scene(name: &'static str, record: usize) -> Scene {
    scene(name, |start| delete(start, record as u64), |list| drop(list.remove(record)))
}

/// A delete that removes two records of one key at once.
fn duplicates() -> Scene {
    let mut old = sample(4);
    old[0].0 = "twice".to_owned();
    old[2].0 = "twice".to_owned();
    let new = vec![old[1].clone(), old[3].clone()];
    let start = file(&old);
    let pieces = [1, 3].map(|record: u64| Piece::Kept { from: record * RECORD, len: RECORD }).to_vec();
    let len = start.len() as u64;
    let draft = Draft { kind: Kind::Rewrite, at: 0, len, before: len, pieces };
    Scene { name: "delete of duplicates", start, draft, old, new }
}

/// Recovers, and if `deep` with a further death at each call of the recovery, and checks that all ends are the same.
fn recover(disk: &SimDisk, boot: BootId, deep: bool, what: &str) -> Vec<u8> {
    let straight = disk.after_kill();
    let mut engine = engine(&straight, boot);
    engine.recover().unwrap();
    assert!(matches!(pending(&straight.journal).unwrap(), Found::Nothing), "{what}: journal not clear");
    let end = straight.pool.bytes();
    assert_eq!(engine.recover().unwrap(), Recovery::Nothing, "{what}");
    assert_eq!(straight.pool.bytes(), end, "{what}: not idempotent");
    if !deep {
        return end;
    }
    for call in 0.. {
        for death in [Death::Kill, Death::PowerCut(call as u64)] {
            let again = disk.after_kill();
            again.trouble_at(call, Trouble::Cut(512));
            let _ = super::engine(&again, boot).recover();
            if !again.is_dead() {
                return end;
            }
            let (third, boot) = death.survivor(&again, boot);
            super::engine(&third, boot).recover().unwrap();
            let (now, end) = (third.pool.bytes(), &end);
            assert!(
                now == *end,
                "{what}, recovery cut at {call} by {death:?}: {:?}, not {:?}",
                brief(&now),
                brief(end)
            );
        }
    }
    unreachable!("a recovery has an end")
}

/// A pool in a line: what a failed assertion shows.
fn brief(bytes: &[u8]) -> Vec<String> {
    items(bytes).iter().map(|item| format!("{}={:.12}({})", item.0, item.1, item.1.len())).collect()
}

/// One cut, one death, one foreign action: checks the end.
fn check(scene: &Scene, call: usize, through: usize, death: Death, foreign: Foreign) -> bool {
    let disk = SimDisk::new(scene.start.clone(), vec![0; 8192]);
    disk.trouble_at(call, Trouble::Cut(through));
    let mut daemon = engine(&disk, BOOT);
    let acknowledged = daemon.commit(&scene.draft, || true, || ()).is_ok();
    if acknowledged {
        let _ = daemon.settle();
    }
    let finished = !disk.is_dead();
    let (next, boot) = death.survivor(&disk, BOOT);
    next.pool.overwrite(foreign.act_on(next.pool.bytes()));
    let what = format!("{}, cut at {call}+{through}, {death:?}, {foreign:?}", scene.name);
    let end = recover(&next, boot, through == 0 && !matches!(death, Death::PowerCut(2..)), &what);
    assert!(end.len().is_multiple_of(RECORD_BYTES), "{what}: {} bytes", end.len());
    let now = items(&end);
    let found = [true, matches!(death, Death::Kill)];
    let is = |list: &Items| found.iter().any(|&found| now == foreign.apply_to(list.clone(), found));
    let (new, old) = (is(&scene.new), is(&scene.old));
    assert!(new || (old && !acknowledged), "{what}: acknowledged {acknowledged}: {:?}", brief(&end));
    finished
}

/// The shifted tail is written in several pieces here.
#[test]
fn a_long_delete_survives_every_cut() {
    let old = sample(40);
    let start = file(&old);
    let scene =
        Scene { name: "delete first of forty", draft: delete(&start, 0), new: old[1..].to_vec(), start, old };
    let deaths = [Death::Kill, Death::PowerCut(2)];
    let mut call = 0;
    loop {
        let mut finished = true;
        for through in [0, 20_480] {
            for (death, foreign) in
                deaths.into_iter().flat_map(|death| FOREIGN[..2].iter().map(move |&f| (death, f)))
            {
                finished &= check(&scene, call, through, death, foreign);
            }
        }
        if finished {
            break;
        }
        call += 1;
    }
    assert!(call >= 9, "{call} calls are too few for three pieces");
}

/// Cuts the scene at every call, in every way, with every foreign action.
fn sweep(scene: &Scene) {
    let mut call = 0;
    loop {
        let mut finished = true;
        for through in [0, 512, 4096] {
            for death in deaths() {
                for foreign in FOREIGN {
                    finished &= check(scene, call, through, death, foreign);
                }
            }
        }
        if finished {
            break;
        }
        call += 1;
    }
    assert!(call >= 6, "{}: {call} calls are too few to be all", scene.name);
}

#[test]
fn set_existing_first_survives_every_cut() {
    sweep(&set_scene("set existing, first", 0));
}

#[test]
fn set_existing_last_survives_every_cut() {
    sweep(&set_scene("set existing, last", 3));
}

#[test]
fn set_new_survives_every_cut() {
    let ours = || ("fresh".to_owned(), long_value("ours"));
    sweep(&scene("set new", |start| set_new(start, "fresh", &ours().1), |list| list.push(ours())));
}

#[test]
fn set_new_in_an_empty_pool_survives_every_cut() {
    let draft = set_new(&[], "fresh", &long_value("ours"));
    let new = vec![("fresh".to_owned(), long_value("ours"))];
    sweep(&Scene { name: "set new, empty pool", start: Vec::new(), draft, old: Vec::new(), new });
}

#[test]
fn delete_first_survives_every_cut() {
    sweep(&delete_scene("delete first", 0));
}

#[test]
fn delete_middle_survives_every_cut() {
    sweep(&delete_scene("delete middle", 1));
}

#[test]
fn delete_last_survives_every_cut() {
    sweep(&delete_scene("delete last", 3));
}

#[test]
fn delete_of_duplicates_survives_every_cut() {
    sweep(&duplicates());
}

#[test]
fn clear_survives_every_cut() {
    sweep(&scene("clear", clear, Vec::clear));
}
