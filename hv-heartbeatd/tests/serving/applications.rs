//! What applications report, for how long, and who may.

use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use zbus::interface;

use crate::support::guest::{NAME, OBJECT};
use crate::support::{Guest, run};

const WORDS: [(&str, u32); 4] = [("unknown", 0), ("healthy", 1), ("critical", 2), ("stopped", 3)];

#[test]
fn each_state_is_told_until_it_is_withdrawn() {
    run(async {
        let (_guest, mut host, client) = Guest::start("").await;
        let untouched = 0xeeee_eeee;
        assert_eq!(host.word().await, untouched);
        for (state, number) in WORDS {
            client.reports(state, "so it is").await.unwrap();
            assert_eq!(host.word().await, number);
            assert_eq!(client.property::<String>("ApplicationState").await, state);
            let source = (client.source(), state.to_owned(), "so it is".to_owned());
            assert_eq!(client.sources().await, [source]);
        }
        client.withdraws().await.unwrap();
        assert_eq!(host.word().await, untouched);
        assert_eq!(client.sources().await, []);
        // Nothing is left to withdraw.
        client.withdraws().await.unwrap();
    });
}

#[test]
fn log_of_a_daemon_that_ends_ends_with_the_state_that_was_held_back() {
    run(async {
        let (mut guest, mut host, client) = Guest::start("").await;
        for state in ["critical", "healthy", "critical"] {
            client.reports(state, "").await.unwrap();
        }
        assert_eq!(host.word().await, 2);
        guest.end();
        let log = guest.log();
        let told =
            log.lines().filter_map(|line| line.split_once("that applications are ")).map(|(_, told)| told);
        let states: Vec<&str> =
            told.filter_map(|told| told.split_once(':')).map(|(state, _)| state).collect();
        assert_eq!(states, ["critical", "healthy", "critical"], "{log}");
    });
}

#[test]
fn worst_of_several_is_told_and_each_goes_with_its_caller() {
    run(async {
        let (guest, mut host, watcher) = Guest::start("").await;
        let (first, second) = (guest.client().await, guest.client().await);
        first.reports("healthy", "").await.unwrap();
        second.reports("critical", "no disk").await.unwrap();
        assert_eq!(host.word().await, 2);
        let (one, other) = (first.source(), second.source());
        watcher.sees(&[(&one, "healthy", ""), (&other, "critical", "no disk")]).await;
        second.0.close().await.unwrap();
        watcher.sees(&[(&one, "healthy", "")]).await;
        assert_eq!(host.word().await, 1);
        // As one that is killed: nobody says good-bye.
        drop(first);
        watcher.sees(&[]).await;
        assert_eq!(host.word().await, 0xeeee_eeee);
    });
}

#[test]
fn what_is_no_state_and_what_is_too_long_is_refused_and_changes_nothing() {
    run(async {
        let (_guest, mut host, client) = Guest::start("").await;
        client.reports("healthy", &"é".repeat(256)).await.unwrap();
        let invalid = Err("InvalidArgument".to_owned());
        for state in ["", "ok", "Healthy", "healthy ", "2"] {
            assert_eq!(client.reports(state, "").await, invalid, "{state}");
        }
        assert_eq!(client.reports("critical", &"é".repeat(257)).await, invalid);
        assert_eq!(host.word().await, 1);
        client.reports("critical", "two\nlines\u{1b}[31m").await.unwrap();
        assert_eq!(client.sources().await[0].2, "two lines [31m");
    });
}

#[test]
fn more_leases_than_there_can_be_are_refused_until_one_ends() {
    run(async {
        let (guest, mut host, watcher) = Guest::start("").await;
        let mut clients = Vec::new();
        for _ in 0..64 {
            let client = guest.client().await;
            client.reports("healthy", "").await.unwrap();
            clients.push(client);
        }
        assert_eq!(watcher.reports("critical", "").await, Err("Busy".to_owned()));
        assert_eq!(host.word().await, 1);
        // Who has one may say something else.
        clients[0].reports("stopped", "").await.unwrap();
        assert_eq!(host.word().await, 3);
        clients.pop();
        while watcher.reports("critical", "").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(host.word().await, 2);
        guest.logs("64 applications have reported their state, and no more can");
    });
}

