//! How much of the past is kept: a number of reports, and bytes.
//!
//! A hook may write without end, and a machine may have ten thousand filesystems; 64 such reports would be a burden in
//! memory, on the bus and on the disk. Each report is bounded by itself first, so that a long one does not drive out all
//! others: sentences, then what hooks have written, then its lists. If all together are still too long, what hooks wrote
//! goes, the oldest first, and then the oldest reports. Lengths are those of the JSON.

use std::sync::Arc;

use super::MOST_BYTES;
use crate::report::{FilesystemReport, FreezeReport, HookReport};

/// Reports that are kept.
pub const MOST_RECORDS: usize = 64;

/// Bytes of the document around its records, and more.
const AROUND: usize = 64;
/// Bytes of one report.
const MOST_OF_ONE: usize = MOST_BYTES / 4;
/// Bytes of what all hooks of one freeze have written.
const MOST_OUTPUT: usize = 8 * 1024;
/// Bytes of a sentence, and of a name.
const MOST_TEXT: usize = 1024;
/// Bytes of a path. The kernel's own limit is no longer.
const MOST_PATH: usize = 4096;

/// What is left of these, the newest last.
pub(super) fn all(mut records: Vec<Arc<FreezeReport>>) -> Vec<Arc<FreezeReport>> {
    records.drain(..records.len().saturating_sub(MOST_RECORDS));
    for record in &mut records {
        if !is_bounded(record) {
            one(Arc::make_mut(record));
        }
    }
    let mut sizes: Vec<usize> = records.iter().map(|record| encoded(&**record)).collect();
    let mut sum: usize = AROUND + sizes.iter().sum::<usize>();
    for (record, size) in records.iter_mut().zip(&mut sizes) {
        if sum <= MOST_BYTES {
            break;
        }
        let before = *size;
        Arc::make_mut(record).hooks.iter_mut().for_each(|hook| hook.output.clear());
        *size = encoded(&**record);
        sum -= before - *size;
    }
    let mut gone = 0;
    while sum > MOST_BYTES && gone + 1 < records.len() {
        sum -= sizes[gone];
        gone += 1;
    }
    records.drain(..gone);
    records
}

/// Whether nothing has to be done to a report; those that were kept before are so.
fn is_bounded(report: &FreezeReport) -> bool {
    let texts =
        [&report.result].into_iter().chain(report.hooks.iter().flat_map(|hook| [&hook.name, &hook.result]));
    let filesystems = report.filesystems.iter();
    let mut texts =
        texts.chain(filesystems.clone().flat_map(|filesystem| [&filesystem.kind, &filesystem.result]));
    let mut paths = filesystems.map(|filesystem| &filesystem.mount);
    texts.all(|text| written(text) <= MOST_TEXT)
        && paths.all(|path| written(path) <= MOST_PATH)
        && report.hooks.iter().map(|hook| written(&hook.output)).sum::<usize>() <= MOST_OUTPUT
        && encoded(report) < MOST_OF_ONE
}

/// Brings one report within its bounds.
fn one(report: &mut FreezeReport) {
    cut(&mut report.result, MOST_TEXT);
    for FilesystemReport { mount, kind, result, .. } in &mut report.filesystems {
        cut(mount, MOST_PATH);
        cut(kind, MOST_TEXT);
        cut(result, MOST_TEXT);
    }
    for HookReport { name, result, .. } in &mut report.hooks {
        cut(name, MOST_TEXT);
        cut(result, MOST_TEXT);
    }
    outputs(&mut report.hooks);
    if encoded(report) >= MOST_OF_ONE {
        shorten(&mut report.hooks, MOST_OF_ONE / 2 - 2 * MOST_TEXT);
        shorten(&mut report.filesystems, MOST_OF_ONE / 2 - 2 * MOST_TEXT);
    }
}

/// Cuts what hooks have written: short ones keep all, long ones share what those leave.
fn outputs(hooks: &mut [HookReport]) {
    let sizes = hooks.iter().map(|hook| written(&hook.output)).collect();
    let share = share(sizes);
    hooks.iter_mut().for_each(|hook| cut(&mut hook.output, share));
}

/// What each may have so that all have [`MOST_OUTPUT`] together.
fn share(mut sizes: Vec<usize>) -> usize {
    sizes.sort_unstable();
    let mut room = MOST_OUTPUT;
    for (number, size) in sizes.iter().enumerate() {
        let share = room / (sizes.len() - number);
        if *size > share {
            return share;
        }
        room -= size;
    }
    usize::MAX
}

/// Keeps the first items that fit into so many bytes.
fn shorten<T: serde::Serialize>(items: &mut Vec<T>, most: usize) {
    let mut sum = 0;
    let fit = items.iter().take_while(|item| {
        sum += encoded(*item) + 1;
        sum <= most
    });
    let fit = fit.count();
    items.truncate(fit);
}

/// Cuts a text to so many bytes in JSON, with a mark where it was cut.
fn cut(text: &mut String, most: usize) {
    const MARK: char = '…';
    if written(text) <= most {
        return;
    }
    let room = most.saturating_sub(MARK.len_utf8());
    let mut sum = 0;
    let end = text.char_indices().find(|(_, char)| {
        sum += escaped(*char);
        sum > room
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    if most >= MARK.len_utf8() {
        text.push(MARK);
    }
}

/// Bytes of a text in JSON, without its quotes.
fn written(text: &str) -> usize {
    text.chars().map(escaped).sum()
}

fn escaped(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..'\u{20}' => 6,
        char => char.len_utf8(),
    }
}

/// Bytes of something in JSON, with the comma after it.
fn encoded(item: &impl serde::Serialize) -> usize {
    /// Counts, and keeps nothing.
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(1);
    // Neither the counter nor plain data can fail.
    let _ = serde_json::to_writer(&mut counter, item);
    counter.0
}

#[cfg(test)]
mod tests;
