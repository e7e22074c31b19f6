//! Names to paths and back.

use super::*;

#[test]
fn names_are_in_paths_as_systemd_writes_them() {
    for (id, expected) in [
        ("chrony.service", "chrony_2eservice"),
        ("systemd-timesyncd.service", "systemd_2dtimesyncd_2eservice"),
        ("9p_x.service", "_39p_5fx_2eservice"),
        (r"a\x2db.service", "a_5cx2db_2eservice"),
    ] {
        assert_eq!(path(id), format!("{PREFIX}{expected}"));
        assert_eq!(id_of(expected), Some(id.to_owned()));
    }
}

fn id_of(last: &str) -> Option<String> {
    id(&format!("{PREFIX}{last}"))
}

#[test]
fn what_is_no_path_of_a_unit_has_no_name() {
    for wrong in ["", "_", "a_2", "a_zz", "a_e9", "a_é9"] {
        assert_eq!(id_of(wrong), None, "{wrong}");
    }
    assert_eq!(id("/org/freedesktop/systemd1/job/7"), None);
}
