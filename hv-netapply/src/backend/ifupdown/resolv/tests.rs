use super::*;
use crate::backend::cases::{automatic, fixed, injection, keep, servers};
use crate::backend::tests_support::{put, roots};

#[test]
fn servers_are_replaced_by_family_and_the_rest_stays() {
    let text = "# mine\nsearch a\nnameserver 198.51.100.53\n nameserver 2001:db8:9::53\noptions x";
    for (wanted, expected) in [
        (injection(keep(), keep()), text.to_owned()),
        (injection(automatic(None), keep()), text.to_owned()),
        (
            injection(fixed("192.0.2.7/24", "", "192.0.2.53 192.0.2.54"), keep()),
            "# mine\nsearch a\nnameserver 192.0.2.53\nnameserver 192.0.2.54\nnameserver 2001:db8:9::53\noptions x"
                .to_owned(),
        ),
        (injection(keep(), servers("")), text.to_owned()),
        (injection(servers(""), servers("")), text.to_owned()),
    ] {
        let once = changed(text, &wanted);
        assert_eq!(once, expected);
        assert_eq!(changed(&once, &wanted), once, "twice is once");
    }
    let wanted = injection(servers("192.0.2.53"), keep());
    assert_eq!(changed("", &wanted), "nameserver 192.0.2.53\n");
    assert_eq!(changed("search a", &wanted), "search a\nnameserver 192.0.2.53\n");
}

#[test]
fn a_file_that_somebody_makes_is_left_alone() {
    let (_kept, roots) = roots();
    let path = roots.etc.join("resolv.conf");
    put(&roots.etc.join("hosts"), "");
    assert_eq!(file(&roots, false), Some(path.clone()));
    put(&path, "nameserver 192.0.2.53\n");
    assert_eq!(file(&roots, false), Some(path.clone()));
    assert_eq!(file(&roots, true), None);
    put(&roots.etc.join("network/if-up.d/resolved"), "");
    assert_eq!(file(&roots, false), None);
    fs::remove_file(roots.etc.join("network/if-up.d/resolved")).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("../run/resolv.conf", &path).unwrap();
    assert_eq!(file(&roots, false), None);
}

#[test]
fn only_lines_that_are_ours_go_from_what_somebody_has_changed() {
    let before = "search a\nnameserver 198.51.100.53\n";
    let ours = ["192.0.2.53".to_owned()];
    for (now, expected) in [
        (before, before),
        ("search a\nnameserver 192.0.2.53\n", before),
        ("search a\n", before),
        ("search b\nnameserver 192.0.2.53\n", "search b\nnameserver 198.51.100.53\n"),
        (
            "search a\nnameserver 192.0.2.53\nnameserver 203.0.113.9\n",
            "search a\nnameserver 198.51.100.53\nnameserver 203.0.113.9\n",
        ),
        ("search b", "search b\nnameserver 198.51.100.53\n"),
        ("# by a client\nnameserver 203.0.113.9\n", "# by a client\nnameserver 203.0.113.9\n"),
    ] {
        let back = restored(before, now, &ours);
        assert_eq!(back, expected);
        assert_eq!(restored(before, &back, &ours), back, "twice is once");
    }
}
