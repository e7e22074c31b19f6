//! What is joined, what is not, and that it is bounded.

use super::*;
use proptest::prelude::*;

fn all(gather: &mut Gather) -> Vec<Piece> {
    std::iter::from_fn(|| gather.rest()).collect()
}

#[test]
fn bytes_that_follow_each_other_are_one_piece() {
    let mut gather = Gather::default();
    for (offset, data) in [(10, "ab"), (12, "cd"), (14, ""), (14, "e")] {
        gather.push(offset, data.as_bytes());
        assert!(gather.turn().is_none() && gather.has_room());
    }
    assert_eq!(all(&mut gather), [Piece { offset: 10, data: b"abcde".to_vec() }]);
    assert_eq!(gather.rest(), None);
}

#[test]
fn bytes_that_do_not_are_pieces_of_their_own_in_the_order_in_which_they_came() {
    let mut gather = Gather::default();
    for (offset, data) in [(4, "b"), (0, "a"), (0, "c"), (u64::MAX, "d")] {
        gather.push(offset, data.as_bytes());
    }
    let pieces: Vec<_> = all(&mut gather).into_iter().map(|piece| (piece.offset, piece.data)).collect();
    let expected = [(4, b"b"), (0, b"a"), (0, b"c"), (u64::MAX, b"d")];
    assert_eq!(pieces, expected.map(|(offset, data)| (offset, data.to_vec())));
}

#[test]
fn full_piece_goes_and_two_that_are_away_hold_the_third() {
    let mut gather = Gather::default();
    let whole = vec![7; MAX_DATA];
    let mut offset = 0;
    let mut fill = |gather: &mut Gather| {
        for _ in 0..42 {
            gather.push(offset, &whole);
            offset += MAX_DATA as u64;
        }
    };
    for _ in 0..MOST_AWAY {
        fill(&mut gather);
        let piece = gather.turn().unwrap();
        assert_eq!(piece.data.len(), PIECE_BYTES);
        assert!(gather.has_room());
    }
    fill(&mut gather);
    assert!(gather.turn().is_none() && !gather.has_room(), "the host waits");
    gather.back(Vec::with_capacity(PIECE_BYTES));
    assert_eq!(gather.turn().unwrap().offset, 2 * PIECE_BYTES as u64);
    assert!(gather.has_room());
}

#[test]
fn what_is_cleared_is_gone_and_what_was_away_still_counts() {
    let mut gather = Gather::default();
    for offset in [0, 10, 20, 30] {
        gather.push(offset, b"x");
    }
    assert!(gather.turn().is_some() && gather.turn().is_some());
    gather.clear();
    assert!(gather.has_room() && gather.rest().is_none());
    for offset in [0, 10] {
        gather.push(offset, b"y");
    }
    assert!(gather.turn().is_none(), "two are away still");
    gather.back(Vec::new());
    assert_eq!(gather.turn(), Some(Piece { offset: 0, data: b"y".to_vec() }));
}

proptest! {
    #[test]
    fn whatever_comes_is_written_as_it_came(writes in prop::collection::vec((0_u64..30_000, 0..=MAX_DATA), 0..60)) {
        let (mut gather, mut expected, mut written) = (Gather::default(), vec![0; 40_000], vec![0; 40_000]);
        let mut write = |piece: Piece| {
            let offset = piece.offset as usize;
            written[offset..offset + piece.data.len()].copy_from_slice(&piece.data);
            piece.data
        };
        for (index, (offset, bytes)) in writes.into_iter().enumerate() {
            let data = vec![index as u8 + 1; bytes];
            expected[offset as usize..offset as usize + bytes].copy_from_slice(&data);
            gather.push(offset, &data);
            while let Some(piece) = gather.turn() {
                prop_assert!(piece.data.len() <= PIECE_BYTES);
                let buffer = write(piece);
                gather.back(buffer);
            }
            prop_assert!(gather.has_room());
        }
        while let Some(piece) = gather.rest() {
            write(piece);
        }
        prop_assert_eq!(written, expected);
    }
}
