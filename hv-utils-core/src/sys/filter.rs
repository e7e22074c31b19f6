//! What a socket lets in: a classic BPF program that the kernel runs on each datagram.
//!
//! A datagram that is not let in wakes nobody and takes no room in the socket's queue. The kernel checks the program
//! before it takes it: no loops, no access outside of the datagram.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// One instruction: what it does, where it goes on if a comparison is true or false, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// `BPF_*` of `linux/bpf_common.h`, added up.
    pub code: u16,
    /// Instructions skipped if the comparison holds.
    pub jump_true: u8,
    /// Instructions skipped if it does not.
    pub jump_false: u8,
    /// An offset, what is compared with, or how much of the datagram is let in.
    pub number: u32,
}

/// Lets only that in which `program` returns more than 0 for.
///
/// # Errors
/// The kernel does not take the program, or this is no socket.
pub fn attach_filter(socket: impl AsFd, program: &[Instruction]) -> io::Result<()> {
    let code = |one: &Instruction| libc::sock_filter {
        code: one.code,
        jt: one.jump_true,
        jf: one.jump_false,
        k: one.number,
    };
    let mut filter: Vec<libc::sock_filter> = program.iter().map(code).collect();
    let Ok(len) = libc::c_ushort::try_from(filter.len()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).expect("a few bytes");
    // SAFETY: `program` is a sock_fprog of that size, whose pointer leads to `len` instructions that live until after
    // the call; the kernel copies both and keeps neither.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests;
