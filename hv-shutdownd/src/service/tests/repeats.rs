//! Requests while another one runs.

use super::*;
use crate::engine::Rules;

#[test]
fn the_same_again_is_ok_and_begun_once_while_others_are_refused() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.acts.send_replace(false);
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.acts(1).await;
                for _ in 0..3 {
                    assert_eq!(host.status(POWER_OFF).await, Status::OK);
                }
                for flags in [RESTART, RESTART | FORCED, HIBERNATE, HIBERNATE | FORCED] {
                    assert_eq!(host.status(flags).await, Status(0x8007_045b));
                }
                assert_eq!(host.shown().last.unwrap().action, "poweroff");
                double.0.acts.send_replace(true);
                host.becomes("begun by logind").await;
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                assert_eq!(host.status(RESTART).await, Status(0x8007_045b));
                let outcomes = host.outcomes();
                assert_eq!(outcomes[0], "begun by logind");
                assert_eq!(outcomes[1..], vec!["refused: poweroff is under way"; 5]);
            })
            .await;
        assert_eq!(double.orders().len(), 1);
    });
}

#[test]
fn a_forced_one_while_hooks_run_goes_on_without_them() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        let (began, ended) = (world.path("began"), world.path("ended"));
        world.hook(&format!(
            "trap 'touch {}; exit' TERM; touch {}; while :; do sleep 0.05; done",
            ended.display(),
            began.display()
        ));
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.until("the hook", || began.exists()).await;
                assert_eq!(host.status(POWER_OFF | FORCED).await, Status::OK);
                host.becomes("begun by logind").await;
                assert!(host.shown().last.unwrap().forced);
            })
            .await;
        let orders = double.orders();
        assert_eq!((orders.len(), orders[0].force), (1, true));
        assert!(double.0.acted.lock().unwrap()[0].1, "before the host had its answer");
    });
}

#[test]
fn a_hibernation_that_was_forced_while_hooks_ran_is_not_begun_twice() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        let (began, go) = (world.path("began"), world.path("go"));
        world.hook(&format!("touch {}; until [ -e {} ]; do sleep 0.05; done", began.display(), go.display()));
        double.0.acts.send_replace(false);
        world
            .during(async {
                assert_eq!(host.status(HIBERNATE).await, Status::OK);
                host.until("the hook", || began.exists()).await;
                host.ask(HIBERNATE | FORCED).await;
                host.shows("forced", |shown| shown.last.as_ref().is_some_and(|last| last.forced)).await;
                // The answer lies there until it is begun.
                std::fs::write(&go, "").unwrap();
                host.acts(1).await;
                assert_eq!(host.answer().await, Status::OK);
            })
            .await;
        while world.daemon.answer.is_some() {
            world.during(tokio::time::sleep(Duration::from_millis(2))).await;
        }
        double.0.acts.send_replace(true);
        world.during(host.becomes("begun by logind")).await;
        while world.daemon.work.is_some() {
            world.during(tokio::time::sleep(Duration::from_millis(2))).await;
        }
        let orders = double.orders();
        assert_eq!((orders.len(), orders[0].force), (1, true));
    });
}

#[test]
fn a_forced_one_while_another_is_delayed_goes_on_at_once() {
    run(async {
        let rules = Rules { delay: Duration::from_secs(600), ..Rules::default() };
        let (mut world, mut host, double) = World::with(rules, false).await;
        world
            .during(async {
                assert_eq!(host.status(RESTART).await, Status::OK);
                host.becomes("begun by logind, in 600 s").await;
                assert_eq!(host.status(RESTART | FORCED).await, Status::OK);
                host.acts(2).await;
                assert_eq!(host.status(RESTART | FORCED).await, Status::OK);
                assert!(host.shown().pending);
            })
            .await;
        let orders = double.orders();
        assert_eq!((orders.len(), orders[0].force, orders[0].delay), (2, false, rules.delay));
        assert_eq!((orders[1].force, orders[1].delay), (true, Duration::ZERO));
        assert_eq!(world.daemon.history.rows().len(), 1);
    });
}

#[test]
fn after_a_forced_one_that_nobody_does_the_next_is_begun_anew() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
                double.0.attempts.lock().unwrap().push_back(Err("no".to_owned()));
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.becomes("failed: no").await;
                assert!(!host.shown().pending);
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.becomes("begun by logind").await;
                host.acts(3).await;
            })
            .await;
    });
}

#[test]
fn what_is_hurried_is_not_called_off_by_what_comes_of_the_first_attempt() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
                double.0.acts.send_replace(false);
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.acts(2).await;
                // Nobody listens to this one any more: it is kept for the next who does.
                double.0.calls_off.notify_waiters();
                double.0.acts.send_replace(true);
                host.until("begun again", || double.0.attempts_ended() == 2).await;
                assert!(host.shown().pending);
            })
            .await;
    });
}

#[test]
fn a_request_after_one_that_has_failed_is_begun_anew() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.attempts.lock().unwrap().push_back(Err("no way".to_owned()));
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("failed: no way").await;
                assert!(!host.shown().pending);
                assert_eq!(host.status(RESTART).await, Status::OK);
                host.becomes("begun by logind").await;
                assert_eq!(host.outcomes(), ["failed: no way", "begun by logind"]);
            })
            .await;
    });
}

#[test]
fn what_is_called_off_is_not_pending_and_another_is_begun() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                for (flags, outcome) in [(POWER_OFF, "called off"), (HIBERNATE, "over: the guest is awake")] {
                    assert_eq!(host.status(flags).await, Status::OK);
                    host.becomes("begun by logind").await;
                    double.0.calls_off.notify_one();
                    host.becomes(outcome).await;
                    assert!(!host.shown().pending);
                }
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.acts(3).await;
            })
            .await;
    });
}

#[test]
fn what_is_only_printed_is_over_at_once_and_runs_no_hooks() {
    run(async {
        let (mut world, mut host, _double) = World::with(Rules::default(), true).await;
        let ran = world.path("ran");
        world.hook(&format!("touch {}", ran.display()));
        world
            .during(async {
                for flags in [POWER_OFF, RESTART, FORCED] {
                    assert_eq!(host.status(flags).await, Status::OK);
                    host.shows("over", |shown| !shown.pending).await;
                    host.becomes("begun by logind").await;
                }
                host.acts(3).await;
            })
            .await;
        assert!(!ran.exists());
    });
}
