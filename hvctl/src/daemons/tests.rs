use std::path::{Path, PathBuf};

use super::places;

#[test]
fn the_daemons_of_the_own_prefix_come_before_those_of_others() {
    let expected = [
        "/opt/hv/bin",
        "/opt/hv/libexec/hv-utils",
        "/usr/local/libexec/hv-utils",
        "/usr/libexec/hv-utils",
        "/usr/sbin",
    ];
    assert_eq!(places(Some(Path::new("/opt/hv/bin/hvctl"))), expected.map(PathBuf::from));
}

#[test]
fn the_usual_places_are_searched_by_one_who_does_not_know_where_it_is() {
    assert_eq!(
        places(None),
        ["/usr/local/libexec/hv-utils", "/usr/libexec/hv-utils", "/usr/sbin"].map(PathBuf::from)
    );
}
