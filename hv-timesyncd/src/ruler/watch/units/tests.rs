//! Names to paths and back, and what counts as running.

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

#[test]
fn state_or_job_says_whether_a_client_runs() {
    for (state, job, runs) in [
        ("active", "", true),
        ("active", "stop", true),
        ("reloading", "reload", true),
        ("refreshing", "", true),
        ("activating", "start", true),
        ("activating", "", true),
        ("deactivating", "", false),
        ("deactivating", "stop", false),
        ("deactivating", "restart", true),
        ("inactive", "start", true),
        ("inactive", "", false),
        ("inactive", "verify-active", false),
        ("failed", "", false),
        ("failed", "reload-or-start", true),
        ("maintenance", "", false),
    ] {
        let clients = Units::default().add(Clients::default(), "ntp.service", state, job);
        assert_eq!(clients, Clients::default().with(Client::Ntpd, runs), "{state} {job}");
    }
}

#[test]
fn only_known_units_count_and_others_do_not_take_a_client_away() {
    let units = Units::default();
    let none = Clients::default();
    assert_eq!(units.add(none, "sshd.service", "active", ""), none);
    let chrony = units.add(none, "chronyd.service", "active", "");
    assert_eq!(units.add(chrony, "chrony.service", "inactive", ""), chrony);
}

#[test]
fn an_alias_of_an_unknown_unit_is_the_clients_and_one_of_a_known_unit_its_owners() {
    let mut units = Units::default();
    units.learn("chronyd.service".to_owned(), Client::Ntpd);
    assert_eq!(units, Units::default());
    units.learn("site-time.service".to_owned(), Client::Ntpd);
    let clients = units.add(Clients::default(), "site-time.service", "active", "");
    assert_eq!(clients.first(), Some(Client::Ntpd));
    let clients = units.add(Clients::default(), "chronyd.service", "active", "");
    assert_eq!(clients.first(), Some(Client::Chrony));
}
