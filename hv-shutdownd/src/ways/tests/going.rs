//! Orders that are not forced: by whom they are done, and who may refuse them.

use super::*;

#[test]
fn logind_is_asked_first_and_inhibitors_are_to_be_heard() {
    run(async {
        let Some(mut world) = World::new("logind_is_asked_first").await else { return };
        for (action, call) in [
            (Action::PowerOff, "PowerOff 1"),
            (Action::Restart, "Reboot 1"),
            (Action::Hibernate, "Hibernate 1"),
        ] {
            let begun = world.ways.act(order(action)).await.unwrap();
            assert_eq!(begun.to_string(), "begun by logind");
            assert_eq!(world.told(), [call]);
        }
    });
}

#[test]
fn an_inhibitor_that_came_up_meanwhile_is_the_end_of_it_whatever_logind_knows_of_flags() {
    for age in [Age::Old, Age::Middle, Age::New] {
        run(async {
            let Some(mut world) = World::new("an_inhibitor_that_came_up").await else { return };
            world.mind().age = age;
            world.mind().inhibitors.push(("shutdown", "block"));
            let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
            assert_eq!(why, "app [2J says no: has to shutdown", "{age:?}");
            assert!(!world.told().iter().any(|call| call.starts_with("start ") || call == "PowerOff"));
        });
    }
}

#[test]
fn where_inhibitors_are_not_to_be_heard_they_are_not() {
    for (age, calls) in [
        (Age::Old, &["PowerOff 16", "PowerOff"][..]),
        (Age::Middle, &["PowerOff 16", "PowerOff 0"]),
        (Age::New, &["PowerOff 16"]),
    ] {
        run(async {
            let Some(mut world) = World::new("where_inhibitors_are_not_to_be_heard").await else { return };
            world.mind().age = age;
            world.mind().inhibitors.push(("shutdown", "block"));
            let order = Order { respect_inhibitors: false, ..order(Action::PowerOff) };
            assert_eq!(world.ways.act(order).await.unwrap().by, Way::Logind);
            assert_eq!(world.told(), calls);
        });
    }
}

#[test]
fn without_flags_the_old_method_does() {
    run(async {
        let Some(mut world) = World::new("without_flags").await else { return };
        world.mind().age = Age::Old;
        assert_eq!(world.ways.act(order(Action::Restart)).await.unwrap().by, Way::Logind);
        assert_eq!(world.told(), ["Reboot 1", "Reboot"]);
    });
}

#[test]
fn what_logind_is_at_already_is_told() {
    run(async {
        let Some(mut world) = World::new("what_logind_is_at_already").await else { return };
        world.mind().refuses = Some(|| Refusal::OperationInProgress("reboot is under way".to_owned()));
        let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
        assert_eq!(why, "logind says no: reboot is under way");
        assert_eq!(world.told(), ["PowerOff 1"]);
    });
}

#[test]
fn a_machine_whose_logind_hangs_is_not_put_to_sleep_twice() {
    run(async {
        let Some(mut world) = World::new("a_machine_whose_logind_hangs").await else { return };
        world.mind().hangs = true;
        for force in [false, true] {
            let why = world.ways.act(Order { force, ..order(Action::Hibernate) }).await.unwrap_err();
            assert_eq!(why, "logind says no: it does not answer");
        }
        assert_eq!(world.told(), ["Hibernate 1", "Hibernate 16"]);
    });
}

#[test]
fn a_logind_that_hangs_is_passed_over() {
    run(async {
        let Some(mut world) = World::new("a_logind_that_hangs").await else { return };
        world.mind().hangs = true;
        let begun = world.ways.act(order(Action::PowerOff)).await.unwrap();
        assert_eq!(begun.to_string(), "begun by systemd");
        assert_eq!(world.told(), ["PowerOff 1", "start poweroff.target replace-irreversibly"]);
    });
}

#[test]
fn without_logind_systemd_starts_the_target() {
    run(async {
        let Some(mut world) = World::new("without_logind").await else { return };
        world.stop_logind().await;
        for (action, target) in
            [(Action::PowerOff, "poweroff"), (Action::Restart, "reboot"), (Action::Hibernate, "hibernate")]
        {
            assert_eq!(world.ways.act(order(action)).await.unwrap().by, Way::Systemd);
            assert_eq!(world.told(), [format!("start {target}.target replace-irreversibly")]);
        }
    });
}

