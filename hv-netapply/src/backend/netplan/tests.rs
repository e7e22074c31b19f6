use super::*;
use crate::backend::cases::{fixed, injection, keep};
use crate::backend::tests_support::{put, roots, target, world};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn claims() {
    let (_kept, roots) = roots();
    let netplan = Netplan::new(world(&roots));
    let claim = || run(netplan.claimed(&target()));
    put(&roots.run.join("systemd/network/10-netplan-eth0.network"), "[Match]\nName=eth0\n");
    put(&roots.usr.join("sbin/netplan"), "");
    assert_eq!(claim(), Claim::None, "no files of netplan");
    put(&roots.etc.join("netplan/a.yaml"), "network: {}\n");
    assert_eq!(claim(), Claim::AtStart);
    fs::remove_file(roots.usr.join("sbin/netplan")).unwrap();
    assert_eq!(claim(), Claim::None, "not installed");
}

#[test]
fn a_snapshot_has_what_speaks_of_the_definition() {
    let (_kept, roots) = roots();
    let netplan = Netplan::new(world(&roots));
    put(&roots.run.join("systemd/network/10-netplan-id0.network"), "[Match]\nName=eth0\n");
    for (name, text) in [("a.yaml", "id0:"), ("b.yaml", "id1:"), ("c.yaml", "id0:"), ("d.yml", "id0:")] {
        put(&roots.etc.join("netplan").join(name), text);
    }
    let snapshot = run(netplan.remember(&target())).unwrap();
    let names: Vec<_> = snapshot.files.iter().map(|saved| name(&saved.path).to_str().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "c.yaml", "90-hv-utils-id0.yaml"]);
    assert_eq!(snapshot.facts[ID], "id0");
}

#[test]
fn more_addresses_than_were_wanted_are_noticed() {
    let definition = |text: &str| Definition::parse(&format!("addresses:\n{text}- \"2001:db8::1/64\"\n"));
    let wanted = injection(fixed("192.0.2.7/24", "", ""), keep());
    assert!(exact("id0", &definition("- \"192.0.2.7/24\"\n"), &wanted).is_ok());
    assert!(exact("id0", &definition("- \"192.0.2.7/24\"\n- \"192.0.2.8/24\"\n"), &wanted).is_err());
    assert!(exact("id0", &definition(""), &injection(keep(), keep())).is_ok());
}
