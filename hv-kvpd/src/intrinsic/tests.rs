//! The whole auto pool over a small system of files, and once over real namespaces.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use super::*;
use hv_utils_core::network::NetworkError;
use hv_utils_core::testing::namespace::inside;

/// A system in a directory: `/etc`, `/proc`, `/sys`, `/usr`.
struct System {
    root: tempfile::TempDir,
}

impl System {
    /// web1, Debian 12, without items of its own.
    fn new() -> System {
        let system = System::empty();
        system.write("proc/sys/kernel/hostname", "web1\n");
        system.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 web1.example.com web1\n");
        system.write("usr/lib/os-release", "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
        symlink("../usr/lib/os-release", system.at("etc/os-release")).unwrap();
        system
    }

    fn empty() -> System {
        let system = System { root: tempfile::tempdir().unwrap() };
        fs::create_dir(system.at("etc")).unwrap();
        system
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn options(&self) -> Options {
        Options {
            etc_root: self.at("etc"),
            proc_root: self.at("proc"),
            sysfs_root: self.at("sys"),
            directory: self.at("etc/hv-utils/kvp/intrinsic.d"),
            // The machine that runs the tests has addresses of its own, which may change.
            selection: Selection::new(Vec::new(), vec!["*".to_owned()]),
            ..Options::default()
        }
    }

    fn start(&self) -> Intrinsics {
        Intrinsics::start(self.options())
    }

    fn item(&self, name: &str, content: &str) {
        self.write(&format!("etc/hv-utils/kvp/intrinsic.d/{name}"), content);
    }

    fn remove_item(&self, name: &str) {
        fs::remove_file(self.at("etc/hv-utils/kvp/intrinsic.d").join(name)).unwrap();
    }
}

/// The next answer. The limit only turns a hang into a failure.
async fn next(intrinsics: &mut Intrinsics) -> Vec<Change> {
    let changed = tokio::time::timeout(Duration::from_secs(30), intrinsics.changed()).await;
    changed.unwrap_or_else(|_| panic!("nothing has changed: {:#?}", intrinsics.items()))
}

/// Takes answers until `key` has `value`.
async fn until(intrinsics: &mut Intrinsics, key: &str, value: Option<&str>) {
    while intrinsics.get(key) != value {
        next(intrinsics).await;
    }
}

fn changed(key: &str, value: &str) -> Change {
    Change::Changed { key: key.to_owned(), value: value.to_owned() }
}

fn removed(key: &str) -> Change {
    Change::Removed { key: key.to_owned() }
}

#[tokio::test]
async fn everything_is_there_from_the_start() {
    let system = System::new();
    system.item("Owner", "me\n");
    let mut intrinsics = system.start();
    assert_eq!(intrinsics.take_reports(), []);
    let uname = rustix::system::uname();
    let release = uname.release().to_str().unwrap();
    for (key, value) in [
        ("FullyQualifiedDomainName", "web1.example.com"),
        ("IntegrationServicesVersion", "3.1"),
        ("OSBuildNumber", release),
        ("OSName", "Debian GNU/Linux"),
        ("OSMajorVersion", "12"),
        ("OSMinorVersion", ""),
        ("OSVersion", release.split('-').next().unwrap()),
        ("ProcessorArchitecture", uname.machine().to_str().unwrap()),
        ("Owner", "me"),
    ] {
        assert_eq!(intrinsics.get(key), Some(value), "{key}");
    }
    assert_eq!(intrinsics.get("owner"), None, "keys compare exactly");
    let by_index: Vec<_> = (0..).map_while(|index| intrinsics.item(index)).collect();
    let by_list: Vec<_> =
        intrinsics.items().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(by_index, by_list);
    assert_eq!(by_index[9].0, "ProcessorArchitecture");
    assert_eq!(intrinsics.item(u32::MAX), None);
}

#[tokio::test]
async fn a_system_without_anything_has_the_ten_items_and_says_why() {
    let system = System::empty();
    let mut intrinsics = system.start();
    assert_eq!(intrinsics.items().len(), 11);
    let nodename = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    assert_eq!(intrinsics.get("FullyQualifiedDomainName"), Some(nodename.as_str()));
    assert_eq!(intrinsics.get("OSName"), Some("Linux"));
    assert_eq!(intrinsics.take_reports(), [Report::NoOsRelease(Errno::NOENT)]);
    assert_eq!(intrinsics.take_reports(), [], "once");
    system.write("usr/lib/os-release", "NAME=Late\n");
    until(&mut intrinsics, "OSName", Some("Late")).await;
    fs::remove_file(system.at("usr/lib/os-release")).unwrap();
    until(&mut intrinsics, "OSName", Some("Linux")).await;
    assert_eq!(
        intrinsics.take_reports(),
        [Report::NoOsRelease(Errno::NOENT)],
        "once more: it was there between"
    );
}

#[tokio::test]
async fn the_host_name_is_followed_in_a_file_that_cannot_be_polled() {
    let system = System::new();
    let mut intrinsics = system.start();
    system.write("proc/sys/kernel/hostname", "web2.example.org\n");
    assert_eq!(next(&mut intrinsics).await, [changed("FullyQualifiedDomainName", "web2.example.org")]);
    system.write("proc/sys/kernel/hostname", "(none)\n");
    assert_eq!(next(&mut intrinsics).await, [changed("FullyQualifiedDomainName", "")]);
}

#[tokio::test]
async fn every_file_of_the_name_is_followed() {
    let system = System::new();
    let mut intrinsics = system.start();
    let name = "FullyQualifiedDomainName";
    system.write("etc/hosts.new", "127.0.1.1 web1.b.example web1\n");
    fs::rename(system.at("etc/hosts.new"), system.at("etc/hosts")).unwrap();
    until(&mut intrinsics, name, Some("web1.b.example")).await;
    fs::remove_file(system.at("etc/hosts")).unwrap();
    until(&mut intrinsics, name, Some("web1")).await;
    system.write("run/resolve/stub.conf", "domain d.example\n");
    symlink("../run/resolve/stub.conf", system.at("etc/resolv.conf")).unwrap();
    until(&mut intrinsics, name, Some("web1.d.example")).await;
    system.write("run/resolve/stub.conf", "domain e.example\n");
    until(&mut intrinsics, name, Some("web1.e.example")).await;
    system.write("etc/hostname", "web1.f.example\n");
    until(&mut intrinsics, name, Some("web1.f.example")).await;
}

#[tokio::test]
async fn an_update_of_the_system_is_seen_behind_the_symlink() {
    let system = System::new();
    let mut intrinsics = system.start();
    system.write("usr/lib/os-release.new", "NAME=Debian\nVERSION_ID=13\nVARIANT_ID=cloud\n");
    fs::rename(system.at("usr/lib/os-release.new"), system.at("usr/lib/os-release")).unwrap();
    let expected =
        [changed("OSName", "Debian"), changed("OSMajorVersion", "13"), changed("OSEditionId", "cloud")];
    assert_eq!(next(&mut intrinsics).await, expected);
    system.write("usr/lib/os-release", "NAME=Debian\nVERSION_ID=13\n");
    assert_eq!(next(&mut intrinsics).await, [removed("OSEditionId")]);
}

#[tokio::test]
async fn own_items_are_seen_to_come_change_and_go() {
    let system = System::new();
    let mut intrinsics = system.start();
    // The directory itself is not there yet.
    system.item("Owner", "me\n");
    until(&mut intrinsics, "Owner", Some("me")).await;
    system.item("Owner", "you");
    assert_eq!(next(&mut intrinsics).await, [changed("Owner", "you")]);
    fs::rename(
        system.at("etc/hv-utils/kvp/intrinsic.d/Owner"),
        system.at("etc/hv-utils/kvp/intrinsic.d/Tenant"),
    )
    .unwrap();
    until(&mut intrinsics, "Tenant", Some("you")).await;
    until(&mut intrinsics, "Owner", None).await;
    system.item("A", "first");
    until(&mut intrinsics, "A", Some("first")).await;
    assert_eq!(intrinsics.item(11), Some(("A", "first")), "sorted by name, after the built-in ones");
    system.remove_item("A");
    assert_eq!(next(&mut intrinsics).await, [removed("A")]);
    fs::remove_dir_all(system.at("etc/hv-utils")).unwrap();
    until(&mut intrinsics, "Tenant", None).await;
    system.item("Back", "again");
    until(&mut intrinsics, "Back", Some("again")).await;
}

#[tokio::test]
async fn own_items_may_be_symlinks_into_a_directory_that_is_swapped() {
    let system = System::new();
    system.write("data/v1/Owner", "one\n");
    system.write("data/v2/Owner", "two\n");
    symlink("v1", system.at("data/now")).unwrap();
    let mut intrinsics = system.start();
    fs::create_dir_all(system.at("etc/hv-utils/kvp/intrinsic.d")).unwrap();
    symlink(system.at("data/now/Owner"), system.at("etc/hv-utils/kvp/intrinsic.d/Owner")).unwrap();
    until(&mut intrinsics, "Owner", Some("one")).await;
    symlink("v2", system.at("data/next")).unwrap();
    fs::rename(system.at("data/next"), system.at("data/now")).unwrap();
    until(&mut intrinsics, "Owner", Some("two")).await;
    system.write("data/v2/Owner", "three\n");
    until(&mut intrinsics, "Owner", Some("three")).await;
}

#[tokio::test]
async fn what_is_refused_is_told_once_until_it_has_been_right() {
    let system = System::new();
    let mut intrinsics = system.start();
    system.item("Good", "x");
    until(&mut intrinsics, "Good", Some("x")).await;
    system.item("Bad", "a\0b");
    assert_eq!(next(&mut intrinsics).await, [], "only a report");
    let told = intrinsics.take_reports();
    assert!(matches!(told.as_slice(), [Report::Refused { why: Refusal::Nul, .. }]), "{told:?}");
    assert!(
        told[0].to_string().ends_with("Bad is not shown to the host: its content has a NUL in it"),
        "{}",
        told[0]
    );
    system.item("Good", "y");
    assert_eq!(next(&mut intrinsics).await, [changed("Good", "y")]);
    assert_eq!(intrinsics.take_reports(), [], "still bad, and told");
    system.item("Bad", "right");
    assert_eq!(next(&mut intrinsics).await, [changed("Bad", "right")]);
    system.item("Bad", "a\0b");
    assert_eq!(next(&mut intrinsics).await, [removed("Bad")]);
    assert_eq!(intrinsics.take_reports(), told);
}

#[tokio::test]
async fn a_burst_is_one_answer() {
    let system = System::new();
    fs::create_dir_all(system.at("etc/hv-utils/kvp/intrinsic.d")).unwrap();
    let mut intrinsics = system.start();
    for round in 0..100 {
        for name in ["A", "B", "C"] {
            system.item(name, &format!("{round}\n"));
        }
    }
    system.remove_item("B");
    // By a rename, which is an event at once: to close what was written may be left to another test's child.
    system.write("etc/hosts.new", "127.0.1.1 web1.burst.example web1\n");
    fs::rename(system.at("etc/hosts.new"), system.at("etc/hosts")).unwrap();
    let expected =
        [changed("FullyQualifiedDomainName", "web1.burst.example"), changed("A", "99"), changed("C", "99")];
    assert_eq!(next(&mut intrinsics).await, expected);
}

#[tokio::test]
async fn nothing_is_lost_by_waiting_in_vain() {
    let system = System::new();
    let mut intrinsics = system.start();
    let mut answers = Vec::new();
    for round in 0..200 {
        system.write("proc/sys/kernel/hostname", &format!("host{round}.example\n"));
        // Given up in every state that it can be in: never polled, polled once, polled with events.
        tokio::select! {
            biased;
            () = std::future::ready(()), if round % 3 == 0 => {}
            changes = intrinsics.changed() => answers.extend(changes),
            () = tokio::task::yield_now() => {}
        }
    }
    until(&mut intrinsics, "FullyQualifiedDomainName", Some("host199.example")).await;
    let in_order = answers.windows(2).all(|pair| pair[0] != pair[1]);
    assert!(in_order, "each change is told once: {answers:?}");
}

#[tokio::test]
async fn the_version_of_the_char_device_counts() {
    let mut intrinsics = System::new().start();
    assert_eq!(intrinsics.set_services_version("3.1"), []);
    assert_eq!(intrinsics.set_services_version("4.0"), [changed("IntegrationServicesVersion", "4.0")]);
    assert_eq!(intrinsics.item(1), Some(("IntegrationServicesVersion", "4.0")));
}

#[tokio::test]
async fn a_restart_tells_what_is_different_and_no_report_again() {
    let system = System::new();
    system.item("Bad", "a\0b");
    let mut intrinsics = system.start();
    assert_eq!(intrinsics.take_reports().len(), 1);
    system.write("elsewhere/Owner", "me");
    system.write("elsewhere/Bad", "a\0b");
    assert_eq!(intrinsics.restart(system.options()), []);
    assert_eq!(intrinsics.take_reports(), []);
    let options = Options { directory: system.at("elsewhere"), ..system.options() };
    assert_eq!(intrinsics.restart(options), [changed("Owner", "me")]);
    assert_eq!(intrinsics.take_reports().len(), 1, "another file");
    system.write("elsewhere/Owner", "you");
    assert_eq!(next(&mut intrinsics).await, [changed("Owner", "you")]);
}

#[tokio::test]
async fn more_than_fits_is_reported() {
    let system = System::new();
    for number in 0..257 {
        system.item(&format!("key{number:03}"), "x");
    }
    let mut intrinsics = system.start();
    assert_eq!(intrinsics.items().len(), 11 + 256);
    let reports = intrinsics.take_reports();
    assert!(matches!(reports.as_slice(), [Report::TooMany { kept: 256, .. }]), "{reports:?}");
}

#[test]
fn the_kernels_host_name_and_addresses_are_followed() {
    inside("the_kernels_host_name_and_addresses_are_followed", async |links| {
        let system = System::new();
        let options =
            Options { proc_root: "/proc".into(), selection: Selection::default(), ..system.options() };
        rustix::system::sethostname(b"one.example").unwrap();
        let link = links.uplink("eth0").await;
        links.up(link).await;
        links.address(link, "10.0.0.5", 24).await;
        let mut intrinsics = Intrinsics::start(options);
        assert!(intrinsics.host_name.unpolled().is_none(), "the kernel's file can be polled");
        assert_eq!(intrinsics.get("FullyQualifiedDomainName"), Some("one.example"));
        assert_eq!(intrinsics.get("NetworkAddressIPv4"), Some("10.0.0.5"));
        for round in 0..20 {
            let name = format!("host{round}.example");
            rustix::system::sethostname(name.as_bytes()).unwrap();
            assert_eq!(next(&mut intrinsics).await, [changed("FullyQualifiedDomainName", &name)]);
        }
        links.address(link, "10.0.0.6", 24).await;
        assert_eq!(next(&mut intrinsics).await, [changed("NetworkAddressIPv4", "10.0.0.5;10.0.0.6")]);
        links.down(link).await;
        until(&mut intrinsics, "NetworkAddressIPv4", Some("")).await;
        assert!(intrinsics.network().is_some_and(|table| table.link(link).is_some()));
        assert_eq!(intrinsics.take_reports(), []);
    });
}

#[test]
fn addresses_that_do_not_fit_are_reported() {
    inside("addresses_that_do_not_fit_are_reported", async |links| {
        let system = System::new();
        let link = links.uplink("eth0").await;
        links.up(link).await;
        for number in 0..128_u8 {
            links.address(link, &format!("10.0.0.{number}"), 32).await;
        }
        let mut intrinsics =
            Intrinsics::start(Options { selection: Selection::default(), ..system.options() });
        assert_eq!(intrinsics.take_reports(), [Report::AddressesLeftOut]);
        let value = intrinsics.get("NetworkAddressIPv4").unwrap();
        assert!(value.len() <= MAX_VALUE_UNITS && value.starts_with("10.0.0.0;10.0.0.1;"), "{value}");
        links.remove_address(link, "10.0.0.0", 32).await;
        next(&mut intrinsics).await;
        assert_eq!(intrinsics.take_reports(), [], "told already");
    });
}

#[test]
fn paths_of_options_are_those_of_a_system() {
    let options = Options::default();
    assert_eq!(options.directory, Path::new("/etc/hv-utils/kvp/intrinsic.d"));
    assert_eq!((options.etc_root.as_path(), options.services_version.as_str()), (Path::new("/etc"), "3.1"));
}

#[tokio::test(start_paused = true)]
async fn a_kernel_that_could_not_be_followed_is_followed_again() {
    let mut intrinsics = System::new().start();
    for _ in 0..2 {
        let revision = intrinsics.revision();
        intrinsics.lose_network(NetworkError::Torn);
        assert!(intrinsics.network().is_none());
        while intrinsics.network().is_none() {
            intrinsics.changed().await;
        }
        assert!(intrinsics.revision() > revision);
    }
    let reports = intrinsics.take_reports();
    let lost = reports.iter().filter(|report| **report == Report::Network(NetworkError::Torn));
    assert_eq!(lost.count(), 2, "each time once: {reports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kernel_that_could_not_be_followed_is_asked_at_the_next_request() {
    let mut intrinsics = System::new().start();
    intrinsics.lose_network(NetworkError::Torn);
    let revision = intrinsics.revision();
    intrinsics.catch_up();
    assert!(intrinsics.network().is_some() && intrinsics.revision() > revision);
}