#[test]
fn reports_end_with_the_bus_and_do_not_come_back_with_it() {
    run(async {
        let (mut guest, mut host, client) = Guest::start("").await;
        client.reports("critical", "").await.unwrap();
        assert_eq!(host.word().await, 2);
        guest.restart_bus();
        // On the new bus somebody else may have the same name.
        let others = [guest.client().await, guest.client().await];
        others[0].finds_the_daemon().await;
        others[0].sees(&[]).await;
        assert_eq!(host.word().await, 0xeeee_eeee);
        others[1].reports("stopped", "").await.unwrap();
        others[0].sees(&[(&others[1].source(), "stopped", "")]).await;
        assert_eq!(host.word().await, 3);
    });
}

#[test]
fn who_does_not_want_reports_gets_none_from_the_next_reload_on() {
    run(async {
        let (guest, mut host, client) = Guest::start("").await;
        client.reports("critical", "").await.unwrap();
        guest.reload("applications = false");
        client.sees(&[]).await;
        assert_eq!(host.word().await, 0xeeee_eeee);
        assert_eq!(client.reports("critical", "").await, Err("NotSupported".to_owned()));
        assert_eq!(client.withdraws().await, Err("NotSupported".to_owned()));
        guest.reload("applications = true");
        while client.reports("healthy", "").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(host.word().await, 1);
        // A configuration that cannot be used changes nothing.
        guest.reload("applications = 1");
        guest.logs("heartbeat.applications");
        guest.logs("going on with the one before");
        assert_eq!(host.word().await, 1);
    });
}

/// What polkit was asked: actions.
type Asked = Arc<Mutex<Vec<String>>>;

struct Polkit {
    consents: bool,
    asked: Asked,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    fn check_authorization(
        &self,
        _subject: (String, HashMap<String, zbus::OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> (bool, bool, HashMap<String, String>) {
        self.asked.lock().unwrap().push(action);
        (self.consents, false, HashMap::new())
    }
}

/// `SetApplicationState` by a user who is neither root nor the daemon's.
async fn stranger(guest: &Guest) -> Output {
    let mut call = Command::new("dbus-send");
    call.arg(format!("--bus={}", guest.bus.as_ref().unwrap().address)).arg("--print-reply");
    call.arg(format!("--dest={NAME}")).arg(OBJECT).arg(format!("{NAME}.SetApplicationState"));
    call.args(["string:critical", "string:"]).current_dir("/").uid(65534);
    tokio::task::spawn_blocking(move || call.output().unwrap()).await.unwrap()
}

#[test]
fn strangers_need_polkits_consent() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: strangers_need_polkits_consent: only root can call as somebody else");
        return;
    }
    run(async {
        let (guest, mut host, client) = Guest::start("").await;
        guest.let_everybody_in();
        let refused = stranger(&guest).await;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains("org.hvutils.Error.NotAuthorized"), "{told}");
        assert!(told.contains("org.hvutils.heartbeat.set"), "{told}");
        assert_eq!(host.word().await, 0xeeee_eeee);
        for consents in [false, true] {
            let polkit = guest.client().await;
            let asked = Asked::default();
            let double = Polkit { consents, asked: asked.clone() };
            polkit.0.object_server().at("/org/freedesktop/PolicyKit1/Authority", double).await.unwrap();
            polkit.0.request_name("org.freedesktop.PolicyKit1").await.unwrap();
            assert_eq!(stranger(&guest).await.status.success(), consents);
            assert_eq!(*asked.lock().unwrap(), ["org.hvutils.heartbeat.set"]);
            polkit.0.close().await.unwrap();
            let bus = zbus::fdo::DBusProxy::new(&client.0).await.unwrap();
            while bus.name_has_owner("org.freedesktop.PolicyKit1".try_into().unwrap()).await.unwrap() {}
        }
        // It has left the bus as soon as it was answered.
        client.sees(&[]).await;
        guest.logs("has left the bus, and its state with it");
    });
}
