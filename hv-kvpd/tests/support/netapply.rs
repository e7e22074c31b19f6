//! A stand-in for hv-netapply: whoever calls its socket is heard and answered by the test, packet by packet.
//!
//! Blocking, for a thread of the test's own. It changes nothing and keeps nothing. Waits end after a minute, which only
//! turns a hang into a failure.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use hv_utils_core::netapply::{Failed, Kind, Reply, Request, Step, encode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

/// The listening socket.
#[derive(Debug)]
pub(crate) struct Double {
    socket: OwnedFd,
}

impl Double {
    /// Listens at `path`; a socket file of an earlier double is replaced.
    pub(crate) fn listen(path: &Path) -> Double {
        let _ = std::fs::remove_file(path);
        let socket =
            net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
        net::listen(&socket, 8).unwrap();
        Double { socket }
    }

    /// The next caller.
    pub(crate) fn caller(&self) -> Caller {
        wait(&self.socket);
        Caller { socket: net::accept_with(&self.socket, SocketFlags::CLOEXEC).unwrap() }
    }

    /// The next caller, for a test whose runtime has to go on meanwhile.
    pub(crate) async fn called(&self) -> Caller {
        while !self.is_called() {
            tokio::task::yield_now().await;
        }
        self.caller()
    }

    /// Whether somebody has called who was not accepted yet.
    pub(crate) fn is_called(&self) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
    }
}

/// A conversation; ended with the value.
#[derive(Debug)]
pub(crate) struct Caller {
    socket: OwnedFd,
}

impl Caller {
    /// What is asked next; nothing once the caller has hung up.
    pub(crate) fn hear(&self) -> Option<Request> {
        wait(&self.socket);
        let mut packet = vec![0; hv_utils_core::netapply::MOST_BYTES];
        // A caller that hangs up with something unread resets the connection.
        let length =
            net::recv(&self.socket, &mut packet[..], RecvFlags::empty()).map_or(0, |(length, _)| length);
        (length > 0).then(|| serde_json::from_slice(&packet[..length]).unwrap())
    }

    /// Answers. To what is applied the caller answers with a promise, which is taken.
    pub(crate) fn say(&self, reply: &Reply) {
        self.say_bytes(&encode(reply));
        if matches!(reply, Reply::Applied(_)) && self.hear() == Some(Request::Promise) {
            self.say_bytes(&encode(&Reply::Done));
        }
    }

    /// Answers something else.
    pub(crate) fn say_bytes(&self, bytes: &[u8]) {
        net::send(&self.socket, bytes, SendFlags::NOSIGNAL).unwrap();
    }
}

/// It is there now.
pub(crate) fn applied() -> Reply {
    Reply::Applied(Step { interface: "eth0".to_owned(), backend: "netlink".to_owned(), pending: false })
}

/// It is not.
pub(crate) fn failed(kind: Kind) -> Reply {
    Reply::Failed(Failed { kind, message: format!("the double says {kind:?}") })
}

fn wait(socket: impl AsFd) {
    let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
    assert!(poll(&mut fds, Some(&Timespec { tv_sec: 60, tv_nsec: 0 })).unwrap() > 0, "nothing is heard");
}
