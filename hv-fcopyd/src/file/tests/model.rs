//! Pieces in any order, again, overlapping, with gaps: judged by a model that is a map of bytes.

use super::super::ranges::Ranges;
use crate::testing::World;
use hv_utils_core::wire::Status;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

const SIZE: u64 = 40;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_interleaving_gives_the_bytes_that_came_last(
        size in 0..SIZE,
        pieces in prop::collection::vec((0..SIZE + 4, 0..12_usize, any::<u8>()), 0..24),
        overwrite: bool,
    ) {
        let world = World::new();
        if overwrite {
            fs::write(world.path("root/f"), "what was there").unwrap();
        }
        let mut model = BTreeMap::new();
        let mut incoming = world.begin(size, overwrite);
        for (offset, length, byte) in pieces {
            let written = incoming.write(offset, &vec![byte; length]);
            if offset + length as u64 <= size {
                prop_assert_eq!(written, Ok(()));
                model.extend((offset..offset + length as u64).map(|at| (at, byte)));
            } else {
                prop_assert_eq!(written.unwrap_err().status, Status(0x8007_0057));
            }
            prop_assert_eq!(incoming.done(), model.len() as u64);
        }
        let completed = incoming.complete();
        let now = fs::read(world.path("root/f")).ok();
        if model.len() as u64 == size {
            prop_assert_eq!(completed, Ok(()));
            prop_assert_eq!(now, Some(model.into_values().collect::<Vec<_>>()));
        } else {
            prop_assert_eq!(completed.unwrap_err().status, Status(0x8007_0026));
            prop_assert_eq!(now, overwrite.then(|| b"what was there".to_vec()));
        }
        let files = if world.path("root/f").exists() { vec!["root/", "root/f"] } else { vec!["root/"] };
        prop_assert_eq!(world.tree(), files);
    }

    #[test]
    fn ranges_are_the_set_of_their_bytes(pieces in prop::collection::vec((0..60_u64, 0..9_u64), 0..40)) {
        let (mut ranges, mut model) = (Ranges::default(), std::collections::BTreeSet::new());
        for (begin, length) in pieces {
            prop_assert!(ranges.accepts(begin, begin + length));
            ranges.add(begin, begin + length);
            model.extend(begin..begin + length);
            prop_assert_eq!(ranges.total(), model.len() as u64);
            let missing = (0..).find(|at| !model.contains(at));
            prop_assert_eq!(Some(ranges.first_gap()), missing);
        }
    }
}

#[test]
fn gaps_are_bounded_and_can_be_filled() {
    let world = World::new();
    let size = 3000;
    let mut incoming = world.begin(size, false);
    for at in 0..1024 {
        incoming.write(at * 2, b"x").unwrap();
    }
    assert_eq!(incoming.write(2999, b"x").unwrap_err().status, Status(0x8007_0057));
    assert_eq!(incoming.done(), 1024);
    // Beside one, or over several, is no further gap.
    incoming.write(2047, b"y").unwrap();
    incoming.write(0, &[b'z'; 100]).unwrap();
    incoming.write(2999, b"x").unwrap();
    incoming.write(0, &[b'z'; 3000]).unwrap();
    incoming.complete().unwrap();
    assert_eq!(fs::read(world.path("root/f")).unwrap(), [b'z'; 3000]);
}

#[test]
fn pieces_beyond_the_end_are_refused_whatever_their_numbers() {
    let world = World::new();
    let mut incoming = world.begin(10, false);
    for offset in [10, 11, u64::MAX, u64::MAX - 1, 1 << 63] {
        assert_eq!(incoming.write(offset, b"x").unwrap_err().status, Status(0x8007_0057), "{offset}");
    }
    assert_eq!(incoming.write(9, b"xy").unwrap_err().status, Status(0x8007_0057));
    incoming.write(10, b"").unwrap();
    incoming.write(0, b"0123456789").unwrap();
    incoming.complete().unwrap();
}

#[test]
fn long_file_that_the_disk_began_with_is_the_same() {
    let world = World::new();
    let size = 40 << 20;
    let byte = |at: u64| u8::try_from(at / 6144 % 251).unwrap();
    let mut incoming = world.begin(size, false);
    let mut at = 0;
    while at < size {
        let length = usize::try_from((size - at).min(6144)).unwrap();
        incoming.write(at, &vec![byte(at); length]).unwrap();
        at += length as u64;
    }
    assert!(incoming.begun >= size - (8 << 20), "{}", incoming.begun);
    incoming.complete().unwrap();
    let read = fs::read(world.path("root/f")).unwrap();
    assert_eq!(read.len() as u64, size);
    assert!((0_u64..).zip(&read).all(|(at, found)| *found == byte(at)));
}
