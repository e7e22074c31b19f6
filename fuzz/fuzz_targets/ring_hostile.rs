//! A guest's ends of two rings, against a host that writes anything anywhere at any time between two calls.
//!
//! Properties: never more than the limit is taken out; our own indices stay possible and are the only words of ours
//! that move; what we write stays inside our ring; corruption does not heal by itself. The input is a script of
//! actions; noise of the host comes from it as well.
#![no_main]

use hv_utils_core::wire::ring::{
    Consumer, HeapMemory, PacketHeader, Producer, PushError, RingMemory, guest_ends, initialise,
};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const CONTROL: usize = 4096;
const DATA: usize = 4096;
const RING: usize = CONTROL + DATA;

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }
}

struct Guest {
    memory: Arc<HeapMemory>,
    producer: Producer<Arc<HeapMemory>>,
    consumer: Consumer<Arc<HeapMemory>>,
    payload: Vec<u8>,
}

fuzz_target!(|input: &[u8]| {
    let memory = Arc::new(HeapMemory::new(2 * RING));
    initialise(&memory, CONTROL);
    let (producer, consumer) = guest_ends(memory.clone(), CONTROL).expect("fresh rings");
    let mut guest = Guest { memory, producer, consumer, payload: Vec::new() };
    let mut script = Script(input);
    while guest.step(&mut script).is_some() {}
});

impl Guest {
    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 8 {
            0 | 1 => self.pop(script.number()? % 5000),
            2 => self.push(script.number()? % 5000),
            3 => {
                self.consumer.mask();
                assert_eq!(self.memory.load(RING + 8), 1);
            }
            4 => {
                let _ = self.consumer.unmask();
                assert_eq!(self.memory.load(RING + 8), 0);
            }
            5 => self.host_word(script.byte()?, script.number()?),
            6 => self.host_packet(script)?,
            _ => {
                let at = (usize::from(script.number()?) % DATA) & !7;
                let bytes = [script.byte()?, script.byte()?, script.byte()?, script.byte()?];
                self.memory.write(RING + CONTROL + at, &bytes);
            }
        }
        Some(())
    }

    fn pop(&mut self, limit: u16) {
        let limit = usize::from(limit);
        let before = self.own_words();
        match self.consumer.pop(&mut self.payload, limit) {
            Ok(Some(popped)) => {
                assert_eq!(popped.oversized, popped.payload_len > limit);
                assert_eq!(self.payload.len(), if popped.oversized { 0 } else { popped.payload_len });
                assert!(popped.payload_len + 24 < DATA);
            }
            Ok(None) => assert_eq!(self.own_words(), before),
            Err(corruption) => {
                assert_eq!(self.own_words(), before);
                assert_eq!(self.consumer.pop(&mut self.payload, limit), Err(corruption));
            }
        }
        assert!(self.payload.capacity() <= 5000);
    }

    fn push(&mut self, length: u16) {
        let mut theirs = vec![0; RING];
        self.memory.read(RING, &mut theirs);
        let before = self.own_words();
        let payload = vec![0xaa; usize::from(length)];
        match self.producer.push(PacketHeader::in_band(1), &payload) {
            Ok(_) => assert_ne!(self.own_words(), before),
            Err(PushError::Full) => assert_ne!(self.memory.load(0x0c), 0, "nobody will wake us"),
            Err(PushError::TooLarge | PushError::Corrupt(_)) => assert_eq!(self.own_words(), before),
        }
        let mut after = vec![0; RING];
        self.memory.read(RING, &mut after);
        assert_eq!(after, theirs, "a push wrote into the other ring");
    }

    /// Our two indices; whatever happens they are possible.
    fn own_words(&self) -> [u32; 2] {
        let words = [self.memory.load(0), self.memory.load(RING + 4)];
        assert!(words.iter().all(|word| *word < DATA as u32 && word.is_multiple_of(8)));
        words
    }

    /// The host writes one of the words that are its own: usually a small number, sometimes a wild one.
    fn host_word(&mut self, which: u8, value: u16) {
        let value = match which & 0x18 {
            0 => u32::from(value),
            8 => u32::from(value) & 0xff8,
            0x10 => u32::from(value) << 16 | 0xffff,
            _ => u32::MAX - u32::from(value),
        };
        let offset = [0x04, 0x08, RING, RING + 0x0c, RING + 0x40][usize::from(which & 7) % 5];
        self.memory.store(offset, value);
    }

    /// The host queues something that looks like a packet at our read index.
    fn host_packet(&mut self, script: &mut Script<'_>) -> Option<()> {
        let read = self.memory.load(RING + 4);
        let (offset8, length8) = (u16::from(script.byte()?) % 8, script.number()? % 600);
        let mut descriptor = vec![script.byte()?, 0];
        descriptor.extend(offset8.to_le_bytes());
        descriptor.extend(length8.to_le_bytes());
        descriptor.extend(u16::from(script.byte()?).to_le_bytes());
        self.memory.write(RING + CONTROL + read as usize, &descriptor);
        let write = (read + u32::from(script.number()? % 600) * 8) % DATA as u32;
        self.memory.store(RING, write);
        Some(())
    }
}
