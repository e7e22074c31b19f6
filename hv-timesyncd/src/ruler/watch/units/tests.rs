//! What counts as running, and whose it is.

use super::*;

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
