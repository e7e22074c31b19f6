//! Host names and the files that continue them.

use super::*;

/// The name of `host` on a machine with these files; empty ones are not there.
fn full(host: &str, hosts: &str, hostname: &str, resolv: &str) -> String {
    let etc = tempfile::tempdir().unwrap();
    for (name, content) in [("hosts", hosts), ("hostname", hostname), ("resolv.conf", resolv)] {
        if !content.is_empty() {
            std::fs::write(etc.path().join(name), content).unwrap();
        }
    }
    qualify(host, etc.path())
}

#[test]
fn hosts_lines_are_read_as_the_resolver_reads_them() {
    for (hosts, expected) in [
        ("", "web1"),
        ("127.0.1.1 web1.example.com web1\n", "web1.example.com"),
        ("127.0.1.1\tweb1\tweb1.example.com\n", "web1.example.com"),
        ("::1 web1 web1.example.com.", "web1.example.com"),
        ("127.0.1.1 WEB1.Example.COM Web1\n", "WEB1.Example.COM"),
        ("127.0.1.1 web1.example.com\n", "web1"),
        ("127.0.1.1 web10.example.com web1\n", "web1"),
        ("127.0.1.1 www.example.com web1\n", "web1"),
        ("127.0.1.1 www.example.com web1 web1.example.org\n", "web1.example.org"),
        ("#127.0.1.1 web1.example.com web1\n", "web1"),
        ("127.0.1.1 web1 # web1.example.com\n", "web1"),
        ("127.0.1.1 web1#web1.example.com\n", "web1"),
        (
            "127.0.0.1 localhost\n127.0.1.1 web1\n10.0.0.5 web1.b.example web1\n10.0.0.6 web1.c.example web1\n",
            "web1.b.example",
        ),
        ("127.0.1.1 web1 web1. web1..example.com web1.\n", "web1"),
        ("web1.example.com web1", "web1"),
        ("\n\n   \n", "web1"),
        ("127.0.1.1 w\u{fc}b web1 web1.example.com", "web1.example.com"),
    ] {
        assert_eq!(full("web1", hosts, "", ""), expected, "{hosts}");
    }
}

#[test]
fn each_source_counts_before_the_next() {
    let hosts = "127.0.1.1 web1.hosts.example web1\n";
    let resolv = "nameserver 192.0.2.53\ndomain resolv.example\n";
    for (host, hosts, hostname, resolv, expected) in [
        ("web1.kernel.example", hosts, "web1.static.example\n", resolv, "web1.kernel.example"),
        ("web1", hosts, "web1.static.example\n", resolv, "web1.hosts.example"),
        ("web1", "", "web1.static.example\n", resolv, "web1.static.example"),
        ("web1", "", "# a comment\nweb1.static.example\n", resolv, "web1.static.example"),
        ("web1", "", "web2.static.example\n", resolv, "web1.resolv.example"),
        ("web1", "", "web1\n", resolv, "web1.resolv.example"),
        ("web1", "", "", "", "web1"),
        ("", hosts, "web1.static.example\n", resolv, ""),
        ("localhost", "127.0.0.1 localhost localhost.localdomain\n", "", resolv, "localhost"),
    ] {
        assert_eq!(full(host, hosts, hostname, resolv), expected);
    }
}

#[test]
fn the_last_domain_counts_and_search_does_not() {
    for (resolv, expected) in [
        ("search a.example b.example\n", "web1"),
        ("domain a.example\nsearch b.example\n", "web1.a.example"),
        ("domain a.example\ndomain b.example.\n", "web1.b.example"),
        ("domain\ta.example   # x\n", "web1.a.example"),
        ("#domain a.example\n;domain a.example\n domain a.example\n", "web1"),
        ("domain\n", "web1"),
        ("domain a.example\ndomain\n", "web1.a.example"),
        ("domain .\n", "web1"),
        ("domain a..example\n", "web1"),
        ("domains a.example\n", "web1"),
    ] {
        assert_eq!(full("web1", "", "", resolv), expected, "{resolv}");
    }
}

#[test]
fn names_that_are_too_long_for_the_dns_are_not_made() {
    let domain = format!("{}.example", vec!["x".repeat(60); 4].join("."));
    assert_eq!(full("web1", "", "", &format!("domain {domain}\n")), "web1");
    assert_eq!(full("w", "", "", &format!("domain {domain}\n")), format!("w.{domain}"));
}

#[test]
fn names_of_other_scripts_are_compared_without_a_panic() {
    assert_eq!(full("w\u{e9}b", "127.0.1.1 w\u{e9}b.example w\u{e9}b\n", "", ""), "w\u{e9}b.example");
    assert_eq!(
        full("ab", "127.0.1.1 ab a\u{e9}.example\n", "", ""),
        "ab",
        "the boundary is inside of a character"
    );
}

#[test]
fn long_lines_and_long_lists_do_not_hide_the_right_line() {
    let mut hosts = format!("127.0.0.1 web1 {}\n", "x".repeat(10_000));
    for number in 0..2000 {
        hosts.push_str(&format!("0.0.0.0 ads{number}.example\n"));
    }
    hosts.push_str(&format!("0.0.0.0 {} web1 web1.wrong.example\n", "y".repeat(8192 - 8 - 1)));
    hosts.push_str("127.0.1.1 web1.example.com web1");
    assert_eq!(full("web1", &hosts, "", ""), "web1.example.com");
}
