//! Who keeps the clock: every combination that matters, as a table.

use super::*;

const CHRONY: Facts = Facts {
    clients: Clients::NONE.with(Client::Chrony, true),
    synchronised_by_others: false,
    kernel_has_channel: false,
    has_source: false,
};

#[test]
fn everybody_has_a_ruler() {
    let nothing = Facts::default();
    let source = Facts { has_source: true, ..nothing };
    let kernel = Facts { kernel_has_channel: true, ..nothing };
    let ptp = Facts { has_source: true, ..kernel };
    let others = Facts { synchronised_by_others: true, ..source };
    let blind = Facts { synchronised_by_others: true, ..nothing };
    let fed = Facts { has_source: true, ..CHRONY };
    let all = Facts { synchronised_by_others: true, kernel_has_channel: true, ..fed };
    let beside = Facts { synchronised_by_others: true, kernel_has_channel: true, ..CHRONY };
    let (ours, driver, nobody) = (Ruler::Ourselves, Ruler::Kernel, Ruler::Nobody);
    let chrony = Ruler::Client(Client::Chrony);
    // Auto, discipline, refclock, observe.
    let table = [
        ("nothing", nothing, [nobody, nobody, nobody, nobody]),
        ("a raw channel", source, [ours, ours, nobody, nobody]),
        ("the kernel's driver, without a PTP clock", kernel, [driver, driver, driver, driver]),
        ("the kernel's driver, with a PTP clock", ptp, [ours, ours, driver, driver]),
        ("a raw channel, and an unknown program", others, [driver, ours, driver, driver]),
        ("no channel, and an unknown program", blind, [driver, driver, driver, driver]),
        ("chrony without a channel", CHRONY, [chrony, chrony, chrony, chrony]),
        ("chrony and a raw channel", fed, [chrony, ours, chrony, chrony]),
        ("chrony, the kernel's driver, a PTP clock", all, [chrony, ours, chrony, chrony]),
        ("chrony, the kernel's driver, no PTP clock", beside, [chrony, chrony, chrony, chrony]),
    ];
    let modes = [Mode::Auto, Mode::Discipline, Mode::Refclock, Mode::Observe];
    for (situation, facts, rulers) in table {
        for (mode, ruler) in modes.into_iter().zip(rulers) {
            assert_eq!(Ruler::of(mode, facts), ruler, "{situation}, {}", mode.name());
        }
    }
}

#[test]
fn words_are_those_of_the_bus() {
    let modes = [Mode::Auto, Mode::Discipline, Mode::Refclock, Mode::Observe].map(Mode::name);
    assert_eq!(modes, ["auto", "discipline", "refclock", "observe"]);
    let clients = Client::ALL.map(|client| Ruler::Client(client).name());
    assert_eq!(clients, ["chrony", "ntpd-rs", "ntpd", "systemd-timesyncd"]);
    let others = [Ruler::Ourselves, Ruler::Kernel, Ruler::Nobody].map(Ruler::name);
    assert_eq!(others, ["hv-timesyncd", "kernel", "none"]);
}

#[test]
fn of_several_clients_the_first_in_order_rules() {
    // What Debian calls all of them at once is somebody's mistake; systemd-timesyncd gives way to any other.
    let mut clients = Clients::default();
    let mut rulers = Vec::new();
    for client in Client::ALL.into_iter().rev() {
        clients = clients.with(client, true);
        rulers.push(Ruler::of(Mode::Auto, Facts { clients, ..Facts::default() }).name());
    }
    assert_eq!(rulers, ["systemd-timesyncd", "ntpd", "ntpd-rs", "chrony"]);
}
