//! Reads the guest's KVP answers with the strictness of a real host.
//!
//! Offsets are those of the IC body (they count from the operation byte). A text's size is in bytes, even,
//! includes the NUL, and the last unit it counts must be that NUL; otherwise a real host gives the service up. The
//! answers about network adapters are in [`ip`].

pub(crate) mod ip;

use hv_utils_core::wire::kvp::Pool;

use crate::host::check::{Reply, u32_at, u64_at};
use crate::host::problem::Problem;
use crate::outcome::Item;

/// Bytes of a GET, SET, DELETE or ENUMERATE body.
pub(super) const BODY: usize = 2580;
/// Operation number of ENUMERATE.
const ENUMERATE_OPERATION: u8 = 3;
/// Bytes of a key field.
const KEY: usize = 512;
/// Bytes of a value field.
const VALUE: usize = 2048;

/// Where the fields of a message with a key and a value are.
struct Layout {
    kind: usize,
    key_size: usize,
    value_size: usize,
    key: usize,
    value: usize,
}

const ENUMERATE: Layout = Layout { kind: 8, key_size: 12, value_size: 16, key: 20, value: 532 };
const GET: Layout = Layout { kind: 4, key_size: 8, value_size: 12, key: 16, value: 528 };

/// The item in an answer to ENUMERATE.
///
/// # Errors
/// What a real host cannot use.
pub(crate) fn enumerated(pool: Pool, reply: &Reply, tolerated: &mut Vec<Problem>) -> Result<Item, Problem> {
    item(pool, reply, &ENUMERATE, tolerated)
}

/// The item in an answer to GET.
///
/// # Errors
/// What a real host cannot use.
pub(crate) fn got(pool: Pool, reply: &Reply, tolerated: &mut Vec<Problem>) -> Result<Item, Problem> {
    item(pool, reply, &GET, tolerated)
}

fn item(pool: Pool, reply: &Reply, at: &Layout, tolerated: &mut Vec<Problem>) -> Result<Item, Problem> {
    let body = reply.body.as_slice();
    if body.len() < BODY {
        return Err(Problem::BodyShort { what: "item", needed: BODY, present: body.len() });
    }
    let key_field = &body[at.key..at.key + KEY];
    let value_field = &body[at.value..at.value + VALUE];
    let key = text("key", key_field, u32_at(body, at.key_size), tolerated)?;
    let size = u32_at(body, at.value_size);
    let value = match u32_at(body, at.kind) {
        1 | 2 => text("value", value_field, size, tolerated)?,
        4 if size == 4 => u32_at(value_field, 0).to_string(),
        11 if size == 8 => u64_at(value_field, 0).to_string(),
        kind @ (4 | 11) => return Err(wrong("value", format!("size {size} for the number type {kind}"))),
        kind => return Err(wrong("value", format!("type {kind}, must be 1, 2, 4 or 11"))),
    };
    Ok(Item { pool, key, value })
}

fn wrong(what: &'static str, why: String) -> Problem {
    Problem::Item { what, why }
}

/// The text in `field`, of which `size` bytes count.
fn text(
    what: &'static str,
    field: &[u8],
    size: u32,
    tolerated: &mut Vec<Problem>,
) -> Result<String, Problem> {
    let counted = usize::try_from(size).ok().and_then(|size| field.get(..size));
    let counted =
        counted.ok_or_else(|| wrong(what, format!("size {size}, the field has {}", field.len())))?;
    if !size.is_multiple_of(2) {
        return Err(wrong(what, format!("odd size {size}")));
    }
    let units: Vec<u16> =
        counted.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let Some((0, counted)) = units.split_last() else {
        return Err(wrong(what, format!("no NUL at the end of the {size} bytes its size counts")));
    };
    let length = counted.iter().position(|unit| *unit == 0).unwrap_or(counted.len());
    if length < counted.len() {
        tolerated.push(Problem::TextAfterNul(what));
    }
    Ok(String::from_utf16_lossy(&counted[..length]))
}

/// Whether the guest sent back what it was asked: operation, pool, and the index of an enumeration.
pub(super) fn echoed(asked: &[u8], reply: &Reply) -> Option<Problem> {
    let answered = reply.body.as_slice();
    let differs =
        |at: std::ops::Range<usize>| answered.get(at.clone()).is_some_and(|part| asked.get(at) != Some(part));
    let what = if differs(0..1) {
        "the operation"
    } else if differs(1..2) {
        "the pool"
    } else if asked.first() == Some(&ENUMERATE_OPERATION) && differs(4..8) {
        "the index: is it the answer to an earlier request?"
    } else {
        return None;
    };
    Some(Problem::NotEchoed(what))
}

#[cfg(test)]
mod tests;
