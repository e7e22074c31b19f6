//! Properties and samples, their types to the letter.

use zbus::fdo::PropertiesProxy;

use super::*;

/// Name, type and value of every property, in the order of names.
async fn properties(setup: &Setup) -> Vec<[String; 3]> {
    let proxy = PropertiesProxy::new(&setup.client, TIMESYNC1, PATH).await.unwrap();
    let all = proxy.get_all(TIMESYNC1.try_into().unwrap()).await.unwrap();
    let mut rows: Vec<_> = all
        .into_iter()
        .map(|(name, value)| [name, value.value_signature().to_string(), value.to_string()])
        .collect();
    rows.sort();
    rows
}

#[test]
fn before_the_first_sample_everything_has_a_value() {
    run(async {
        let Some(setup) = Setup::start("before_the_first_sample").await else { return };
        let expected = [
            ["Accuracy", "x", "int64 0"],
            ["Clients", "as", "@as []"],
            ["Fed", "as", "@as []"],
            ["Frequency", "d", "0."],
            ["Jitter", "x", "int64 0"],
            ["LastAction", "(tsxs)", "(uint64 0, \"\", int64 0, \"\")"],
            ["LastSample", "(txs)", "(uint64 0, int64 0, \"\")"],
            ["LastStep", "(txs)", "(uint64 0, int64 0, \"\")"],
            ["LastVerdict", "s", "\"\""],
            ["Mode", "s", "\"auto\""],
            ["Offset", "x", "int64 0"],
            ["Ruler", "s", "\"none\""],
            ["Source", "s", "\"\""],
        ];
        assert_eq!(properties(&setup).await, expected);
    });
}

#[test]
fn properties_are_what_the_service_publishes() {
    run(async {
        let Some(setup) = Setup::start("properties_are_what_the_service_publishes").await else { return };
        setup.board.publish(everything());
        let expected = [
            ["Accuracy", "x", "int64 2000"],
            ["Clients", "as", "[\"chrony\", \"systemd-timesyncd\"]"],
            ["Fed", "as", "[\"chrony:/run/chrony.hv.sock\", \"shm:2\"]"],
            ["Frequency", "d", "-11.5"],
            ["Jitter", "x", "int64 900"],
            [
                "LastAction",
                "(tsxs)",
                "(uint64 4000000, \"step\", int64 -3600000000000, \"the host said so\")",
            ],
            ["LastSample", "(txs)", "(uint64 5000000, int64 -12345, \"sync\")"],
            ["LastStep", "(txs)", "(uint64 3000000, int64 7, \"it was time\")"],
            ["LastVerdict", "s", "\"used\""],
            ["Mode", "s", "\"refclock\""],
            ["Offset", "x", "int64 -12000"],
            ["Ruler", "s", "\"chrony\""],
            ["Source", "s", "\"least-delay\""],
        ];
        assert_eq!(properties(&setup).await, expected);
    });
}

#[test]
fn samples_are_the_last_256_the_oldest_first() {
    run(async {
        let Some(setup) = Setup::start("samples_are_the_last_256").await else { return };
        for when in 1..=300 {
            setup.board.sampled(row(when));
        }
        let verdict = Verdict::BeforeFloor;
        setup.board.sampled(Row { purpose: Purpose::Sync, method: Method::Ptp, verdict, ..row(301) });
        let proxy = setup.proxy().await;
        let reply = proxy.call_method("Samples", &()).await.unwrap();
        let body = reply.body();
        assert_eq!(body.signature().to_string(), "a(txxxsss)");
        type Sample = (u64, i64, i64, i64, String, String, String);
        let samples: Vec<Sample> = body.deserialize().unwrap();
        let sample = |when, words: [&str; 3]| {
            let [purpose, method, verdict] = words.map(str::to_owned);
            (when, -12_345, 40_000, 1_000, purpose, method, verdict)
        };
        assert_eq!(samples.len(), MOST_ROWS);
        assert_eq!(samples[0], sample(46, ["sample", "reference-counter", "used"]));
        assert_eq!(samples[255], sample(301, ["sync", "ptp", "before-floor"]));
    });
}

#[test]
fn nul_in_a_path_does_not_end_the_connection() {
    run(async {
        let Some(setup) = Setup::start("nul_in_a_path").await else { return };
        let mut shown = everything();
        shown.fed[0].push('\0');
        setup.board.publish(shown);
        assert_eq!(
            setup.proxy().await.get_property::<Vec<String>>("Fed").await.unwrap()[0],
            "chrony:/run/chrony.hv.sock\u{fffd}"
        );
        assert!(!setup.daemon.is_closed());
    });
}
