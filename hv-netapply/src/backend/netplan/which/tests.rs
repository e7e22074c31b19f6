use super::*;
use crate::backend::tests_support::{put, roots, target, world};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_definition_is_in_the_name_of_what_netplan_made() {
    let (_kept, roots) = roots();
    let world = world(&roots);
    let find = || run(find(&world, &target())).map(|found| (found.id, found.renderer, found.now));
    assert_eq!(find(), None);
    let profiles = roots.run.join("NetworkManager/system-connections");
    put(&profiles.join("netplan-other.nmconnection"), "[connection]\ntype=ethernet\ninterface-name=eth1\n");
    put(&profiles.join("netplan-all.nmconnection"), "[connection]\ntype=ethernet\n");
    put(&profiles.join("mine.nmconnection"), "[connection]\ntype=ethernet\ninterface-name=eth0\n");
    assert_eq!(find(), None);
    let mac = "[connection]\ntype=ethernet\n[ethernet]\nmac-address=00:15:5D:00:04:0A\n";
    put(&profiles.join("netplan-id0.nmconnection"), mac);
    assert_eq!(find(), Some(("id0".to_owned(), Renderer::NetworkManager, false)));
    put(&roots.run.join("systemd/network/10-netplan-id1.network"), "[Match]\nName=eth0\n");
    assert_eq!(find(), Some(("id1".to_owned(), Renderer::Networkd, false)));
    put(&roots.run.join("systemd/netif/state"), "");
    let state = "ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-id1.network\n";
    put(&roots.run.join("systemd/netif/links/2"), state);
    put(&roots.run.join("systemd/netif/links/1"), "ADMIN_STATE=unmanaged\n");
    assert_eq!(find(), Some(("id1".to_owned(), Renderer::Networkd, true)));
    assert!(sharers(&roots, &target(), "id1").is_empty());
    put(&roots.run.join("systemd/netif/links/3"), state);
    assert_eq!(sharers(&roots, &target(), "id1"), [3]);
}
