//! A hash table of record numbers: open addressing, linear probing, no tombstones, four bytes a cell.
//!
//! It stores neither keys nor hashes; the caller lends both, so that each text is kept once, in the index's arena.

const EMPTY: u32 = u32::MAX;
const SMALLEST: usize = 16;

/// Record numbers by the hash of their keys.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: Vec<u32>,
    used: usize,
}

impl Table {
    /// A table that takes this many records without growing.
    pub(super) fn with_capacity(records: usize) -> Table {
        let cells = if records == 0 { 0 } else { (records * 4 / 3 + 1).next_power_of_two().max(SMALLEST) };
        Table { cells: vec![EMPTY; cells], used: 0 }
    }

    /// Finds the cell whose record satisfies `matches`.
    pub(super) fn find(&self, hash: u64, matches: impl Fn(u32) -> bool) -> Option<usize> {
        let mask = self.cells.len().checked_sub(1)?;
        let mut cell = hash as usize & mask;
        while self.cells[cell] != EMPTY {
            if matches(self.cells[cell]) {
                return Some(cell);
            }
            cell = (cell + 1) & mask;
        }
        None
    }

    /// The record number in a cell that [`Table::find`] returned.
    pub(super) fn get(&self, cell: usize) -> u32 {
        self.cells[cell]
    }

    /// Puts another record number into a cell that [`Table::find`] returned.
    pub(super) fn set(&mut self, cell: usize, record: u32) {
        self.cells[cell] = record;
    }

    /// Adds a record whose key is not in the table yet.
    pub(super) fn insert(&mut self, hash: u64, record: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.used + 1) * 4 > self.cells.len() * 3 {
            self.grow(hash_of);
        }
        self.place(hash, record);
        self.used += 1;
    }

    /// Empties a cell and closes the gap, so that no search stops too early.
    pub(super) fn remove(&mut self, cell: usize, hash_of: impl Fn(u32) -> u64) {
        let mask = self.cells.len() - 1;
        let mut gap = cell;
        let mut next = (gap + 1) & mask;
        while self.cells[next] != EMPTY {
            let home = hash_of(self.cells[next]) as usize & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(gap) & mask {
                self.cells[gap] = self.cells[next];
                gap = next;
            }
            next = (next + 1) & mask;
        }
        self.cells[gap] = EMPTY;
        self.used -= 1;
    }

    /// Renumbers every record.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        for cell in self.cells.iter_mut().filter(|cell| **cell != EMPTY) {
            *cell = number(*cell);
        }
    }

    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let wider = vec![EMPTY; (self.cells.len() * 2).max(SMALLEST)];
        for record in std::mem::replace(&mut self.cells, wider) {
            if record != EMPTY {
                self.place(hash_of(record), record);
            }
        }
    }

    fn place(&mut self, hash: u64, record: u32) {
        let mask = self.cells.len() - 1;
        let mut cell = hash as usize & mask;
        while self.cells[cell] != EMPTY {
            cell = (cell + 1) & mask;
        }
        self.cells[cell] = record;
    }
}

#[cfg(test)]
impl Table {
    /// Cells allocated, for the memory test.
    pub(super) fn capacity(&self) -> usize {
        self.cells.capacity()
    }
}
