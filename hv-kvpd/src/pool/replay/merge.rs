//! The list that the changed range should become when others have written there since.
//!
//! The after-image comes first, in its order; a record of others takes the place of the one with the same key;
//! what others added stays behind it, in order. If the file became shorter than the operation explains, records
//! whose keys are no longer in it were removed by others and are not brought back.

use std::collections::{HashMap, HashSet};

use super::survey::Survey;
use crate::pool::journal::{Entry, Fault, Kind, Side};
use crate::pool::medium::Medium;
use crate::pool::record::{KEY_FIELD, RECORD, RECORD_BYTES, texts};

/// A stretch of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Records of the after-image.
    After { first: u64, count: u64 },
    /// Bytes of the pool as it is; whole records but for a torn tail.
    Pool { offset: u64, len: u64 },
}

impl Part {
    /// Bytes of this stretch.
    pub(super) fn len(&self, entry: &Entry) -> u64 {
        match *self {
            Part::After { first, count } => (count * RECORD).min(entry.header.after - first * RECORD),
            Part::Pool { len, .. } => len,
        }
    }

    /// Appends to `parts`, as one with the last where they touch.
    fn join(self, parts: &mut Vec<Part>) {
        match (parts.last_mut(), self) {
            (Some(Part::After { first, count }), Part::After { first: next, count: more })
                if *first + *count == next =>
            {
                *count += more;
            }
            (Some(Part::Pool { offset, len }), Part::Pool { offset: next, len: more })
                if *offset + *len == next =>
            {
                *len += more;
            }
            _ => parts.push(self),
        }
    }
}

/// What becomes of a record of others within the range.
enum Verdict {
    /// It takes the place of this record of the after-image.
    Newer(u64),
    /// It is added.
    Added,
    /// It is a copy of a record of the after-image.
    Known,
}

/// Computes the list, from the start of the range to the end of the file.
pub(super) fn merged<M: Medium>(
    pool: &M,
    journal: &M,
    entry: &Entry,
    survey: &Survey,
    same_boot: bool,
) -> Result<Vec<Part>, Fault> {
    let records = entry.header.after.div_ceil(RECORD);
    if entry.header.kind == Kind::Replace {
        return Ok(vec![Part::After { first: 0, count: records }]);
    }
    let merge = Merge { pool, journal, entry, survey };
    let shrunk = merge.is_shrunk(records, same_boot);
    let mut parts = Vec::new();
    if shrunk || survey.slots.iter().any(|slot| slot.is_foreign()) {
        merge.list(records, shrunk, &mut parts)?;
    } else if records > 0 {
        parts.push(Part::After { first: 0, count: records });
    }
    if survey.own_end < survey.len {
        Part::Pool { offset: survey.own_end, len: survey.len - survey.own_end }.join(&mut parts);
    }
    Ok(parts)
}

struct Merge<'a, M> {
    pool: &'a M,
    journal: &'a M,
    entry: &'a Entry,
    survey: &'a Survey,
}

impl<M: Medium> Merge<'_, M> {
    /// True if others removed records. Within one boot the page cache holds exactly what was written, so that a file
    /// which is shorter although the operation never came to its truncation was shortened by somebody else.
    fn is_shrunk(&self, records: u64, same_boot: bool) -> bool {
        let header = &self.entry.header;
        let len = self.survey.len;
        let all_done = (0..records).all(|slot| self.survey.is_done(slot));
        len < header.len_before.min(header.len_after) || (same_boot && len < header.len_before && !all_done)
    }

    fn list(&self, records: u64, shrunk: bool, parts: &mut Vec<Part>) -> Result<(), Fault> {
        let keys = self.after_keys(records)?;
        let mut newer = HashMap::new();
        let mut added = Vec::new();
        for slot in (0..self.survey.slots.len()).filter(|&slot| self.survey.slots[slot].is_foreign()) {
            let offset = self.offset(slot as u64);
            let len = (self.survey.own_end - offset).min(RECORD);
            let verdict =
                if len < RECORD { Verdict::Added } else { self.judge(slot as u64, records, &keys)? };
            match verdict {
                Verdict::Newer(record) => drop(newer.insert(record, offset)),
                Verdict::Added => added.push(Part::Pool { offset, len }),
                Verdict::Known => {}
            }
        }
        let present = if shrunk { Some(self.pool_keys()?) } else { None };
        for record in 0..records {
            let gone = match &present {
                Some(present) => !present.contains(&self.after_key(record)?),
                None => false,
            };
            match newer.get(&record) {
                _ if gone => {}
                Some(&offset) => Part::Pool { offset, len: RECORD }.join(parts),
                None => Part::After { first: record, count: 1 }.join(parts),
            }
        }
        added.into_iter().for_each(|part| part.join(parts));
        Ok(())
    }

    fn judge(&self, slot: u64, records: u64, keys: &HashMap<Vec<u8>, u64>) -> Result<Verdict, Fault> {
        let mut found = vec![0; RECORD_BYTES];
        self.read_pool(&mut found, self.offset(slot))?;
        let Some(&record) = keys.get(texts(&found).key) else { return Ok(Verdict::Added) };
        if slot < records {
            return Ok(Verdict::Newer(record));
        }
        // Behind the new end there is either an edited copy of what was there before, or an appended record.
        let mut other = vec![0; RECORD_BYTES];
        self.entry.read_before(self.journal, slot * RECORD, &mut other)?;
        if texts(&other).key == texts(&found).key {
            return Ok(Verdict::Newer(record));
        }
        self.entry.read_after(self.journal, record * RECORD, &mut other)?;
        Ok(if other == found { Verdict::Known } else { Verdict::Added })
    }

    /// Keys of the after-image and the last record that has each.
    fn after_keys(&self, records: u64) -> Result<HashMap<Vec<u8>, u64>, Fault> {
        let mut keys = HashMap::new();
        for record in 0..records {
            let key = self.after_key(record)?;
            if !key.is_empty() {
                keys.insert(key, record);
            }
        }
        Ok(keys)
    }

    fn after_key(&self, record: u64) -> Result<Vec<u8>, Fault> {
        let mut field = [0; KEY_FIELD];
        self.entry.read_after(self.journal, record * RECORD, &mut field)?;
        Ok(texts(&field).key.to_vec())
    }

    /// All keys that the pool has from the start of the range on.
    fn pool_keys(&self) -> Result<HashSet<Vec<u8>>, Fault> {
        let own = (0..self.survey.slots.len() as u64).map(|slot| self.offset(slot));
        let appended = (self.survey.own_end..self.survey.len).step_by(RECORD_BYTES);
        let mut field = [0; KEY_FIELD];
        own.chain(appended)
            .map(|offset| {
                let got = self.pool.read_full(&mut field, offset).map_err(Fault::on(Side::Pool, "read"))?;
                Ok(texts(&field[..got]).key.to_vec())
            })
            .collect()
    }

    fn offset(&self, slot: u64) -> u64 {
        self.entry.header.at + slot * RECORD
    }

    fn read_pool(&self, out: &mut [u8], offset: u64) -> Result<(), Fault> {
        let wanted = out.len();
        let got = self.pool.read_full(out, offset).map_err(Fault::on(Side::Pool, "read"))?;
        if got < wanted { Err(Fault::Disturbed) } else { Ok(()) }
    }
}
