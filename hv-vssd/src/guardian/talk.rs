//! What daemon and guardian say to each other: packets of a few bytes, some with descriptors.
//!
//! | from the daemon | bytes | with |
//! | --- | --- | --- |
//! | arm | `a`, number of filesystems u32 | the record |
//! | targets | `t` | at most [`BATCH`] directories |
//! | go | `g`, deadline u64 (ns, CLOCK_MONOTONIC) | – |
//! | release | `r` | – |
//!
//! `k` answers an arm with all its targets, a go and a release; `n` says no. News are one byte: who ended the freeze.

use crate::freeze::Ended;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Descriptors in one packet; the kernel's limit is 253.
pub(super) const BATCH: usize = 128;

const ARM: u8 = b'a';
const TARGETS: u8 = b't';
const GO: u8 = b'g';
const RELEASE: u8 = b'r';
const YES: u8 = b'k';
const NO: u8 = b'n';

/// What the guardian is told.
#[derive(Debug)]
pub(super) enum Said {
    Arm {
        record: OwnedFd,
        count: usize,
    },
    Targets(Vec<OwnedFd>),
    Go(Duration),
    Release,
    /// The daemon is gone.
    End,
}

pub(super) fn arm(line: impl AsFd, record: BorrowedFd<'_>, count: usize) -> io::Result<()> {
    let mut bytes = [ARM, 0, 0, 0, 0];
    bytes[1..].copy_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    send(line, &bytes, &[record])
}

pub(super) fn targets(line: impl AsFd, targets: &[OwnedFd]) -> io::Result<()> {
    let targets: Vec<BorrowedFd<'_>> = targets.iter().map(AsFd::as_fd).collect();
    send(line, &[TARGETS], &targets)
}

pub(super) fn go(line: impl AsFd, deadline: Duration) -> io::Result<()> {
    let mut bytes = [GO, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[1..].copy_from_slice(&u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX).to_le_bytes());
    send(line, &bytes, &[])
}

pub(super) fn release(line: impl AsFd) -> io::Result<()> {
    send(line, &[RELEASE], &[])
}

/// Waits for the answer to what was said.
pub(super) fn answer(line: impl AsFd) -> io::Result<()> {
    let mut byte = [0];
    match retry(|| rustix::net::recv(&line, &mut byte, RecvFlags::empty()))? {
        (_, 1) if byte == [YES] => Ok(()),
        (_, 1) => Err(io::Error::other("the guardian was told to end")),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

pub(super) fn agree(line: impl AsFd, yes: bool) -> io::Result<()> {
    send(line, &[if yes { YES } else { NO }], &[])
}

/// Tells the daemon who has ended the freeze. Never waits: a daemon that does not listen must not hold up anything.
pub(super) fn tell(line: impl AsFd, ended: Ended) {
    let byte = [ended as u8];
    let _ = rustix::net::send(line, &byte, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// Hears who has ended the freeze; `None`: the guardian is gone.
pub(super) fn hear(line: impl AsFd) -> io::Result<Option<Ended>> {
    let mut byte = [0];
    let (_, count) = retry(|| rustix::net::recv(&line, &mut byte, RecvFlags::DONTWAIT))?;
    Ok(match (count, byte[0]) {
        (0, _) => None,
        (_, 1) => Some(Ended::Deadline),
        _ => Some(Ended::Guardian),
    })
}

/// Takes what the daemon says; what makes no sense is its end.
pub(super) fn listen(line: impl AsFd) -> io::Result<Said> {
    let mut bytes = [0; 16];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = retry(|| {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        recvmsg(&line, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("descriptors were lost: there are too many open files"));
    }
    Ok(match (bytes[0], received.bytes, descriptors.len()) {
        (ARM, 5, 1) => Said::Arm {
            record: descriptors.remove(0),
            count: u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize,
        },
        (TARGETS, 1, _) => Said::Targets(descriptors),
        (GO, 9, 0) => {
            let (_, rest) = bytes.split_at(1);
            Said::Go(Duration::from_nanos(rest.first_chunk().copied().map_or(0, u64::from_le_bytes)))
        }
        (RELEASE, 1, 0) => Said::Release,
        _ => Said::End,
    })
}

fn send(line: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    retry(|| sendmsg(&line, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL))?;
    Ok(())
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}
