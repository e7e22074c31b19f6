use super::*;
use crate::backend::cases::{automatic, fixed, injection, keep, servers};

#[test]
fn what_is_written_is_read_again() {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep());
    for origin in [None, Some("/etc/systemd/network/a b.network".to_owned())] {
        let header = Header { origin, wanted: wanted.clone() };
        assert_eq!(Header::read(&header.write("eth0")), Some(header));
    }
    assert_eq!(Header::read("# Wanted: {}\n[Match]\n"), None);
    assert_eq!(Header::read("[Match]\nName=eth0\n"), None);
}

#[test]
fn a_second_injection_changes_what_it_speaks_of() {
    let first = fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.53");
    for (new, expected) in [
        (keep(), first.clone()),
        (automatic(None), automatic(None)),
        (servers("192.0.2.54"), fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.54")),
        (Plan { dns: None, ..fixed("192.0.2.8/24", "", "") }, fixed("192.0.2.8/24", "", "192.0.2.53")),
    ] {
        let old = injection(first.clone(), automatic(None));
        let merged = merge(&old, &injection(new.clone(), keep()));
        assert_eq!(merged, injection(expected, automatic(None)), "{new:?}");
        assert_eq!(merge(&merged, &injection(new, keep())), merged, "twice is once");
    }
}
