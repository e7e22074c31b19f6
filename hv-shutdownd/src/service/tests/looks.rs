//! What stands in the way of a request, and who does not answer.

use super::*;
use crate::engine::Rules;

#[test]
fn somebody_elses_inhibitor_refuses_what_is_not_forced() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.objects("packages");
        world
            .during(async {
                for flags in [POWER_OFF, RESTART, HIBERNATE] {
                    assert_eq!(host.status(flags).await, Status(0x8007_04f7));
                }
                host.becomes("refused: inhibited by packages (a reason)").await;
                assert!(!host.shown().pending);
                assert_eq!(double.orders(), []);
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.acts(1).await;
            })
            .await;
    });
}

#[test]
fn our_own_inhibitor_refuses_until_it_is_closed() {
    run(async {
        let (mut world, mut host, _double) = World::start().await;
        let all = world.daemon.inhibitors.clone();
        world
            .during(async {
                let end = all.take("backup", "writes", 0).unwrap();
                assert_eq!(host.status(RESTART).await, Status(0x8007_04f7));
                host.becomes("refused: inhibited by backup (writes)").await;
                drop(end);
                host.until("closed", || all.held().is_empty()).await;
                assert_eq!(host.status(RESTART).await, Status::OK);
                host.acts(1).await;
            })
            .await;
    });
}

#[test]
fn our_own_inhibitor_does_not_count_where_none_does_or_against_force() {
    run(async {
        let rules = Rules { respect_inhibitors: false, ..Rules::default() };
        for (rules, flags) in [(rules, POWER_OFF), (Rules::default(), FORCED)] {
            let (mut world, mut host, double) = World::with(rules, false).await;
            double.objects("packages");
            let all = world.daemon.inhibitors.clone();
            world
                .during(async {
                    let _end = all.take("backup", "y", 0).unwrap();
                    assert_eq!(host.status(flags).await, Status::OK);
                    host.acts(1).await;
                })
                .await;
        }
    });
}

#[test]
fn hibernation_is_refused_where_it_cannot_work_and_where_something_must_not_sleep() {
    run(async {
        for flags in [HIBERNATE, HIBERNATE | FORCED] {
            let (mut world, mut host, double) = World::start().await;
            world
                .during(async {
                    *double.0.hibernation.lock().unwrap() = Err("no swap".to_owned());
                    assert_eq!(host.status(flags).await, Status(0x8007_0032));
                    host.becomes("refused: the guest cannot hibernate: no swap").await;
                    *double.0.hibernation.lock().unwrap() = Ok(());
                    *double.0.busy.lock().unwrap() = Some("/srv is frozen".to_owned());
                    assert_eq!(host.status(flags).await, Status(0x8007_00aa));
                    host.becomes("refused: the guest must not hibernate now: /srv is frozen").await;
                    assert_eq!(double.orders(), []);
                })
                .await;
        }
    });
}

#[test]
fn who_does_not_answer_stops_no_shutdown() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.answers.send_replace(false);
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.acts(1).await;
            })
            .await;
    });
}

#[test]
fn hibernation_is_not_promised_while_nobody_answers() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.answers.send_replace(false);
        world
            .during(async {
                assert_eq!(host.status(HIBERNATE | FORCED).await, Status(0x8007_0032));
                assert!(!host.shown().pending);
            })
            .await;
    });
}

#[test]
fn a_request_that_the_host_gives_up_during_the_look_is_not_begun() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.answers.send_replace(false);
        world
            .during(async {
                host.ask(POWER_OFF).await;
                host.until("a look", || double.0.answers.receiver_count() > 0).await;
                host.negotiate().await;
                double.0.answers.send_replace(true);
                // The next one is served as if nothing had been before.
                assert_eq!(host.status(NONSENSE).await, Status::FAIL);
                assert!(!host.shown().pending && host.shown().last.is_none());
                assert_eq!(host.status(RESTART).await, Status::OK);
                host.acts(1).await;
            })
            .await;
        assert_eq!(double.orders()[0].action.name(), "reboot");
    });
}

#[test]
fn the_channel_is_served_while_something_is_looked_at() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.answers.send_replace(false);
        world
            .during(async {
                host.ask(POWER_OFF).await;
                host.until("a look", || double.0.answers.receiver_count() > 0).await;
                // Waits behind the first, and is answered by what has become of that.
                host.ask(POWER_OFF).await;
                double.0.answers.send_replace(true);
                assert_eq!(host.answer().await, Status::OK);
                assert_eq!(host.answer().await, Status::OK);
                host.acts(1).await;
            })
            .await;
    });
}

#[test]
fn what_means_nothing_is_answered_counted_and_not_remembered() {
    run(async {
        let (mut world, mut host, _double) = World::start().await;
        world
            .during(async {
                for flags in [6, 7, 8, 0x8000_0000] {
                    assert_eq!(host.status(flags).await, Status(0x8000_4005));
                }
                assert_eq!(host.outcomes(), Vec::<String>::new());
            })
            .await;
        assert_eq!(world.link.status().rejected, 4);
    });
}
