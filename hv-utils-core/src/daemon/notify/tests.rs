//! Messages as a service manager receives them.

use super::*;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

struct Manager {
    socket: UnixDatagram,
    _directory: tempfile::TempDir,
}

fn manager() -> (Manager, Notifier) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let notifier = Notifier::to(path.as_os_str()).unwrap();
    (Manager { socket, _directory: directory }, notifier)
}

impl Manager {
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }
}

#[test]
fn each_message_is_one_datagram_in_the_managers_words() {
    let (manager, notifier) = manager();
    notifier.ready();
    notifier.status("channel ready\nsecond line");
    notifier.watchdog();
    notifier.stopping();
    notifier.extend_timeout(Duration::from_millis(1500));
    let messages: Vec<_> = (0..5).map(|_| manager.next()).collect();
    assert_eq!(
        messages,
        ["READY=1", "STATUS=channel ready", "WATCHDOG=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=1500000"]
    );
}

#[test]
fn reloading_carries_the_monotonic_time() {
    let (manager, notifier) = manager();
    let now = || {
        let now = clock_gettime(ClockId::Monotonic);
        i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000
    };
    let before = now();
    notifier.reloading();
    let after = now();
    let message = manager.next();
    let sent: i128 = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!((before..=after).contains(&sent));
}

#[test]
fn abstract_sockets_are_reached() {
    let name = format!("hv-utils-notify-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    Notifier::to(OsStr::new(&format!("@{name}"))).unwrap().ready();
    let mut buffer = [0; 64];
    assert_eq!(socket.recv(&mut buffer).unwrap(), "READY=1".len());
}

#[test]
fn manager_that_does_not_read_never_holds_up_status_and_watchdog() {
    let (manager, notifier) = manager();
    // More than any socket's queue holds: would block for ever if it blocked.
    for _ in 0..20_000 {
        notifier.watchdog();
        notifier.status("busy");
    }
    assert_eq!(manager.next(), "WATCHDOG=1");
}

#[test]
fn long_status_is_cut_at_a_character() {
    let (manager, notifier) = manager();
    notifier.status(&"é".repeat(2000));
    let status = manager.next();
    assert!(status.len() <= "STATUS=".len() + STATUS_BYTES && status.ends_with('é'));
}

#[test]
fn manager_that_is_gone_is_no_error() {
    let (manager, notifier) = manager();
    drop(manager);
    notifier.ready();
    Notifier::default().ready();
}

#[test]
fn addresses_that_are_no_sockets_are_refused() {
    assert!(Notifier::to(OsStr::new("relative")).is_err());
    assert!(Notifier::to(OsStr::new("vsock:2:3")).is_err());
    assert!(Notifier::to(OsStr::new(&format!("/{}", "x".repeat(200)))).is_err());
}

#[test]
fn watchdog_is_served_at_half_its_time_and_only_if_it_is_ours() {
    let half =
        |micros: Option<&str>, pid: Option<&str>| half_of(micros.map(Into::into), pid.map(Into::into), 42);
    let second = Some(Duration::from_millis(500));
    assert_eq!(half(Some("1000000"), Some("42")), second);
    assert_eq!(half(Some("1000000"), None), second);
    assert_eq!(half(Some("1000000"), Some("43")), None);
    assert_eq!(half(Some("1000000"), Some("junk")), None);
    assert_eq!(half(Some("0"), None), None);
    assert_eq!(half(Some("1"), None), None);
    assert_eq!(half(Some("soon"), None), None);
    assert_eq!(half(None, Some("42")), None);
}
