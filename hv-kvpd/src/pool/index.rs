//! The in-memory index of one pool: every record's texts, packed, and the number of the record that counts for a key.
//!
//! No file is touched here. Records are numbered as in the file, so that a number is also an offset; an item is the
//! last record of its key. Reading by key or by position is O(1). Appending, overwriting and deleting the last record
//! are O(1) too; a delete in the middle renumbers in memory (microseconds at 10,000 records) and reads no file.
//! Hashing is keyed at random, because the host chooses the keys.

use std::hash::{BuildHasher, RandomState};

use self::table::Table;
use super::record::Texts;

mod table;

/// Garbage below this many bytes is not worth a compaction.
const GARBAGE_FLOOR: usize = 64 * 1024;

/// Bytes of text that a record is expected to have; what is not needed is not touched, and so costs no memory.
const EXPECTED_TEXT: usize = 128;

/// Where a record's texts lie in the arena: key, then value. `key == 0`: a record without key, which is no item.
#[derive(Debug, Clone, Copy)]
struct Slot {
    start: u32,
    key: u16,
    value: u16,
}

/// All records of one pool, in file order.
#[derive(Debug, Default)]
pub(crate) struct Index {
    arena: Vec<u8>,
    garbage: usize,
    slots: Vec<Slot>,
    /// Numbers of the records that are items, ascending.
    items: Vec<u32>,
    table: Table,
    hasher: RandomState,
}

impl Index {
    /// An empty index with room for `records` records.
    pub(crate) fn with_capacity(records: usize) -> Index {
        Index {
            // Reserved in one piece: growing step by step would leave as much again behind in the heap.
            arena: Vec::with_capacity(records * EXPECTED_TEXT),
            slots: Vec::with_capacity(records),
            items: Vec::with_capacity(records),
            table: Table::with_capacity(records),
            ..Index::default()
        }
    }

    /// Number of records, items or not.
    pub(crate) fn records(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Number of items: records with a key, the last of duplicates only.
    pub(crate) fn len(&self) -> u32 {
        self.items.len() as u32
    }

    /// The record that counts for `key`.
    pub(crate) fn find(&self, key: &[u8]) -> Option<u32> {
        self.cell(key).map(|cell| self.table.get(cell))
    }

    /// The value that counts for `key`.
    pub(crate) fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.find(key).map(|record| self.record(record).value)
    }

    /// The item at a position, in file order.
    pub(crate) fn item(&self, position: u32) -> Option<Texts<'_>> {
        self.items.get(position as usize).map(|&record| self.record(record))
    }

    /// All items, in file order.
    pub(crate) fn items(&self) -> impl Iterator<Item = Texts<'_>> {
        self.items.iter().map(|&record| self.record(record))
    }

    /// Every record with this key, ascending; more than one if there are duplicates.
    pub(crate) fn duplicates(&self, key: &[u8]) -> Vec<u32> {
        let Some(last) = self.find(key) else { return Vec::new() };
        if self.records() == self.len() {
            return vec![last];
        }
        (0..=last).filter(|&record| self.record(record).key == key).collect()
    }

    /// Appends a record as the file's next.
    pub(crate) fn push(&mut self, texts: Texts<'_>) {
        let record = self.records();
        let slot = self.store(texts);
        self.slots.push(slot);
        if texts.key.is_empty() {
            return;
        }
        match self.cell(texts.key) {
            Some(cell) => {
                let shadowed = self.table.get(cell);
                self.table.set(cell, record);
                self.drop_item(shadowed);
            }
            None => {
                let hash = self.hasher.hash_one(texts.key);
                let (slots, arena, hasher) = (&self.slots, &self.arena, &self.hasher);
                self.table
                    .insert(hash, record, |other| hasher.hash_one(key_of(arena, slots[other as usize])));
            }
        }
        self.items.push(record);
    }

    /// Gives a record another value.
    pub(crate) fn replace(&mut self, record: u32, value: &[u8]) {
        let old = self.slots[record as usize];
        let key = key_of(&self.arena, old).to_vec();
        self.garbage += usize::from(old.key) + usize::from(old.value);
        self.slots[record as usize] = self.store(Texts { key: &key, value });
        self.compact();
    }

    /// Removes all records of a key, which [`Index::duplicates`] listed, and renumbers those behind.
    pub(crate) fn remove(&mut self, key: &[u8], records: &[u32]) {
        let Some(cell) = self.cell(key) else { return };
        self.drop_item(self.table.get(cell));
        let (slots, arena, hasher) = (&self.slots, &self.arena, &self.hasher);
        self.table.remove(cell, |other| hasher.hash_one(key_of(arena, slots[other as usize])));
        for &record in records.iter().rev() {
            let slot = self.slots.remove(record as usize);
            self.garbage += usize::from(slot.key) + usize::from(slot.value);
        }
        if records.first().is_some_and(|&first| first < self.records()) {
            let renumber = |record: u32| record - records.partition_point(|&gone| gone < record) as u32;
            self.table.renumber(renumber);
            self.items.iter_mut().for_each(|record| *record = renumber(*record));
        }
        self.compact();
    }

    /// A record, item or not.
    pub(crate) fn record(&self, record: u32) -> Texts<'_> {
        let slot = self.slots[record as usize];
        let value = slot.start as usize + usize::from(slot.key);
        Texts { key: key_of(&self.arena, slot), value: &self.arena[value..value + usize::from(slot.value)] }
    }

    fn cell(&self, key: &[u8]) -> Option<usize> {
        self.table
            .find(self.hasher.hash_one(key), |record| key_of(&self.arena, self.slots[record as usize]) == key)
    }

    fn drop_item(&mut self, record: u32) {
        if let Ok(position) = self.items.binary_search(&record) {
            self.items.remove(position);
        }
    }

    fn store(&mut self, texts: Texts<'_>) -> Slot {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(texts.key);
        self.arena.extend_from_slice(texts.value);
        Slot { start, key: texts.key.len() as u16, value: texts.value.len() as u16 }
    }

    /// Squeezes the arena once half of it is garbage: amortised O(1) per change.
    fn compact(&mut self) {
        if self.garbage < GARBAGE_FLOOR || self.garbage * 2 < self.arena.len() {
            return;
        }
        let mut squeezed = Vec::with_capacity(self.arena.len() - self.garbage);
        for slot in &mut self.slots {
            let start = slot.start as usize;
            slot.start = squeezed.len() as u32;
            squeezed.extend_from_slice(
                &self.arena[start..start + usize::from(slot.key) + usize::from(slot.value)],
            );
        }
        self.arena = squeezed;
        self.garbage = 0;
    }
}

fn key_of(arena: &[u8], slot: Slot) -> &[u8] {
    &arena[slot.start as usize..][..usize::from(slot.key)]
}

#[cfg(test)]
mod tests;
