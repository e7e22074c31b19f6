//! Pool files of a given number of items, as the daemon finds them at start.

use std::io::{BufWriter, Write};
use std::path::Path;

/// Key number `index`: 20 characters.
pub(crate) fn key(index: usize) -> String {
    format!("key-of-the-item-{index:04}")
}

/// A value that makes key and value together 100 bytes.
pub(crate) fn value(index: usize) -> String {
    format!("{index:080}")
}

/// Writes `.kvp_pool_0` with `items` records into `dir`.
pub(crate) fn write(dir: &Path, items: usize) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut file = BufWriter::new(std::fs::File::create(dir.join(".kvp_pool_0"))?);
    let mut record = [0_u8; 2560];
    for index in 0..items {
        record.fill(0);
        let (key, value) = (key(index), value(index));
        record[..key.len()].copy_from_slice(key.as_bytes());
        record[512..512 + value.len()].copy_from_slice(value.as_bytes());
        file.write_all(&record)?;
    }
    file.flush()
}
