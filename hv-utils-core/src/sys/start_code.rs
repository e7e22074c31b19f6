//! Giving back the memory of code that only a start needs.
//!
//! Parsing a command line, a configuration and a handshake maps half a program into memory that a daemon, which
//! waits most of its life, never runs again. The pages stay in the page cache; what is needed after all is mapped
//! again at its next use, without reading the disk.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::ops::Range;

/// Unmaps the pages of this program's code; each comes back at its next use.
///
/// # Errors
/// `/proc/self/maps` does not show the code, or it is locked into memory.
pub fn forget_start_code() -> io::Result<()> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let code = own_code(&maps).ok_or(io::ErrorKind::NotFound)?;
    let start = std::ptr::without_provenance_mut::<c_void>(code.start);
    // SAFETY: the range is one whole mapping of this program's file, private, readable, executable and never
    // writable, so no page of it differs from the file (but for a debugger's breakpoints): the kernel maps each
    // again, unchanged, when it is used.
    let done = unsafe { libc::madvise(start, code.len(), libc::MADV_DONTNEED) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The mapping that this function's code is in, unless it could have been written to.
fn own_code(maps: &str) -> Option<Range<usize>> {
    let here = forget_start_code as *const () as usize;
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        (rest.starts_with("r-xp ") && range.contains(&here)).then_some(range)
    })
}

#[cfg(test)]
mod tests;
