//! An acknowledged change whose entry a kill or a power cut has left behind: whatever others do to the pool before the
//! restart, replay leaves the pool to the byte as they left it.

use super::*;

/// What another program does to whole records.
#[derive(Debug, Clone, Copy)]
enum Act {
    Truncate,
    DropLast,
    Delete(usize),
    Append,
    AppendOld(usize),
    Edit(usize),
}

fn acts() -> Vec<Act> {
    let numbered = |act: fn(usize) -> Act| (0..4).map(act);
    let single = [Act::Truncate, Act::DropLast, Act::Append];
    let numbered = numbered(Act::Delete).chain(numbered(Act::AppendOld)).chain(numbered(Act::Edit));
    single.into_iter().chain(numbered).collect()
}

fn act_on(list: &mut Items, act: Act, time: usize) {
    let old = sample(3);
    match act {
        Act::Truncate => list.clear(),
        Act::DropLast => drop(list.pop()),
        Act::Delete(at) if at < list.len() => drop(list.remove(at)),
        Act::Append => list.push((format!("theirs-{time}"), long_value("theirs"))),
        Act::AppendOld(at) if at < old.len() => list.push(old[at].clone()),
        Act::Edit(at) if at < list.len() => list[at].1 = long_value(&format!("edit-{time}")),
        _ => {}
    }
}

fn has_twins(list: &Items) -> bool {
    (1..list.len()).any(|at| list[..at].iter().any(|item| item.0 == list[at].0))
}

/// Within one boot. After a power cut the journal may hold the only copy of a record, and brings it back. A record
/// appended that is in the pool already, under its key, may be taken for the end of an unfinished shift.
#[test]
fn what_others_do_after_an_acknowledged_change_is_not_touched() {
    let start = file(&sample(3));
    let drafts = [
        delete(&start, 0),
        delete(&start, 1),
        delete(&start, 2),
        clear(&start),
        set_existing(&start, 1, "key-1", &long_value("ours")),
        set_new(&start, "fresh", &long_value("ours")),
    ];
    let mut checked = 0;
    for draft in &drafts {
        let disk = SimDisk::new(start.clone(), vec![0; 8192]);
        engine(&disk, BOOT).commit(draft, || true, || {}).unwrap();
        let changed = items(&disk.pool.bytes());
        let journal = disk.journal.bytes();
        for (first, second) in
            acts().into_iter().flat_map(|first| acts().into_iter().map(move |act| (first, act)))
        {
            let mut list = changed.clone();
            act_on(&mut list, first, 1);
            act_on(&mut list, second, 2);
            if has_twins(&list) {
                continue;
            }
            let left = file(&list);
            disk.pool.overwrite(left.clone());
            disk.journal.overwrite(journal.clone());
            let said = engine(&disk, BOOT).recover().unwrap();
            assert!(disk.pool.bytes() == left, "{draft:?}, {first:?}, {second:?}: {said:?}");
            checked += 1;
        }
    }
    assert!(checked > 1_000, "{checked}");
}
