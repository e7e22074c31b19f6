//! What the log has when a unit's state changes faster than it is told, on paused time.

use hv_utils_core::testing::Logged;
use tokio::sync::watch;
use tokio::time::{advance, timeout};

use super::*;

const UNIT: &str = "a.service";
const CRITICAL: &str = "the host is told that applications are critical: a.service: \"failed\"";
const HEALTHY: &str = "the host is told that applications are healthy: a.service: \"active\"";
const NOTHING: &str = "the host is told nothing of applications any more";

/// A daemon without a bus, and what stands for systemd.
struct Setup {
    daemon: Heartbeatd,
    systemd: watch::Sender<Seen>,
    logged: Logged,
}

fn settings() -> Settings {
    Settings { units: vec![UNIT.to_owned()], ..Settings::default() }
}

impl Setup {
    fn new() -> Setup {
        let logged = Logged::of("hv_heartbeatd");
        let mut daemon = Heartbeatd::new(Authority::new(), settings());
        let (systemd, seen) = watch::channel(Seen::default());
        daemon.watch = Some(Watch::on(seen));
        daemon.settle();
        Setup { daemon, systemd, logged }
    }

    /// The unit is in these states, one after the other.
    async fn becomes(&mut self, states: &[&str]) {
        for active in states {
            self.systemd.send_replace(Seen::unit(UNIT, active));
            self.turn().await;
        }
    }

    /// Waits for the next event and takes it.
    async fn turn(&mut self) {
        let event = self.daemon.event().await;
        self.daemon.hear(event);
    }

    async fn reload(&mut self, settings: Settings) {
        self.daemon.reload(settings).await.unwrap();
    }

    /// What was logged since this was asked last.
    fn lines(&self) -> Vec<String> {
        self.logged.take()
    }

    /// There is nothing to wake up for.
    async fn is_idle(&mut self) -> bool {
        timeout(Duration::from_secs(86_400), self.daemon.event()).await.is_err()
    }
}

#[tokio::test(start_paused = true)]
async fn last_line_of_a_state_that_flapped_is_the_state_that_lasts() {
    let mut setup = Setup::new();
    let begin = Instant::now();
    setup.becomes(&["failed", "active", "failed"]).await;
    assert_eq!(setup.lines(), [CRITICAL, HEALTHY]);
    setup.turn().await;
    assert_eq!(setup.lines(), [CRITICAL]);
    assert!(begin.elapsed() >= Duration::from_secs(60), "{:?}", begin.elapsed());
    assert!(setup.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn state_that_is_as_the_log_has_it_again_wakes_nobody() {
    let mut setup = Setup::new();
    assert!(setup.is_idle().await);
    setup.becomes(&["failed", "active", "failed", "active"]).await;
    assert!(setup.is_idle().await);
    assert_eq!(setup.lines(), [CRITICAL, HEALTHY]);
}

#[tokio::test(start_paused = true)]
async fn reload_loses_nothing_that_is_held_back_and_repeats_nothing() {
    let mut setup = Setup::new();
    let begin = Instant::now();
    setup.becomes(&["failed", "active", "failed"]).await;
    assert_eq!(setup.lines(), [CRITICAL, HEALTHY]);
    advance(Duration::from_secs(30)).await;
    setup.reload(settings()).await;
    assert_eq!(setup.lines(), [""; 0]);
    setup.turn().await;
    // The reload has not begun another minute.
    assert_eq!(begin.elapsed().as_secs(), 60);
    assert_eq!(setup.lines(), [CRITICAL]);
    setup.reload(settings()).await;
    assert!(setup.is_idle().await);
    assert_eq!(setup.lines(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_reload_changes_is_told_as_any_other_change() {
    let mut setup = Setup::new();
    setup.becomes(&["failed"]).await;
    setup.reload(Settings::default()).await;
    assert_eq!(setup.lines(), [CRITICAL, NOTHING]);
    setup.reload(settings()).await;
    assert_eq!(setup.lines(), [""; 0]);
    setup.turn().await;
    assert_eq!(setup.lines(), [CRITICAL]);
    assert!(setup.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_when_the_daemon_ends_is_told_then_and_nothing_twice() {
    let mut setup = Setup::new();
    setup.becomes(&["failed", "active", "failed"]).await;
    assert_eq!(setup.lines(), [CRITICAL, HEALTHY]);
    setup.daemon.end();
    assert_eq!(setup.lines(), [CRITICAL]);
    setup.daemon.end();
    assert_eq!(setup.lines(), [""; 0]);
    // Where the log is up to date the end is no news.
    let mut setup = Setup::new();
    setup.becomes(&["failed", "active"]).await;
    setup.lines();
    setup.daemon.end();
    assert_eq!(setup.lines(), [""; 0]);
}
