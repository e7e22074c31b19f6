//! What an administrator of the host asks, and what it comes to.

use hv_testhost::Verb;
use zbus::OwnedFd;

use crate::support::{Guest, run};

#[test]
fn each_request_comes_to_what_would_be_done_and_is_remembered() {
    run(async {
        let mut guest = Guest::start("").await;
        guest.asks(Verb::StopVm, false).await.unwrap();
        guest.becomes("would power off (print)").await;
        guest.asks(Verb::RestartVm, true).await.unwrap();
        guest.becomes("would restart (print)").await;
        assert!(!guest.property::<bool>("Pending").await);
        let last: (u64, String, bool, u32, u32, String) = guest.property("LastRequest").await;
        assert_eq!((last.1.as_str(), last.2, last.3, last.5.as_str()), ("reboot", true, 0x8000_0000, "bye"));
        assert_eq!(guest.end(), Some(0));
        let kept = std::fs::read_to_string(guest.path("state/hv-shutdownd/history.json")).unwrap();
        assert!(kept.contains("\"poweroff\"") && kept.contains("would restart (print)"), "{kept}");
    });
}

#[test]
fn an_inhibitor_refuses_what_is_not_forced_until_it_is_closed() {
    run(async {
        let guest = Guest::start("").await;
        let end: OwnedFd = guest.proxy().await.call("Inhibit", &("backup", "writes")).await.unwrap();
        let told = guest.asks(Verb::StopVm, false).await.unwrap_err();
        assert!(told.contains("Refused") && told.contains(&0x8007_04f7_u32.to_string()), "{told}");
        guest.becomes("refused: inhibited by backup (writes)").await;
        guest.asks(Verb::StopVm, true).await.unwrap();
        guest.becomes("would power off (print)").await;
        drop(end);
        while !guest.property::<Vec<(String, String, u32, u64)>>("Inhibitors").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        guest.asks(Verb::RestartVm, false).await.unwrap();
        guest.becomes("would restart (print)").await;
    });
}

#[test]
fn hibernation_is_refused_where_the_kernel_cannot() {
    run(async {
        let guest = Guest::start("").await;
        let told = guest.asks(Verb::HibernateVm, true).await.unwrap_err();
        assert!(told.contains(&0x8007_0032_u32.to_string()), "{told}");
        let (can, why): (bool, String) = guest.property("CanHibernate").await;
        assert!(!can && !why.is_empty());
        guest.becomes(&format!("refused: the guest cannot hibernate: {why}")).await;
    });
}
