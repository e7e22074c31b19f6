//! The ring against a model that knows nothing of indices: a queue of packets and the sum of their sizes.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const DATA: usize = 4096;

#[derive(Debug, Clone)]
enum Action {
    Push { length: usize, fill: u8 },
    Pop { limit: usize },
    Mask,
    Unmask,
}

fn action() -> impl Strategy<Value = Action> {
    let length = prop_oneof![4 => 0..200_usize, 2 => 200..1500_usize, 1 => 3900..4200_usize];
    prop_oneof![
        5 => (length, any::<u8>()).prop_map(|(length, fill)| Action::Push { length, fill }),
        4 => prop_oneof![4 => Just(8192), 1 => 0..300_usize].prop_map(|limit| Action::Pop { limit }),
        1 => Just(Action::Mask),
        1 => Just(Action::Unmask),
    ]
}

/// What a ring must do, in terms of packets only.
#[derive(Default)]
struct Model {
    packets: VecDeque<(u64, Vec<u8>)>,
    sent: u64,
    masked: bool,
    wanted: Option<usize>,
}

fn space(payload: usize) -> usize {
    16 + payload.next_multiple_of(8) + 8
}

fn needed(yes: bool) -> Signal {
    if yes { Signal::Needed } else { Signal::NotNeeded }
}

impl Model {
    fn free(&self) -> usize {
        DATA - self.packets.iter().map(|(_, payload)| space(payload.len())).sum::<usize>()
    }

    fn push(&mut self, length: usize, fill: u8) -> Result<Signal, PushError> {
        if space(length) > DATA - 8 {
            return Err(PushError::TooLarge);
        }
        if space(length) > self.free() - 8 {
            self.wanted = Some(space(length));
            return Err(PushError::Full);
        }
        self.wanted = None;
        let was_empty = self.packets.is_empty();
        let mut payload = vec![fill; length];
        payload.resize(length.next_multiple_of(8), 0);
        self.packets.push_back((self.sent, payload));
        self.sent += 1;
        Ok(needed(was_empty && !self.masked))
    }

    fn pop(&mut self, limit: usize) -> Option<(Popped, Vec<u8>)> {
        let before = self.free();
        let (transaction_id, payload) = self.packets.pop_front()?;
        let now_fits = self.wanted.is_some_and(|space| before - 8 < space && self.free() - 8 >= space);
        let oversized = payload.len() > limit;
        let popped = Popped {
            header: PacketHeader::in_band(transaction_id),
            payload_len: payload.len(),
            oversized,
            signal: needed(now_fits),
        };
        Some((popped, if oversized { Vec::new() } else { payload }))
    }
}

fn run(
    actions: Vec<Action>,
    mut producer: Producer<Memory>,
    mut consumer: Consumer<Memory>,
) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    let mut payload = Vec::new();
    for action in actions {
        match action {
            Action::Push { length, fill } => {
                let header = PacketHeader::in_band(model.sent);
                let expected = model.push(length, fill);
                prop_assert_eq!(producer.push(header, &vec![fill; length]), expected);
            }
            Action::Pop { limit } => {
                let expected = model.pop(limit);
                let popped = consumer.pop(&mut payload, limit).unwrap();
                prop_assert_eq!(popped, expected.as_ref().map(|(popped, _)| *popped));
                prop_assert_eq!(&payload, &expected.map(|(_, payload)| payload).unwrap_or_default());
            }
            Action::Mask => {
                consumer.mask();
                model.masked = true;
            }
            Action::Unmask => {
                prop_assert_eq!(consumer.unmask(), Ok(!model.packets.is_empty()));
                model.masked = false;
            }
        }
        prop_assert_eq!(producer.free_bytes(), Ok(model.free()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn guest_to_host_behaves_as_the_model(actions in proptest::collection::vec(action(), 0..120)) {
        let ((producer, _), (_, consumer)) = both(&memory(DATA));
        run(actions, producer, consumer)?;
    }

    #[test]
    fn host_to_guest_behaves_as_the_model(actions in proptest::collection::vec(action(), 0..120)) {
        let ((_, consumer), (producer, _)) = both(&memory(DATA));
        run(actions, producer, consumer)?;
    }

    /// Random bytes as a whole ring: packets, the end, or corruption; the reader never runs out of the ring, and
    /// never for ever.
    #[test]
    fn a_ring_of_noise_ends_in_finitely_many_packets(
        words in proptest::collection::vec(any::<u64>(), DATA / 8),
        small in any::<bool>(),
        write in 0..(DATA as u32 / 8),
        read in 0..(DATA as u32 / 8),
    ) {
        let memory = memory(DATA);
        for (position, word) in words.into_iter().enumerate() {
            // Noise alone is nearly always corrupt at once; small lengths let the reader walk.
            let word = if small { word & 0xffff_0007_0003_ffff | 0x2_0000 } else { word };
            memory.write(super::word(&memory, 1, CONTROL) + position * 8, &word.to_le_bytes());
        }
        memory.store(super::word(&memory, 1, WRITE_INDEX), write * 8);
        memory.store(super::word(&memory, 1, READ_INDEX), read * 8);
        let (_, mut consumer) = guest_ends(memory, CONTROL).unwrap();
        let mut payload = Vec::new();
        let mut taken = 0;
        while let Ok(Some(popped)) = consumer.pop(&mut payload, DATA) {
            taken += popped.payload_len + 24;
            prop_assert!(taken < DATA, "read more than there is");
        }
    }
}
