//! The servers in `resolv.conf`.
//!
//! Where it names only a forwarder of this machine (127.0.0.53), the list that systemd-resolved writes for programs
//! which ask the servers themselves is read instead: `/run/systemd/resolve/resolv.conf`. Unlike the C library this
//! reads more than three.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::{MAX_SERVERS, is_told};
use crate::intrinsic::read_file;

/// Bytes of the file that are read.
const LIMIT: u64 = 64 * 1024;

/// The files whose change may change the servers.
pub fn files(etc_root: &Path) -> [PathBuf; 2] {
    let run = etc_root.parent().unwrap_or(etc_root).join("run/systemd/resolve/resolv.conf");
    [etc_root.join("resolv.conf"), run]
}

/// The servers in the first of the files that names one.
pub fn read(etc_root: &Path) -> Vec<IpAddr> {
    let lists = files(etc_root).into_iter().map(|path| servers(&read_file(&path, LIMIT).unwrap_or_default()));
    lists.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default()
}

fn servers(content: &[u8]) -> Vec<IpAddr> {
    let mut servers: Vec<IpAddr> = Vec::new();
    for line in String::from_utf8_lossy(content).lines() {
        let mut words = line.split_whitespace();
        let server = (words.next() == Some("nameserver")).then(|| words.next()).flatten();
        // An interface may be named after a link-local address; the host has no use for it.
        let server = server.and_then(|server| server.split('%').next()?.parse().ok());
        servers.extend(server.filter(|server| is_told(server) && !servers.contains(server)));
    }
    servers.truncate(MAX_SERVERS);
    servers
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{read, servers};

    fn of(content: &str) -> Vec<String> {
        servers(content.as_bytes()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_are_those_that_the_host_can_use() {
        let content = "# nameserver 10.0.0.1\nsearch example.com\nnameserver 10.0.0.2\n nameserver\t2001:db8::53 # x\n\
                       nameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\n\
                       nameserver\nnameserver none\nnameservers 10.0.0.3\nnameserver 0.0.0.0\n";
        assert_eq!(of(content), ["10.0.0.2", "2001:db8::53", "fe80::1"]);
        assert_eq!(of(""), [""; 0]);
    }

    #[test]
    fn a_forwarder_of_this_machine_is_replaced_by_what_it_forwards_to() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("resolv.conf"), "nameserver 127.0.0.53\n").unwrap();
        assert!(read(&etc).is_empty());
        fs::create_dir_all(root.path().join("run/systemd/resolve")).unwrap();
        fs::write(root.path().join("run/systemd/resolve/resolv.conf"), "nameserver 10.0.0.2\n").unwrap();
        assert_eq!(read(&etc), [std::net::IpAddr::from([10, 0, 0, 2])]);
        fs::write(etc.join("resolv.conf"), "nameserver 10.9.9.9\n").unwrap();
        assert_eq!(read(&etc), [std::net::IpAddr::from([10, 9, 9, 9])]);
    }
}
