//! One conversation with hv-netapply: a connection, packets out, packets in.
//!
//! Only bytes and what can go wrong with them: what is asked, for how long it is waited and what the answer means is its
//! callers'. Dropping it closes the socket, which undoes what was applied and not confirmed.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use hv_utils_core::netapply::{MOST_BYTES, Reply, Request, encode};
use hv_utils_core::network::register;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::errno::words;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody listens.
    #[error(
        "nobody listens at {} ({}): systemctl start hv-netapply.socket; is hv-netapply installed?",
        path.display(),
        words(*errno)
    )]
    Absent {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        errno: Errno,
    },
    /// No socket could be made here; nobody was called.
    #[error("no socket to call hv-netapply by ({0}): has this service too many files open (LimitNOFILE=)?")]
    Local(io::Error),
    /// The connection ended, or failed.
    #[error(
        "hv-netapply ended in the middle of its work ({0}); what it had begun is undone when it starts again"
    )]
    Cut(io::Error),
    /// An answer that is none.
    #[error("hv-netapply answered in a form that is not known: install the same version of both")]
    Unreadable,
    /// No answer in time.
    #[error("hv-netapply did not answer in time; what it has done by now is undone")]
    Late,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Conversation {
    socket: AsyncFd<OwnedFd>,
}

impl Conversation {
    /// Calls whoever listens at `path`. Needs a tokio runtime.
    pub(crate) fn open(path: &Path) -> Result<Conversation, Trouble> {
        let absent = |errno| Trouble::Absent { path: path.to_owned(), errno };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let socket = socket.map_err(|errno| Trouble::Local(errno.into()))?;
        let address = SocketAddrUnix::new(path).map_err(absent)?;
        net::connect(&socket, &address).map_err(absent)?;
        let socket = register(socket, Interest::READABLE | Interest::WRITABLE).map_err(Trouble::Local)?;
        Ok(Conversation { socket })
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: &Request) -> Result<(), Trouble> {
        let packet = encode(request);
        let send = |socket: &OwnedFd| Ok(net::send(socket, &packet, SendFlags::NOSIGNAL)?);
        // A packet goes whole or not at all.
        self.socket.async_io(Interest::WRITABLE, send).await.map(drop).map_err(Trouble::Cut)
    }

    /// The next answer. Cancel safe.
    pub(crate) async fn receive(&self) -> Result<Reply, Trouble> {
        let mut packet = vec![0; MOST_BYTES];
        let receive = |socket: &OwnedFd| {
            let (_, length) = net::recv(socket, &mut packet[..], RecvFlags::TRUNC)?;
            Ok(length)
        };
        let length = self.socket.async_io(Interest::READABLE, receive).await.map_err(Trouble::Cut)?;
        if length == 0 {
            return Err(Trouble::Cut(io::ErrorKind::UnexpectedEof.into()));
        }
        let packet = packet.get(..length).ok_or(Trouble::Unreadable)?;
        serde_json::from_slice(packet).map_err(|_| Trouble::Unreadable)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, Trouble> {
        self.send(request).await?;
        self.receive().await
    }
}
