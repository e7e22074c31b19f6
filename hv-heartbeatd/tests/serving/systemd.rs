//! What systemd says, as the host is told.

use crate::support::{Client, Double, Guest, run};

/// A guest with a systemd on its bus, its host, somebody who looks, and systemd's connection.
async fn with_systemd(config: &str, double: &Double) -> (Guest, crate::support::Host, Client, Client) {
    let (guest, host, client) = Guest::start(config).await;
    let systemd = guest.client().await;
    double.boot(&systemd.0).await;
    (guest, host, client, systemd)
}

#[test]
fn units_that_fail_and_recover_are_told_to_the_host() {
    run(async {
        let double = Double::default();
        double.unit("nginx.service", "active/running", "");
        double.unit("db.service", "active/running", "");
        let config = "units = [\"nginx.service\", \"db.service\", \"gone.service\"]";
        let (guest, mut host, client, systemd) = with_systemd(config, &double).await;
        let running = |name| (name, "healthy", "active (running)");
        let gone = ("gone.service", "critical", "there is no such unit");
        client.sees(&[running("nginx.service"), running("db.service"), gone]).await;
        assert_eq!(host.word().await, 2);
        guest.logs("applications are critical: gone.service: \"there is no such unit\"");
        guest.reload("units = [\"nginx.service\", \"db.service\"]");
        client.sees(&[running("nginx.service"), running("db.service")]).await;
        assert_eq!(host.word().await, 1);
        double.unit("db.service", "failed", "");
        double.tell_unit(&systemd.0, "db.service").await;
        client.sees(&[running("nginx.service"), ("db.service", "critical", "failed")]).await;
        assert_eq!(host.word().await, 2);
        // An application that is well makes nothing better.
        client.reports("healthy", "").await.unwrap();
        assert_eq!(host.word().await, 2);
        double.unit("db.service", "active/running", "");
        double.tell_unit(&systemd.0, "db.service").await;
        let (db, own) = (running("db.service"), client.source());
        client.sees(&[running("nginx.service"), db, (&own, "healthy", "")]).await;
        assert_eq!(host.word().await, 1);
        client.reports("stopped", "").await.unwrap();
        assert_eq!(host.word().await, 3);
    });
}

#[test]
fn systems_state_is_told_if_it_is_wanted_and_only_then() {
    run(async {
        let double = Double::default();
        double.system("degraded");
        let (guest, mut host, client, systemd) = with_systemd("", &double).await;
        assert_eq!(host.word().await, 0xeeee_eeee);
        guest.reload("system-state = true");
        client.sees(&[("system", "critical", "degraded")]).await;
        assert_eq!(host.word().await, 2);
        double.system("running");
        double.tell_failures(&systemd.0).await;
        client.sees(&[("system", "healthy", "running")]).await;
        assert_eq!(host.word().await, 1);
        guest.reload("");
        client.sees(&[]).await;
        assert_eq!(host.word().await, 0xeeee_eeee);
        assert_eq!(double.count("list"), 0);
    });
}

#[test]
fn systemd_that_does_not_answer_leaves_the_host_with_unknown() {
    run(async {
        let double = Double::default();
        double.hang(true);
        let (_guest, mut host, client, _systemd) = with_systemd("system-state = true", &double).await;
        while double.count("state") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(host.word().await, 0);
        assert_eq!(client.property::<String>("ApplicationState").await, "unknown");
    });
}

#[test]
fn bus_that_restarts_is_asked_anew() {
    run(async {
        let double = Double::default();
        double.unit("a.service", "active", "");
        let (mut guest, mut host, client, systemd) = with_systemd("units = [\"a.service\"]", &double).await;
        client.sees(&[("a.service", "healthy", "active")]).await;
        drop(systemd);
        guest.restart_bus();
        let client = guest.client().await;
        client.finds_the_daemon().await;
        client.sees(&[("a.service", "unknown", "systemd is not on the bus")]).await;
        assert_eq!(host.word().await, 0);
        double.unit("a.service", "failed", "");
        let systemd = guest.client().await;
        double.boot(&systemd.0).await;
        client.sees(&[("a.service", "critical", "failed")]).await;
        assert_eq!(host.word().await, 2);
    });
}
