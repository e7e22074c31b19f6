//! The end of the daemon, and new settings, while something runs.

use super::*;
use crate::engine::Rules;
use crate::ways::Way;

#[test]
fn the_end_of_the_daemon_calls_nothing_off_that_is_begun() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        assert!(host.shown().pending);
        assert_eq!(double.orders().len(), 1);
    });
}

#[test]
fn what_was_promised_is_begun_before_the_daemon_ends() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        let began = world.path("began");
        world.hook(&format!("touch {}; exec sleep 3600", began.display()));
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.until("the hook", || began.exists()).await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        assert_eq!(double.orders().len(), 1);
        host.becomes("begun by logind").await;
    });
}

#[test]
fn what_the_daemon_itself_waits_with_is_done_before_it_ends() {
    run(async {
        let rules = Rules { delay: Duration::from_secs(600), ..Rules::default() };
        let (mut world, mut host, double) = World::with(rules, false).await;
        *double.0.by.lock().unwrap() = Way::Later;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by this daemon, in 600 s").await;
            })
            .await;
        *double.0.by.lock().unwrap() = Way::Systemd;
        world.daemon.end(&mut world.link).await;
        let delays: Vec<_> = double.orders().iter().map(|order| order.delay).collect();
        assert_eq!(delays, [rules.delay, Duration::ZERO]);
        host.becomes("begun by systemd").await;
    });
}

#[test]
fn what_is_forced_while_the_daemon_ends_is_done_at_once_all_the_same() {
    run(async {
        let rules = Rules { delay: Duration::from_secs(600), ..Rules::default() };
        let (mut world, mut host, double) = World::with(rules, false).await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind, in 600 s").await;
                host.ask(FORCED).await;
                host.shows("forced", |shown| shown.last.as_ref().is_some_and(|last| last.forced)).await;
            })
            .await;
        assert_eq!(double.orders().len(), 1);
        world.daemon.end(&mut world.link).await;
        assert_eq!(host.answer().await, Status::OK);
        let forced: Vec<_> = double.orders().iter().map(|order| (order.force, order.delay)).collect();
        assert_eq!(forced, [(false, rules.delay), (true, Duration::ZERO)]);
    });
}

#[test]
fn an_answer_that_lies_there_is_a_promise_too() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                host.ask(FORCED).await;
                host.shows("pending", |shown| shown.pending).await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        assert_eq!(double.orders().len(), 1);
        assert_eq!(host.answer().await, Status::OK);
    });
}

#[test]
fn an_answer_that_has_no_room_yet_is_taken_back() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                for _ in 0..3 {
                    host.ask(NONSENSE).await;
                }
                host.ask(FORCED).await;
                host.shows("pending", |shown| shown.pending).await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        let ends = async {
            for _ in 0..3 {
                assert_eq!(host.answer().await, Status::FAIL);
            }
            assert_eq!(host.answer().await, Status(0x8007_0015));
        };
        tokio::join!(world.link.flush(), ends);
        assert_eq!(double.orders(), []);
        host.becomes("not begun: the daemon was stopped before the host could be told").await;
    });
}

#[test]
fn a_request_that_is_looked_at_when_the_daemon_ends_is_refused() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.answers.send_replace(false);
        world
            .during(async {
                host.ask(POWER_OFF).await;
                host.until("a look", || double.0.answers.receiver_count() > 0).await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        assert_eq!(host.answer().await, Status(0x8007_0015));
        assert_eq!(double.orders(), []);
    });
}

#[test]
fn what_became_of_a_request_is_on_the_disk_when_the_daemon_has_ended() {
    run(async {
        let (mut world, mut host, _double) = World::start().await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        world.daemon.end(&mut world.link).await;
        let rows = crate::history::History::open(&world.path("history.json")).rows();
        assert_eq!((rows.len(), rows[0].outcome.as_str()), (1, "begun by logind"));
    });
}

#[test]
fn new_settings_are_for_the_next_request_and_not_for_the_one_that_runs() {
    run(async {
        let (mut world, mut host, before) = World::start().await;
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        let after = Double::default();
        let rules = Rules { delay: Duration::from_secs(7), ..Rules::default() };
        world.daemon.change(world.settings(rules), after.clone());
        world
            .during(async {
                before.0.calls_off.notify_one();
                host.becomes("called off").await;
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.until("an attempt", || !after.orders().is_empty()).await;
            })
            .await;
        assert_eq!(before.orders().len(), 1);
        assert_eq!(after.orders()[0].delay, Duration::from_secs(7));
    });
}