#[test]
fn without_a_bus_systemd_is_asked_over_its_own_socket() {
    run(async {
        let Some(mut world) = World::new("without_a_bus").await else { return };
        world.private_socket();
        world.bus.stop();
        assert_eq!(world.ways.act(order(Action::PowerOff)).await.unwrap().by, Way::Systemd);
        assert_eq!(world.told(), ["start poweroff.target replace-irreversibly"]);
    });
}

#[test]
fn where_nobody_does_it_all_reasons_are_told_and_nothing_is_enforced() {
    run(async {
        let Some(mut world) = World::new("where_nobody_does_it").await else { return };
        world.stop_logind().await;
        world.mind().no_targets = true;
        let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
        assert_eq!(why, "logind: it is not on the bus; systemd: not today");
        assert_eq!(world.told(), ["start poweroff.target replace-irreversibly"]);
    });
}

#[test]
fn logind_has_the_last_word_about_hibernation() {
    run(async {
        let Some(mut world) = World::new("logind_has_the_last_word").await else { return };
        world.mind().refuses = Some(|| Refusal::SleepVerbNotSupported("not enough swap".to_owned()));
        for order in [order(Action::Hibernate), forced(Action::Hibernate)] {
            let why = world.ways.act(order).await.unwrap_err();
            assert_eq!(why, "logind says no: not enough swap");
        }
        assert_eq!(world.told(), ["Hibernate 1", "Hibernate 16"]);
    });
}

#[test]
fn a_delay_is_logind_s_and_the_users_read_the_hosts_text() {
    run(async {
        let Some(mut world) = World::new("a_delay_is_logind_s").await else { return };
        let begun = world.ways.act(later(Action::Restart, 300)).await.unwrap();
        assert_eq!(begun.to_string(), "begun by logind, in 300 s");
        let wall = "wall true: Hyper-V's host asks this machine to restart: maintenance";
        assert_eq!(world.told(), [wall, "schedule reboot"]);
    });
}

#[test]
fn an_inhibitor_is_heard_before_anything_is_scheduled() {
    run(async {
        let Some(mut world) = World::new("an_inhibitor_is_heard_before").await else { return };
        world.mind().age = Age::Old;
        world.mind().inhibitors.push(("sleep:shutdown", "block"));
        let why = world.ways.act(later(Action::PowerOff, 300)).await.unwrap_err();
        assert_eq!(why, "app [2J says no: has to sleep:shutdown");
        assert_eq!(world.told(), Vec::<String>::new());
    });
}

#[test]
fn without_logind_the_daemon_waits_itself() {
    run(async {
        let Some(mut world) = World::new("without_logind_the_daemon_waits").await else { return };
        world.stop_logind().await;
        let begun = world.ways.act(later(Action::PowerOff, 1)).await.unwrap();
        assert_eq!(begun.to_string(), "begun by this daemon, in 1 s");
        assert_eq!(world.told(), Vec::<String>::new());
        assert_eq!(world.call().await, "start poweroff.target replace-irreversibly");
    });
}

#[test]
fn what_the_daemon_waits_for_and_cannot_do_is_over() {
    run(async {
        let Some(mut world) = World::new("what_the_daemon_waits_for").await else { return };
        world.bus.stop();
        world.ways.act(later(Action::PowerOff, 1)).await.unwrap();
        world.ways.cancelled().await;
    });
}

#[test]
fn print_asks_nobody() {
    run(async {
        let Some(mut world) = World::new("print_asks_nobody").await else { return };
        let options = Options { print: true, ..world.ways.inner.options.clone() };
        let ways = Ways::new(options);
        ways.over(connect(&world.bus).await);
        for (order, said) in [
            (order(Action::PowerOff), "would power off (print)"),
            (forced(Action::Restart), "would restart (print)"),
            (later(Action::PowerOff, 30), "would power off in 30 s (print)"),
            (order(Action::Hibernate), "would hibernate (print)"),
        ] {
            assert_eq!(ways.act(order).await.unwrap().to_string(), said);
        }
        assert_eq!(world.told(), Vec::<String>::new());
    });
}
