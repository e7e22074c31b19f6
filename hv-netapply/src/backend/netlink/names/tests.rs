//! `resolv.conf` with lines of several, and a systemd-resolved that does not come.

use std::os::unix::fs::symlink;

use super::*;
use crate::backend::cases::{injection, keep, servers};
use crate::backend::tests_support::{put as write, roots, target, world};

const MINE: &str =
    "# mine\nsearch example.org\nnameserver 192.0.2.9\nnameserver 2001:db8::9\noptions edns0\n";
const A: &str = "f8b3781a-1e82-4818-a1c3-63d806ec15bb";
const B: &str = "00000000-1e82-4818-a1c3-63d806ec15bb";

fn of(adapter: &str, ipv4: &str, ipv6: Option<&str>) -> Injection {
    let ipv6 = ipv6.map_or_else(keep, servers);
    Injection { adapter: adapter.to_owned(), ..injection(servers(ipv4), ipv6) }
}

/// The servers in their order.
fn asked(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("nameserver ")).collect()
}

#[test]
fn what_was_there_of_the_family_is_replaced_and_the_rest_stays() {
    let once = with_servers(MINE, &of(A, "192.0.2.1", None));
    let expected = format!(
        "# mine\nsearch example.org\n# hv-netapply: IPv4 of {A}\nnameserver 192.0.2.1\n\
         nameserver 2001:db8::9\noptions edns0\n"
    );
    assert_eq!(once, expected);
    assert_eq!(with_servers(&once, &of(A, "192.0.2.1", None)), once);
    assert_eq!(asked(&with_servers(&once, &of(A, "192.0.2.2", None))), ["192.0.2.2", "2001:db8::9"]);
    // An adapter that shall have none takes none away.
    assert_eq!(with_servers(MINE, &of(A, "", None)), MINE);
}

#[test]
fn families_and_adapters_stand_for_themselves() {
    let both = with_servers("", &of(A, "192.0.2.1", Some("2001:db8::1")));
    assert_eq!(asked(&both), ["192.0.2.1", "2001:db8::1"]);
    let ipv4 = with_servers(&both, &of(A, "192.0.2.2", None));
    assert_eq!(asked(&ipv4), ["192.0.2.2", "2001:db8::1"]);
    let other = with_servers(&ipv4, &of(B, "203.0.113.1", None));
    assert_eq!(asked(&other), ["203.0.113.1", "192.0.2.2", "2001:db8::1"]);
    assert_eq!(asked(&with_servers(&other, &of(A, "", Some("")))), ["203.0.113.1"]);
}

#[test]
fn no_more_are_written_than_a_resolver_asks() {
    let many = with_servers("", &of(A, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", None));
    assert_eq!(asked(&many), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
}

#[tokio::test]
async fn a_resolv_conf_of_another_program_is_not_touched_and_said_to_be_so() {
    let (_kept, roots) = roots();
    let world = world(&roots);
    let theirs = roots.run.join("theirs");
    write(&theirs, MINE);
    fs::create_dir_all(&roots.etc).unwrap();
    symlink(&theirs, roots.etc.join("resolv.conf")).unwrap();
    put(&world, &target(), &of(A, "192.0.2.1", None)).await.unwrap();
    assert_eq!(fs::read_to_string(&theirs).unwrap(), MINE);
    let text = not_in_force(&["192.0.2.1".parse().unwrap()]);
    assert!(text.starts_with("DNS servers not in force: 192.0.2.1: "), "{text}");
}

#[tokio::test]
async fn a_resolv_conf_that_we_made_goes_on_the_way_back() {
    let (_kept, roots) = roots();
    let world = world(&roots);
    let mut before = Snapshot::default();
    snapshot(&world, &mut before, &target()).await.unwrap();
    fs::create_dir_all(&roots.etc).unwrap();
    put(&world, &target(), &of(A, "192.0.2.1", None)).await.unwrap();
    assert!(resolv_conf(&world).exists());
    before.restore_files().unwrap();
    assert!(!resolv_conf(&world).exists());
}

#[tokio::test(start_paused = true)]
async fn a_resolved_that_is_to_start_is_waited_for_and_no_other() {
    let (_kept, roots) = roots();
    let world = world(&roots);
    let started = tokio::time::Instant::now();
    until_told(&world, &target(), &of(A, "192.0.2.1", None)).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    write(&roots.etc.join("systemd/system/sysinit.target.wants").join(UNITS[0]), "[Service]\n");
    until_told(&world, &target(), &of(A, "", None)).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    let late = until_told(&world, &target(), &of(A, "192.0.2.1", None)).await.unwrap_err();
    assert!(late.to_string().starts_with("DNS servers not in force"), "{late}");
    assert_eq!(started.elapsed().as_secs(), PATIENCE.as_secs());
}
