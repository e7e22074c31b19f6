//! Tests of the rings, by subject; every helper starts from fresh memory of two rings with one control page each.

use super::*;
use alloc::sync::Arc;

mod bytes;
mod hostile;
mod model;
mod signals;
mod stress;

/// Bytes of a control page here.
const CONTROL: usize = 4096;

type Memory = Arc<HeapMemory>;
type Ends = (Producer<Memory>, Consumer<Memory>);

/// Two initialised rings of `data` bytes each.
fn memory(data: usize) -> Memory {
    let memory = Arc::new(HeapMemory::new(2 * (CONTROL + data)));
    initialise(&memory, CONTROL);
    memory
}

/// The guest's and the host's ends of the same rings.
fn both(memory: &Memory) -> (Ends, Ends) {
    (guest_ends(memory.clone(), CONTROL).unwrap(), host_ends(memory.clone(), CONTROL).unwrap())
}

/// Where a word of ring 0 or 1 lies.
fn word(memory: &Memory, ring: usize, offset: usize) -> usize {
    ring * memory.len() / 2 + offset
}

const WRITE_INDEX: usize = 0x00;
const READ_INDEX: usize = 0x04;
const MASK: usize = 0x08;
const PENDING: usize = 0x0c;
const FEATURES: usize = 0x40;
