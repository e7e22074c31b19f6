//! The monitor against a real kernel: what it lists, what it announces, what is lost and found again.

use std::time::Duration;

use super::*;
use crate::network::Address;
use crate::network::{Kind, Selection};
use crate::testing::namespace::inside;
use std::os::fd::AsRawFd;

/// Waits until what the kernel has said makes `holds` true. The limit only turns a hang into a failure.
async fn until(monitor: &mut Monitor, what: &str, holds: impl Fn(&Table) -> bool) {
    let wait = async {
        while !holds(monitor.table()) {
            monitor.readable().await;
            monitor.drain().unwrap();
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(seen.is_ok(), "not seen: {what}: {:#?}", monitor.table());
}

fn open() -> Monitor {
    Monitor::open(Path::new("/nowhere")).unwrap()
}

fn ipv4(table: &Table) -> String {
    Selection::default().ipv4(table, 1022).text
}

#[test]
fn what_is_there_is_listed_at_once() {
    inside("what_is_there_is_listed_at_once", async |links| {
        let link = links.uplink("eth0").await;
        links.up(link).await;
        links.address(link, "10.0.0.5", 24).await;
        links.address(link, "2001:db8::5", 64).await;
        let monitor = open();
        let link = monitor.table().link(link).unwrap();
        assert_eq!(
            (&*link.name, link.kind, link.up, link.loopback, link.device),
            ("eth0", Kind::Veth, true, false, false)
        );
        assert_eq!(link.hardware.as_bytes().len(), 6);
        let given: Vec<_> =
            link.addresses.iter().map(|address| (address.ip.to_string(), address.prefix)).collect();
        assert!(given.contains(&("10.0.0.5".to_owned(), 24)), "{given:?}");
        assert!(given.contains(&("2001:db8::5".to_owned(), 64)), "{given:?}");
        assert!(link.addresses.iter().all(Address::is_permanent), "{:?}", link.addresses);
        let loopback = monitor.table().links().find(|link| &*link.name == "lo").unwrap();
        assert!(loopback.loopback && !loopback.up);
    });
}

#[test]
fn lists_that_are_all_torn_are_an_error_and_no_empty_table() {
    let table = |name: &str| {
        let mut table = Table::default();
        let mut message = [0; 32];
        message[4] = 7;
        message[16..20].copy_from_slice(&[9, 0, 3, 0]);
        message[20..24].copy_from_slice(name.as_bytes());
        table.apply(parse(16, &message[..28]).unwrap(), |_| false);
        table
    };
    let mut times = 0;
    let torn = choose(|| {
        times += 1;
        Ok((Dumped::Torn, Table::default()))
    });
    assert_eq!((torn, times), (Err(NetworkError::Torn), DUMPS));
    let mut lists = vec![(Dumped::Torn, "eth2"), (Dumped::Disturbed, "eth1"), (Dumped::Disturbed, "eth0")];
    let complete = choose(|| {
        let (dumped, name) = lists.pop().unwrap_or((Dumped::Torn, "eth3"));
        Ok((dumped, table(name)))
    });
    assert_eq!(&*complete.unwrap().link(7).unwrap().name, "eth1");
}

#[test]
fn every_change_is_announced() {
    inside("every_change_is_announced", async |links| {
        let mut monitor = open();
        let link = links.uplink("eth0").await;
        until(&mut monitor, "link", |table| table.link(link).is_some_and(|link| !link.up)).await;
        links.up(link).await;
        until(&mut monitor, "up", |table| table.link(link).is_some_and(|link| link.up)).await;
        links.address(link, "10.0.0.5", 24).await;
        until(&mut monitor, "address", |table| ipv4(table) == "10.0.0.5").await;
        links.address(link, "10.0.0.4", 24).await;
        until(&mut monitor, "a second one, in the order of configuration", |table| {
            ipv4(table) == "10.0.0.5;10.0.0.4"
        })
        .await;
        links.rename(link, "lan0").await;
        until(&mut monitor, "name", |table| table.link(link).is_some_and(|link| &*link.name == "lan0")).await;
        assert_eq!(
            ipv4(monitor.table()),
            "10.0.0.5;10.0.0.4",
            "a message about the link leaves its addresses"
        );
        links.down(link).await;
        until(&mut monitor, "down", |table| ipv4(table).is_empty()).await;
        links.up(link).await;
        links.remove_address(link, "10.0.0.4", 24).await;
        until(&mut monitor, "address gone", |table| ipv4(table) == "10.0.0.5").await;
        links.remove(link).await;
        until(&mut monitor, "link gone", |table| table.link(link).is_none()).await;
    });
}

#[test]
fn one_address_under_two_prefixes_goes_only_when_both_have_gone() {
    inside("one_address_under_two_prefixes_goes_only_when_both_have_gone", async |links| {
        let mut monitor = open();
        let link = links.uplink("eth0").await;
        links.up(link).await;
        links.address(link, "10.0.0.5", 24).await;
        links.address(link, "10.0.0.5", 16).await;
        until(&mut monitor, "both", |table| {
            table
                .link(link)
                .is_some_and(|link| link.addresses.iter().filter(|address| address.ip.is_ipv4()).count() == 2)
        })
        .await;
        assert_eq!(ipv4(monitor.table()), "10.0.0.5");
        links.remove_address(link, "10.0.0.5", 16).await;
        until(&mut monitor, "one", |table| {
            table
                .link(link)
                .is_some_and(|link| link.addresses.iter().filter(|address| address.ip.is_ipv4()).count() == 1)
        })
        .await;
        assert_eq!(ipv4(monitor.table()), "10.0.0.5");
    });
}

#[test]
fn an_ipv6_address_appears_when_it_is_known_to_be_nobody_elses() {
    inside("an_ipv6_address_appears_when_it_is_known_to_be_nobody_elses", async |links| {
        let mut monitor = open();
        let (near, far) = links.veth("near", "far").await;
        links.up(near).await;
        links.address(near, "2001:db8::5", 64).await;
        let include = Selection::new(vec!["near".to_owned()], Vec::new());
        // Until the kernel has asked its neighbours the address is in the table, but not told. It asks when there is a
        // carrier, so that there is time to see that.
        let tentative = |table: &Table| {
            table.link(near).is_some_and(|link| link.addresses.iter().any(|address| !address.is_confirmed()))
        };
        until(&mut monitor, "tentative", tentative).await;
        assert_eq!(include.ipv6(monitor.table(), 1022).text, "");
        links.up(far).await;
        until(&mut monitor, "confirmed", |table| {
            include.ipv6(table, 1022).text.starts_with("2001:db8::5;fe80::")
        })
        .await;
    });
}

#[test]
fn what_stands_on_what_is_known() {
    inside("what_stands_on_what_is_known", async |links| {
        let bridge = links.bridge("br0").await;
        let stacked = [
            (links.vlan("br0.7", bridge, 7).await, Some(bridge)),
            (links.macvlan("macvlan0", bridge).await, Some(bridge)),
            (links.bond("bond7").await, None),
            (Some(bridge), None),
        ];
        let dummy = links.dummy("dummy7").await;
        let monitor = open();
        let table = monitor.table();
        for (index, lower) in stacked.into_iter().filter_map(|(index, lower)| Some((index?, lower))) {
            let link = table.link(index).unwrap();
            assert_eq!((link.kind, link.lower), (Kind::Stacked, lower), "{link:?}");
        }
        if let Some(dummy) = dummy {
            assert_eq!(table.link(dummy).unwrap().kind, Kind::Dummy);
        }
    });
}

#[test]
fn a_member_that_leaves_its_bridge_is_still_an_interface() {
    inside("a_member_that_leaves_its_bridge_is_still_an_interface", async |links| {
        let mut monitor = open();
        let link = links.uplink("eth0").await;
        let bridge = links.bridge("br0").await;
        links.enslave(link, bridge).await;
        until(&mut monitor, "member", |table| {
            table.link(link).is_some_and(|link| link.master == Some(bridge))
        })
        .await;
        // The kernel announces this by a DELLINK of the member, in the family of bridges.
        links.release(link).await;
        until(&mut monitor, "released", |table| table.link(link).is_some_and(|link| link.master.is_none()))
            .await;
    });
}

#[test]
fn the_other_end_of_a_pair_is_told_from_one_in_another_namespace() {
    inside("the_other_end_of_a_pair_is_told_from_one_in_another_namespace", async |links| {
        let mut monitor = open();
        let (near, far) = links.veth("eth0", "far").await;
        links.up(near).await;
        links.address(near, "10.0.0.5", 24).await;
        let pair = |table: &Table| table.link(near).is_some_and(|link| link.lower == Some(far) && link.up);
        until(&mut monitor, "pair", pair).await;
        assert_eq!(ipv4(monitor.table()), "", "a pair within the namespace is nobody's uplink");
        links.send_away(far).await;
        until(&mut monitor, "gone", |table| table.link(far).is_none()).await;
        // Without a word about the near end: the kernel tells it at the next change of it.
        links.down(near).await;
        links.up(near).await;
        until(&mut monitor, "uplink", |table| table.link(near).is_some_and(|link| link.lower_elsewhere))
            .await;
        until(&mut monitor, "its address", |table| ipv4(table) == "10.0.0.5").await;
    });
}

#[test]
fn a_device_in_sysfs_makes_a_nic_also_after_a_rename() {
    inside("a_device_in_sysfs_makes_a_nic_also_after_a_rename", async |links| {
        let sysfs = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(sysfs.path().join("class/net/lan0/device")).unwrap();
        let mut monitor = Monitor::open(sysfs.path()).unwrap();
        let link = links.uplink("eth0").await;
        until(&mut monitor, "link", |table| table.link(link).is_some_and(|link| !link.device)).await;
        links.rename(link, "lan0").await;
        until(&mut monitor, "nic", |table| table.link(link).is_some_and(|link| link.device)).await;
        // The name is no path: nothing outside of the directory is asked for.
        links.rename(link, "...").await;
        until(&mut monitor, "no nic", |table| table.link(link).is_some_and(|link| !link.device)).await;
    });
}

#[test]
fn announcements_that_were_lost_are_made_good_by_a_new_list() {
    inside("announcements_that_were_lost_are_made_good_by_a_new_list", async |links| {
        let mut monitor = open();
        net::sockopt::set_socket_recv_buffer_size(monitor.socket.get_ref(), 2048).unwrap();
        let link = links.uplink("eth0").await;
        links.up(link).await;
        for number in 0..200_u8 {
            links.address(link, &format!("10.0.0.{number}"), 32).await;
        }
        for number in 1..200_u8 {
            links.remove_address(link, &format!("10.0.0.{number}"), 32).await;
        }
        until(&mut monitor, "the last state", |table| {
            table.link(link).is_some() && ipv4(table) == "10.0.0.0"
        })
        .await;
        assert!(monitor.sequence > 2, "nothing was lost: the test did not test");
        let fresh = open();
        assert_eq!(monitor.table(), fresh.table());
        assert!(!monitor.drain().unwrap(), "there is nothing more to say");
    });
}

#[test]
fn messages_longer_than_the_buffer_make_it_grow() {
    inside("messages_longer_than_the_buffer_make_it_grow", async |links| {
        let mut monitor = open();
        monitor.buffer = vec![0; 64];
        let link = links.uplink("eth0").await;
        links.up(link).await;
        links.address(link, "10.0.0.5", 24).await;
        until(&mut monitor, "address", |table| ipv4(table) == "10.0.0.5").await;
        assert!(monitor.buffer.len() > 64);
    });
}

#[test]
fn a_hundred_new_lists_leave_one_descriptor() {
    inside("a_hundred_new_lists_leave_one_descriptor", async |links| {
        let link = links.uplink("eth0").await;
        let mut monitor = open();
        let before = monitor.socket.get_ref().as_raw_fd();
        for _ in 0..100 {
            monitor.table = monitor.list().unwrap();
        }
        assert!(monitor.table().link(link).is_some());
        assert_eq!(monitor.socket.get_ref().as_raw_fd(), before);
    });
}

#[test]
fn a_refusal_carries_the_kernels_number() {
    assert_eq!(refusal(&(-16_i32).to_ne_bytes()), Errno::BUSY);
    for odd in [&b""[..], &[0, 0, 0], &0_i32.to_ne_bytes(), &i32::MIN.to_ne_bytes(), &7_i32.to_ne_bytes()] {
        let _ = refusal(odd); // must not panic
    }
}

#[test]
fn datagrams_that_make_no_sense_hold_no_messages() {
    let mut whole = vec![0; 20];
    whole[0] = 20;
    for (bytes, count) in
        [(&whole[..], 1), (&whole[..19], 0), (&[0; 64][..], 0), (&[0xff; 64][..], 0), (&[][..], 0)]
    {
        assert_eq!(messages(bytes).count(), count, "{bytes:?}");
    }
    let mut odd = whole.clone();
    odd[0] = 17;
    assert_eq!(
        messages(&odd).count(),
        1,
        "a length that is not a multiple of four ends the datagram at the latest"
    );
}

mod routes;
