//! Two threads, one ring of a single page, and nothing but the signals to wake each other.
//!
//! A signal too few hangs a thread; the deadline of the doorbell turns that into a failure. Signals are counted, so
//! that signalling always would be seen as well.

use super::*;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

const PACKETS: u64 = 60_000;

/// An event counter as an eventfd has it.
#[derive(Default)]
struct Doorbell {
    rings: Mutex<u64>,
    changed: Condvar,
}

impl Doorbell {
    fn ring(&self, signal: Signal) {
        if signal == Signal::Needed {
            *self.rings.lock().unwrap() += 1;
            self.changed.notify_one();
        }
    }

    /// Waits until it has rung more than `seen` times; returns how often it has.
    fn wait(&self, seen: u64) -> u64 {
        let patience = Duration::from_secs(60); // a hang, not a measurement
        let rings = self.rings.lock().unwrap();
        let (rings, timeout) =
            self.changed.wait_timeout_while(rings, patience, |rings| *rings <= seen).unwrap();
        assert!(!timeout.timed_out(), "nobody rang: a signal was lost");
        *rings
    }
}

fn length(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize % 700
}

fn produce(mut producer: Producer<Memory>, data: &Doorbell, space: &Doorbell) {
    let mut seen = 0;
    for number in 0..PACKETS {
        let payload = vec![number as u8; length(number)];
        loop {
            match producer.push(PacketHeader::in_band(number), &payload) {
                Ok(signal) => break data.ring(signal),
                Err(PushError::Full) => seen = space.wait(seen),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn consume(mut consumer: Consumer<Memory>, data: &Doorbell, space: &Doorbell) {
    let mut payload = Vec::new();
    let (mut next, mut seen) = (0, 0);
    while next < PACKETS {
        consumer.mask();
        while let Some(popped) = consumer.pop(&mut payload, 4096).unwrap() {
            space.ring(popped.signal);
            assert_eq!(popped.header.transaction_id, next);
            let sent = length(next);
            assert_eq!(payload.len(), sent.next_multiple_of(8));
            assert!(payload[..sent].iter().all(|byte| *byte == next as u8), "packet {next} is torn");
            assert!(payload[sent..].iter().all(|byte| *byte == 0));
            next += 1;
        }
        if next < PACKETS && !consumer.unmask().unwrap() {
            seen = data.wait(seen);
        }
    }
}

fn run(producer: Producer<Memory>, consumer: Consumer<Memory>) {
    let (data, space) = (Doorbell::default(), Doorbell::default());
    thread::scope(|scope| {
        scope.spawn(|| produce(producer, &data, &space));
        scope.spawn(|| consume(consumer, &data, &space));
    });
    let (data, space) = (*data.rings.lock().unwrap(), *space.rings.lock().unwrap());
    assert!(data < PACKETS && space < PACKETS, "{data} and {space} signals for {PACKETS} packets");
}

#[test]
fn guest_to_host_loses_no_wake_up() {
    let ((producer, _), (_, consumer)) = both(&memory(4096));
    run(producer, consumer);
}

#[test]
fn host_to_guest_loses_no_wake_up() {
    let ((_, consumer), (producer, _)) = both(&memory(4096));
    run(producer, consumer);
}
