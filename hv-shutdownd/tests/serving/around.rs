//! What is around the daemon: a bus that is not there or restarts, new settings, and a kernel that has the channel.

use hv_utils_core::wire::Version;
use rustix::process::Signal;
use zbus::OwnedFd;

use crate::support::{Guest, run};

const V3_2: Version = Version::new(3, 2);
const LOCKED: u32 = 0x8007_04f7;

type Inhibitors = Vec<(String, String, u32, u64)>;

#[test]
fn a_host_is_served_without_a_bus_and_the_bus_shows_it_when_it_comes() {
    run(async {
        let (mut guest, mut host) = Guest::without_bus("", V3_2).await;
        assert_eq!(host.status(1).await, 0);
        guest.says("would power off (print)").await;
        assert_eq!(host.status(2).await, 0);
        guest.says("would restart (print)").await;
        // It cannot be hibernated: there is nobody to be asked.
        guest.can_hibernate();
        assert_eq!(host.status(5).await, 0x8007_0032);
        guest.start_bus().await;
        let rows: Vec<(u64, String, bool, u32, u32, String, String)> =
            guest.proxy().await.call("History", &()).await.unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (row.1.as_str(), row.2, row.6.as_str())).collect();
        assert_eq!(
            shown[..2],
            [("poweroff", true, "would power off (print)"), ("reboot", false, "would restart (print)"),]
        );
        assert!(shown[2].2.contains("there is no bus to ask logind over"), "{shown:?}");
    });
}

#[test]
fn an_inhibitor_outlives_the_bus_that_it_came_over() {
    run(async {
        let (mut guest, mut host) = Guest::by_hand("", V3_2).await;
        let end: OwnedFd = guest.proxy().await.call("Inhibit", &("backup", "writes")).await.unwrap();
        guest.stop_bus();
        guest.says("the bus is gone").await;
        assert_eq!(host.status(0).await, LOCKED);
        guest.start_bus().await;
        let held: Inhibitors = guest.property("Inhibitors").await;
        assert_eq!((held.len(), held[0].0.as_str(), held[0].1.as_str()), (1, "backup", "writes"));
        drop(end);
        while !guest.property::<Inhibitors>("Inhibitors").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(host.status(0).await, 0);
        guest.becomes("would power off (print)").await;
    });
}

#[test]
fn new_settings_count_after_sighup_and_wrong_ones_do_not() {
    run(async {
        let (guest, mut host) = Guest::by_hand("", V3_2).await;
        let _end: OwnedFd = guest.proxy().await.call("Inhibit", &("backup", "writes")).await.unwrap();
        assert_eq!(host.status(0).await, LOCKED);
        guest.write("hv-utils.toml", "[shutdown]\nrespect-inhibitors = false\nunheard-of = 1\n");
        guest.signal(Signal::HUP);
        guest.says("the configuration cannot be used").await;
        assert_eq!(host.status(0).await, LOCKED);
        guest.write("hv-utils.toml", "[shutdown]\nrespect-inhibitors = false\ndelay-secs = 7\n");
        guest.signal(Signal::HUP);
        guest.says("configuration read again").await;
        assert_eq!(host.status(0).await, 0);
        guest.becomes("would power off in 7 s (print)").await;
        guest.rests().await;
        assert_eq!(host.status(1).await, 0);
        guest.becomes("would power off (print)").await;
    });
}

#[test]
fn while_the_kernel_has_the_channel_nothing_can_be_inhibited() {
    run(async {
        let guest = Guest::on_kernel().await;
        guest.says("kernel").await;
        let inhibited = guest.proxy().await.call::<_, _, OwnedFd>("Inhibit", &("backup", "writes")).await;
        let Err(zbus::Error::MethodError(name, Some(why), _)) = inhibited else { panic!("{inhibited:?}") };
        assert_eq!(name.as_str(), "org.hvutils.Error.NotSupported");
        assert!(why.contains("hvctl driver use uio shutdown"), "{why}");
        assert!(guest.property::<Inhibitors>("Inhibitors").await.is_empty());
        assert_eq!(guest.property::<String>("Outcome").await, "");
    });
}
