//! The kernel's host name and the notification of its change.
//!
//! `/proc/sys/kernel/hostname` is one of the few files there that can be polled: after a change it is "ready"
//! with POLLERR and POLLPRI until the next poll. A regular file in its place (tests) cannot be polled and is for
//! inotify to follow. The change is announced to all UTS namespaces; a service with `ProtectHostname=yes` has one
//! of its own and never sees the machine's name change.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::files;
use hv_utils_core::network::register;

/// Bytes of the file that are read; the kernel allows a name 64 (`__NEW_UTS_LEN`).
const LIMIT: usize = 256;

/// Where the host name is read.
#[derive(Debug)]
pub(super) struct HostName {
    path: PathBuf,
    polled: Option<AsyncFd<OwnedFd>>,
}

impl HostName {
    /// Opens the kernel's file, to be polled if it can be.
    pub(super) fn open(proc_root: &Path) -> HostName {
        let path = proc_root.join("sys/kernel/hostname");
        let polled = files::open(&path).ok().and_then(|file| register(file.into(), Interest::PRIORITY).ok());
        HostName { path, polled }
    }

    /// The file's path, if it cannot be polled.
    pub(super) fn unpolled(&self) -> Option<PathBuf> {
        self.polled.is_none().then(|| self.path.clone())
    }

    /// Waits for a change; for ever if the file cannot be polled. Cancel safe.
    pub(super) async fn changed(&self) {
        let ready = match &self.polled {
            Some(polled) => polled.ready(Interest::PRIORITY).await,
            None => std::future::pending().await,
        };
        match ready {
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => std::future::pending().await,
        }
    }

    /// The present name; empty if the machine has none. Without the file it is what uname says.
    pub(super) fn read(&self) -> String {
        let mut buffer = [0; LIMIT];
        let content = match &self.polled {
            Some(file) => rustix::io::pread(file, &mut buffer, 0).map(|length| buffer[..length].to_vec()),
            None => files::read(&self.path, LIMIT as u64),
        };
        let name = content.unwrap_or_else(|_| rustix::system::uname().nodename().to_bytes().to_vec());
        clean(&name)
    }
}

/// A name that can be shown, or nothing: "(none)" is the kernel's word for that.
fn clean(name: &[u8]) -> String {
    let name = str::from_utf8(name).unwrap_or_default().trim().trim_end_matches('.');
    let fit =
        name != "(none)" && !name.contains(|character: char| character.is_control() || character == ' ');
    if fit { name.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_is_not_a_name_is_none() {
        for (content, name) in [
            (&b"web1\n"[..], "web1"),
            (b"web1.example.com.\n", "web1.example.com"),
            (b"(none)\n", ""),
            (b"", ""),
            (b"\n", ""),
            (b"b\xc3\xbccher", "b\u{fc}cher"),
            (b"we\xffb", ""),
            (b"we\x1bb", ""),
            (b"two words", ""),
        ] {
            assert_eq!(clean(content), name, "{content:?}");
        }
    }
}
