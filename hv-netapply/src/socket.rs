//! The socket that hv-kvpd calls: who may call, and one JSON object to a packet.
//!
//! From systemd (the unit hands it over as standard input), or made here where there is no systemd. Packets are bounded;
//! what is no request ends the conversation.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::{Failure, directory};
use hv_utils_core::netapply::{MOST_BYTES, Reply, Request, SOCKET, encode};
use hv_utils_core::network::register;
use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Conversations that may wait to be accepted.
const BACKLOG: i32 = 8;
const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// Where conversations begin.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncFd<OwnedFd>,
    /// The only user beside root who is listened to.
    client: Option<u32>,
    /// Removed at the end, if we made it.
    made: Option<PathBuf>,
}

/// One conversation.
#[derive(Debug)]
pub struct Peer {
    socket: AsyncFd<OwnedFd>,
}

impl Listener {
    /// The socket that is our standard input, if it is one that listens; else a new one in `run_dir`. `client` is the user
    /// who may call, beside root and ourselves.
    ///
    /// # Errors
    /// No socket could be made.
    pub fn open(run_dir: &Path, client: Option<u32>) -> Result<Self, Failure> {
        let inherited = inherited().map(|socket| (socket, None));
        let (socket, made) = match inherited {
            Some(socket) => socket,
            None => {
                directory(run_dir)?;
                let path = run_dir.join(SOCKET);
                let socket = make(&path, client);
                (socket.map_err(|error| Failure::io("listen at", &path, &error))?, Some(path))
            }
        };
        let socket = register(socket, Interest::READABLE);
        let socket =
            socket.map_err(|error| Failure::internal(format!("cannot wait for callers: {error}")))?;
        Ok(Self { socket, client, made })
    }

    /// Where callers come, for a person.
    #[must_use]
    pub fn place(&self) -> String {
        let inherited = || "the socket that is standard input".to_owned();
        self.made.as_ref().map_or_else(inherited, |path| path.display().to_string())
    }

    /// Whether somebody else keeps the socket and starts us for the next caller.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.made.is_none()
    }

    /// The next conversation with somebody who may call. Cancel safe.
    pub async fn accept(&self) -> Peer {
        loop {
            let accepted = self.socket.async_io(Interest::READABLE, |socket| {
                net::accept_with(socket, FLAGS).map_err(io::Error::from)
            });
            match accepted.await {
                Ok(socket) if self.may_call(&socket) => match register(socket, Interest::READABLE) {
                    Ok(socket) => return Peer { socket },
                    Err(error) => tracing::warn!("a caller cannot be listened to: {error}"),
                },
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a caller: {error}");
                    // Out of descriptors, most likely: not in a circle.
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn may_call(&self, socket: &OwnedFd) -> bool {
        let Ok(caller) = sockopt::socket_peercred(socket) else { return false };
        let user = caller.uid.as_raw();
        let own = rustix::process::geteuid().as_raw();
        let allowed = user == 0 || user == own || Some(user) == self.client;
        if !allowed {
            tracing::warn!(
                "user {user} (process {}) may not configure adapters",
                caller.pid.as_raw_nonzero()
            );
        }
        allowed
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // Whoever comes next makes its own.
            let _ = fs::remove_file(path);
        }
    }
}

impl Peer {
    /// The next request; `None`: the other end has gone, or said something that is none.
    pub async fn request(&self) -> Option<Request> {
        let mut buffer = vec![0; MOST_BYTES + 1];
        let received = self.socket.async_io(Interest::READABLE, |socket| {
            let (length, _) = net::recv(socket, &mut buffer[..], RecvFlags::empty())?;
            Ok::<usize, io::Error>(length)
        });
        let length = received.await.unwrap_or(0);
        if length == 0 {
            return None;
        }
        if length > MOST_BYTES {
            tracing::warn!("a request is longer than {MOST_BYTES} bytes: not looked at");
            return None;
        }
        let request = serde_json::from_slice(&buffer[..length]);
        request.inspect_err(|error| tracing::warn!("a request makes no sense: {error}")).ok()
    }

    /// Answers; whether the answer was taken.
    pub async fn reply(&self, reply: &Reply) -> bool {
        let packet = encode(reply);
        // Answers are small and one at a time: a socket buffer always has room for one.
        match net::send(&self.socket, &packet, SendFlags::NOSIGNAL) {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!("an answer was not taken: {error}");
                false
            }
        }
    }
}

/// Standard input, if it is a socket that listens.
fn inherited() -> Option<OwnedFd> {
    let stdin = io::stdin();
    if !sockopt::socket_acceptconn(&stdin).unwrap_or(false) {
        return None;
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(&stdin, 3).ok()?;
    let flags = rustix::fs::fcntl_getfl(&socket).ok()?;
    rustix::fs::fcntl_setfl(&socket, flags | rustix::fs::OFlags::NONBLOCK).ok()?;
    Some(socket)
}

fn make(path: &Path, client: Option<u32>) -> io::Result<OwnedFd> {
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, FLAGS, None)?;
    let address = SocketAddrUnix::new(path)?;
    match net::bind(socket.as_fd(), &address) {
        Err(Errno::ADDRINUSE) => {
            // The instance lock is ours: whoever made it has gone.
            fs::remove_file(path)?;
            net::bind(socket.as_fd(), &address)?;
        }
        bound => bound?,
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    if let Some(client) = client {
        chown(path, Some(client), None)?;
    }
    net::listen(&socket, BACKLOG)?;
    Ok(socket)
}
