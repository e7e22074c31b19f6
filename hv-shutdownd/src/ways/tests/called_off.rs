//! What was begun and does not come about: how that is found out, and what is no sign of it.

use super::*;

/// Whether it is told now, or within a moment in which it could be.
async fn is_told(ways: &Ways) -> bool {
    tokio::time::timeout(Duration::from_millis(300), ways.cancelled()).await.is_ok()
}

#[test]
fn a_schedule_that_is_called_off_is_told_once() {
    run(async {
        let Some(world) = World::new("a_schedule_that_is_called_off").await else { return };
        world.write("run/systemd/shutdown/scheduled", "USEC=7");
        world.ways.act(later(Action::PowerOff, 300)).await.unwrap();
        assert!(!is_told(&world.ways).await);
        world.mind().scheduled.clear();
        std::fs::remove_file(world.path("run/systemd/shutdown/scheduled")).unwrap();
        world.ways.cancelled().await;
        assert!(!is_told(&world.ways).await);
    });
}

#[test]
fn one_that_is_called_off_before_it_is_followed_is_told_too() {
    run(async {
        let Some(world) = World::new("one_that_is_called_off_before").await else { return };
        // Without a file that could go.
        std::fs::remove_dir(world.path("run/systemd/shutdown")).unwrap();
        world.ways.act(later(Action::PowerOff, 300)).await.unwrap();
        world.mind().scheduled.clear();
        world.ways.cancelled().await;
    });
}

#[test]
fn a_schedule_whose_time_has_come_is_not_called_off() {
    run(async {
        let Some(world) = World::new("a_schedule_whose_time_has_come").await else { return };
        world.write("run/systemd/shutdown/scheduled", "USEC=7");
        world.ways.act(later(Action::PowerOff, 300)).await.unwrap();
        world.prepare(Action::PowerOff, true).await;
        world.mind().scheduled.clear();
        std::fs::remove_file(world.path("run/systemd/shutdown/scheduled")).unwrap();
        assert!(!is_told(&world.ways).await);
        world.prepare(Action::PowerOff, false).await;
        world.ways.cancelled().await;
    });
}

#[test]
fn the_end_of_something_before_is_not_the_end_of_it() {
    run(async {
        let Some(world) = World::new("the_end_of_something_before").await else { return };
        world.ways.act(order(Action::Hibernate)).await.unwrap();
        world.prepare(Action::Hibernate, false).await;
        assert!(!is_told(&world.ways).await);
        world.prepare(Action::Hibernate, true).await;
        assert!(!is_told(&world.ways).await);
        world.prepare(Action::Hibernate, false).await;
        world.ways.cancelled().await;
    });
}

#[test]
fn a_bus_that_goes_and_comes_loses_nothing() {
    run(async {
        let Some(mut world) = World::new("a_bus_that_goes_and_comes").await else { return };
        world.ways.act(later(Action::PowerOff, 300)).await.unwrap();
        world.bus.restart();
        world.boot().await;
        world.ways.over(connect(&world.bus).await);
        assert!(!is_told(&world.ways).await);
        world.bus.restart();
        world.mind().scheduled.clear();
        world.boot().await;
        world.ways.over(connect(&world.bus).await);
        world.ways.cancelled().await;
    });
}

#[test]
fn a_job_of_systemd_s_that_does_not_end_well_is_told() {
    run(async {
        let Some(mut world) = World::new("a_job_of_systemd_s").await else { return };
        world.stop_logind().await;
        world.ways.act(order(Action::PowerOff)).await.unwrap();
        world.job_ends("done").await;
        assert!(!is_told(&world.ways).await);
        world.job_ends("failed").await;
        world.ways.cancelled().await;
        world.ways.act(order(Action::Hibernate)).await.unwrap();
        world.job_ends("done").await;
        world.ways.cancelled().await;
    });
}

#[test]
fn another_order_ends_the_wait_for_the_one_before() {
    run(async {
        let Some(world) = World::new("another_order_ends_the_wait").await else { return };
        world.ways.act(order(Action::Hibernate)).await.unwrap();
        world.prepare(Action::Hibernate, true).await;
        world.prepare(Action::Hibernate, false).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.ways.act(order(Action::PowerOff)).await.unwrap();
        assert!(!is_told(&world.ways).await);
    });
}
