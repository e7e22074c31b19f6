//! Inhibit: who may, how long it lasts, and when there is no sense in it. The other user is a process of its own (`dbus-send`
//! as nobody, so that root has to run it), and polkit is a double on the same bus.

use std::collections::HashMap;
use std::process::Output;

use zbus::{OwnedFd, interface};

use super::*;
use crate::bus::support::{NOBODY, call_as_other};

#[test]
fn an_inhibitor_lasts_until_all_copies_are_closed() {
    run(async {
        let Some(setup) = Setup::start("an_inhibitor_lasts").await else { return };
        let mut changes = setup.inhibitors.changes();
        let reply = setup.call("Inhibit", &("backup", "writes")).await.unwrap();
        let end: OwnedFd = reply.body().deserialize().unwrap();
        let end: std::os::fd::OwnedFd = end.into();
        drop(reply);
        let held = changes.next().await;
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!((held[0].who.as_str(), held[0].why.as_str(), held[0].uid), ("backup", "writes", uid));
        let copy = end.try_clone().unwrap();
        drop(end);
        // Another connection's coming and going shows that the first is held still.
        let other = setup.inhibitors.take("other", "x", 0).unwrap();
        drop(other);
        while changes.next().await.len() > 1 {}
        assert_eq!(setup.inhibitors.held().len(), 1);
        drop(copy);
        while !changes.now().is_empty() {
            changes.next().await;
        }
    });
}

#[test]
fn an_inhibitor_of_a_caller_that_is_gone_is_gone() {
    run(async {
        let Some(setup) = Setup::start("an_inhibitor_of_a_caller").await else { return };
        let mut changes = setup.inhibitors.changes();
        let address = setup.bus.address();
        // It has the descriptor, and ends.
        let call = move || {
            let arguments =
                [PATH, "org.hvutils.Shutdown1.Inhibit", "string:dbus-send", "string:for a moment"];
            let mut command = std::process::Command::new("dbus-send");
            command.arg(format!("--bus={address}")).args(["--print-reply", "--dest=org.hvutils.Shutdown1"]);
            command.args(arguments).output()
        };
        let Ok(Output { status, .. }) = tokio::task::spawn_blocking(call).await.unwrap() else {
            println!("skipped: an_inhibitor_of_a_caller_that_is_gone_is_gone: no dbus-send");
            return;
        };
        assert!(status.success());
        // It may be gone before it was seen.
        while !changes.now().is_empty() {
            changes.next().await;
        }
    });
}

#[test]
fn texts_are_checked_and_there_is_an_end_to_them() {
    run(async {
        let Some(setup) = Setup::start("texts_are_checked").await else { return };
        let long = "x".repeat(257);
        for (who, why) in [("", "x"), ("x", ""), (long.as_str(), "x"), ("x", long.as_str()), ("a\nb", "x")] {
            let told = setup.call("Inhibit", &(who, why)).await.unwrap_err();
            assert!(told.starts_with("org.hvutils.Error.InvalidArgument: wh"), "{told}");
        }
        let all: Vec<_> =
            (0..crate::inhibit::MOST).map(|_| setup.inhibitors.take("x", "y", 0).unwrap()).collect();
        let told = setup.call("Inhibit", &("x", "y")).await.unwrap_err();
        assert_eq!(told, "org.hvutils.Error.Busy: there are 128 inhibitors, which is the most");
        drop(all);
    });
}

#[test]
fn nothing_can_be_inhibited_where_it_would_make_no_difference() {
    run(async {
        let Some(setup) = Setup::start("nothing_can_be_inhibited").await else { return };
        setup.board.publish(Shown { kernel: true, ..Shown::default() });
        let told = setup.call("Inhibit", &("x", "y")).await.unwrap_err();
        assert!(told.starts_with("org.hvutils.Error.NotSupported: the kernel answers the host"), "{told}");
        setup.board.publish(Shown { pending: true, ..Shown::default() });
        let told = setup.call("Inhibit", &("x", "y")).await.unwrap_err();
        assert!(told.starts_with("org.hvutils.Error.Busy: a request of the host is under way"), "{told}");
        assert_eq!(setup.inhibitors.held(), []);
    });
}

/// polkit, which lets everybody inhibit.
struct Polkit;

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    async fn check_authorization(
        &self,
        _subject: (String, HashMap<String, zbus::OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> (bool, bool, HashMap<String, String>) {
        assert_eq!(action, "org.hvutils.shutdown.inhibit");
        (true, false, HashMap::new())
    }
}

/// Somebody else's call: what they were told.
async fn other(test: &'static str, setup: &Setup) -> Option<Result<(), String>> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: {test}: only root can call as somebody else");
        return None;
    }
    let address = setup.bus.address();
    let arguments = [PATH, "org.hvutils.Shutdown1.Inhibit", "string:somebody", "string:else"];
    let call = move || call_as_other(test, &address, SHUTDOWN1, &arguments);
    let Output { status, stderr, .. } = tokio::task::spawn_blocking(call).await.unwrap()?;
    Some(if status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&stderr).into_owned()) })
}

#[test]
fn somebody_else_needs_polkits_consent() {
    const TEST: &str = "somebody_else_needs_polkits_consent";
    run(async {
        let Some(setup) = Setup::start(TEST).await else { return };
        let Some(told) = other(TEST, &setup).await else { return };
        let told = told.unwrap_err();
        assert!(told.contains("NotAuthorized") && told.contains("org.hvutils.shutdown.inhibit"), "{told}");
        let mut changes = setup.inhibitors.changes();
        assert_eq!(changes.now(), []);
        let _polkit = Builder::address(setup.bus.address().as_str())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", Polkit)
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        let (told, held) = tokio::join!(other(TEST, &setup), changes.next());
        assert_eq!(told, Some(Ok(())));
        // Theirs, if it was seen before they were gone.
        assert!(held.iter().all(|held| held.uid == NOBODY && held.who == "somebody"));
    });
}
