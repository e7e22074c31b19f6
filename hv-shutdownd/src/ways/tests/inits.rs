//! Inits other than systemd, as programs in a root of the test's own.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

/// A program in sh that logs how it is called. Another process writes it, so that no child of another test holds it open.
fn put(world: &World, name: &str, end: &str) {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
    let log = world.path("log");
    let script = format!("#!/bin/sh\necho \"${{0##*/}} $* ${{HOME-nothing}}\" >>{}\n{end}\n", log.display());
    let mut install = Command::new("install");
    let mut install =
        install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().unwrap();
    install.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
}

fn log(world: &World) -> String {
    std::fs::read_to_string(world.path("log")).unwrap_or_default()
}

async fn empty(test: &str) -> Option<World> {
    World::empty(test, Duration::from_secs(600)).await
}

#[test]
fn the_command_of_init_is_run_with_nothing_of_ours() {
    run(async {
        let Some(world) = empty("the_command_of_init").await else { return };
        put(&world, "sbin/poweroff", "");
        put(&world, "sbin/reboot", "");
        let begun = world.ways.act(order(Action::PowerOff)).await.unwrap();
        assert_eq!(begun.to_string(), "begun by init");
        world.ways.act(order(Action::Restart)).await.unwrap();
        assert_eq!(log(&world), "poweroff  nothing\nreboot  nothing\n");
    });
}

#[test]
fn a_program_of_many_names_is_told_which_is_meant() {
    run(async {
        let Some(world) = empty("a_link_to_a_program").await else { return };
        put(&world, "usr/bin/busybox", "");
        std::fs::create_dir_all(world.path("usr/sbin")).unwrap();
        symlink("../bin/busybox", world.path("usr/sbin/poweroff")).unwrap();
        symlink("usr/sbin", world.path("sbin")).unwrap();
        assert_eq!(world.ways.act(order(Action::PowerOff)).await.unwrap().by, Way::Init);
        assert_eq!(log(&world), "poweroff  nothing\n");
    });
}

#[test]
fn openrc_s_own_init_has_a_command_of_its_own() {
    run(async {
        let Some(world) = empty("openrc_s_own_init").await else { return };
        world.write("proc/1/comm", "openrc-init\n");
        put(&world, "sbin/openrc-shutdown", "");
        put(&world, "sbin/poweroff", "");
        assert_eq!(world.ways.act(order(Action::PowerOff)).await.unwrap().by, Way::Init);
        assert_eq!(world.ways.act(order(Action::Restart)).await.unwrap().by, Way::Init);
        assert_eq!(
            log(&world),
            "openrc-shutdown --poweroff now nothing\nopenrc-shutdown --reboot now nothing\n"
        );
    });
}

#[test]
fn elogind_is_asked_before_the_command() {
    run(async {
        let Some(mut world) = empty("elogind_is_asked_before").await else { return };
        put(&world, "sbin/poweroff", "");
        world.start_logind().await;
        assert_eq!(world.ways.act(order(Action::PowerOff)).await.unwrap().by, Way::Logind);
        assert_eq!(log(&world), "");
    });
}

#[test]
fn a_command_that_fails_or_that_others_can_change_is_told() {
    run(async {
        let Some(world) = empty("a_command_that_fails").await else { return };
        put(&world, "sbin/poweroff", "exit 3");
        let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
        assert!(why.starts_with("logind: it is not on the bus; init: "), "{why}");
        assert!(why.ends_with("sbin/poweroff: exit code 3"), "{why}");
        let program = world.path("sbin/poweroff");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o777)).unwrap();
        let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
        assert!(why.contains("others than root can change"), "{why}");
        assert_eq!(log(&world).lines().count(), 1);
    });
}

#[test]
fn where_there_is_no_command_that_is_the_reason_and_hibernation_is_never_init_s() {
    run(async {
        let Some(mut world) = empty("where_there_is_no_command").await else { return };
        let why = world.ways.act(order(Action::PowerOff)).await.unwrap_err();
        assert_eq!(why, "logind: it is not on the bus; init: there is no command of an init");
        put(&world, "sbin/hibernate", "");
        put(&world, "sbin/poweroff", "");
        let why = world.ways.act(forced(Action::Hibernate)).await.unwrap_err();
        assert_eq!(why, "logind: it is not on the bus; systemd: it is not on the bus");
        assert_eq!(log(&world), "");
        assert_eq!(world.told(), Vec::<String>::new());
    });
}

#[test]
fn a_forced_order_that_init_does_not_do_is_the_system_call() {
    run(async {
        let Some(mut world) = empty("a_forced_order_that_init").await else { return };
        put(&world, "sbin/poweroff", "exit 1");
        assert_eq!(world.ways.act(forced(Action::PowerOff)).await.unwrap().by, Way::Kernel);
        assert_eq!(world.told(), ["reboot(2) poweroff"]);
    });
}
