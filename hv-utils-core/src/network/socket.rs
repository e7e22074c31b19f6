//! The netlink socket itself: which announcements it gets, and datagrams from it.
//!
//! Datagrams of other programs are no messages; one that is longer than the buffer is lost, and the next is not.

use std::io;
use std::os::fd::OwnedFd;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::filter;
use super::ready::register;
use crate::sys::attach_filter;

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR`, `RTMGRP_IPV6_ROUTE` of
/// `linux/rtnetlink.h`, and the group `RTNLGRP_NEXTHOP`, which kernels before 5.3 ignore.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400 | 1 << 31;
/// What the buffer may grow to.
const BUFFER_LIMIT: usize = 1024 * 1024;

/// One datagram, or why there is none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Received {
    /// This many bytes are in the buffer.
    Messages(usize),
    /// Nothing is waiting.
    Nothing,
    /// Announcements were lost, or one did not fit.
    Lost,
}

pub(super) fn connect() -> Result<(AsyncFd<OwnedFd>, u32), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    if let Err(error) = attach_filter(&socket, &filter::PROGRAM) {
        tracing::debug!(%error, "every route that changes is a wake-up");
    }
    net::bind(&socket, &netlink::SocketAddrNetlink::new(0, GROUPS))?;
    let port = netlink::SocketAddrNetlink::try_from(net::getsockname(&socket)?)?.pid();
    let socket = register(socket, Interest::READABLE).map_err(|error| number(&error))?;
    Ok((socket, port))
}

/// Receives one datagram; of those that other programs send, nothing.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Received, Errno> {
    let (_, length, sender) = match net::recvfrom(socket, &mut buffer[..], RecvFlags::TRUNC) {
        Ok(received) => received,
        Err(Errno::WOULDBLOCK) => return Ok(Received::Nothing),
        Err(Errno::NOBUFS) => return Ok(Received::Lost),
        Err(error) => return Err(error),
    };
    let sender = sender.and_then(|sender| netlink::SocketAddrNetlink::try_from(sender).ok());
    if sender.is_none_or(|sender| sender.pid() != 0) {
        return Ok(Received::Messages(0));
    }
    if length > buffer.len() {
        buffer.resize(length.next_power_of_two().min(BUFFER_LIMIT), 0);
        return Ok(Received::Lost);
    }
    Ok(Received::Messages(length))
}

/// The well-formed messages of a datagram.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(bytes).ok()?;
        let length = usize::try_from(message.length()).ok()?.next_multiple_of(4);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// The error that an `NLMSG_ERROR` carries, negative as the kernel returns it.
pub(super) fn refusal(payload: &[u8]) -> Errno {
    let number = payload.first_chunk().map_or(0, |number| i32::from_ne_bytes(*number));
    Errno::from_raw_os_error(number.saturating_neg().clamp(1, 4095))
}

pub(super) fn number(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
