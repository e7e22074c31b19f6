//! Forced orders: one way after the other until the machine is down, the system call at last.

use super::*;

const SOON: Duration = Duration::from_millis(200);

#[test]
fn nobody_is_heard_and_the_next_way_is_taken_while_the_machine_is_up() {
    run(async {
        let Some(mut world) = World::empty("nobody_is_heard", SOON).await else { return };
        world.boot().await;
        world.mind().inhibitors.push(("shutdown", "block"));
        assert_eq!(world.ways.act(forced(Action::PowerOff)).await.unwrap().by, Way::Logind);
        let ways = [
            "PowerOff 16",
            "start poweroff.target replace-irreversibly",
            "power off at once",
            "reboot(2) poweroff",
        ];
        for way in ways {
            assert_eq!(world.call().await, way);
        }
        // There is no way left: whoever asks again is heard again.
        world.ways.cancelled().await;
    });
}

#[test]
fn a_way_that_has_failed_is_not_waited_for() {
    run(async {
        let Some(mut world) = World::empty("a_way_that_has_failed", Duration::from_secs(600)).await else {
            return;
        };
        world.boot().await;
        world.ways.act(forced(Action::Restart)).await.unwrap();
        assert_eq!(world.call().await, "Reboot 16");
        world.prepare(Action::Restart, true).await;
        world.prepare(Action::Restart, false).await;
        assert_eq!(world.call().await, "start reboot.target replace-irreversibly");
        world.job_ends("canceled").await;
        assert_eq!(world.call().await, "restart at once");
    });
}

#[test]
fn where_something_else_is_under_way_it_is_waited_for_and_then_overtaken() {
    run(async {
        let Some(mut world) = World::empty("where_something_else_is_under_way", SOON).await else { return };
        world.boot().await;
        world.mind().refuses = Some(|| Refusal::OperationInProgress("poweroff is under way".to_owned()));
        assert_eq!(world.ways.act(forced(Action::Restart)).await.unwrap().by, Way::Logind);
        assert_eq!(world.call().await, "Reboot 16");
        assert_eq!(world.call().await, "start reboot.target replace-irreversibly");
    });
}

#[test]
fn where_nothing_else_is_there_the_system_call_is() {
    run(async {
        let Some(mut world) = World::empty("where_nothing_else_is_there", SOON).await else { return };
        let begun = world.ways.act(forced(Action::Restart)).await.unwrap();
        assert_eq!(begun.to_string(), "begun by the kernel");
        assert_eq!(world.told(), ["reboot(2) reboot"]);
    });
}

#[test]
fn a_hibernation_is_never_insisted_on() {
    run(async {
        let Some(mut world) = World::empty("a_hibernation_is_never", SOON).await else { return };
        world.boot().await;
        assert_eq!(world.ways.act(forced(Action::Hibernate)).await.unwrap().by, Way::Logind);
        world.prepare(Action::Hibernate, true).await;
        world.prepare(Action::Hibernate, false).await;
        world.ways.cancelled().await;
        assert_eq!(world.told(), ["Hibernate 16"]);
        world.stop_logind().await;
        world.mind().no_targets = true;
        let why = world.ways.act(forced(Action::Hibernate)).await.unwrap_err();
        assert_eq!(why, "logind: it is not on the bus; systemd: not today");
        assert_eq!(world.told(), ["start hibernate.target replace-irreversibly"]);
    });
}

#[test]
fn a_delay_does_not_hold_up_a_forced_order() {
    run(async {
        let Some(mut world) = World::new("a_delay_does_not_hold_up").await else { return };
        let order = Order { force: true, ..later(Action::PowerOff, 3600) };
        assert_eq!(world.ways.act(order).await.unwrap().to_string(), "begun by logind");
        assert_eq!(world.told(), ["PowerOff 16"]);
    });
}

#[test]
fn at_once_works_over_systemd_s_own_socket_too() {
    run(async {
        let Some(mut world) = World::empty("at_once_works_over", SOON).await else { return };
        std::fs::create_dir_all(world.path("run/systemd/system")).unwrap();
        world.private_socket();
        world.bus.stop();
        let way = manager::at_once(None, &world.ways.inner.options.root, &forced(Action::PowerOff)).await;
        assert!(matches!(way, ladder::Answer::Yes(_)));
        assert_eq!(world.told(), ["power off at once"]);
    });
}
