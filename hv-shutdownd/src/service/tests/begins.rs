//! From the answer to the act: what comes first, what is waited for, and what becomes of an answer that cannot leave.

use std::path::Path;

use super::*;
use crate::engine::Rules;
use hv_utils_core::wire::shutdown::Action;

#[test]
fn the_host_has_its_answer_before_anything_is_begun() {
    for flags in [POWER_OFF, FORCED, RESTART, RESTART | FORCED, HIBERNATE, HIBERNATE | FORCED] {
        run(async {
            let (mut world, mut host, double) = World::start().await;
            world
                .during(async {
                    host.ask(flags).await;
                    let shown = host.shows("pending", |shown| shown.pending).await;
                    let last = shown.last.unwrap();
                    assert_eq!((last.forced, last.timeout, last.text.as_str()), (flags & 1 == 1, 30, "bye"));
                    // The answer lies there, and nobody has taken it.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    assert_eq!(double.orders(), []);
                    assert_eq!(host.answer().await, Status::OK);
                    host.becomes("begun by logind").await;
                    assert!(host.shown().pending);
                })
                .await;
            let acted = double.0.acted.lock().unwrap();
            let [(order, knew, _)] = acted.as_slice() else { panic!("{acted:?}") };
            assert!(knew, "begun before the host had its answer");
            let action = match flags & !FORCED {
                RESTART => Action::Restart,
                HIBERNATE => Action::Hibernate,
                _ => Action::PowerOff,
            };
            assert_eq!((order.action, order.force, order.reason), (action, flags & 1 == 1, 0x8000_0000));
            assert_eq!((order.delay, order.text.as_str()), (Duration::ZERO, "bye"));
        });
    }
}

#[test]
fn a_host_that_never_takes_its_answer_is_not_waited_for_without_end() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world.daemon.patience = Duration::from_millis(100);
        world
            .during(async {
                host.ask(FORCED).await;
                host.becomes("begun by logind").await;
            })
            .await;
        assert!(!double.0.acted.lock().unwrap()[0].1);
    });
}

/// Fills the ring with answers that nobody takes, and asks for what is accepted: its answer finds no room.
async fn stuffed(host: &mut Host) {
    for _ in 0..3 {
        host.ask(NONSENSE).await;
    }
    host.ask(FORCED).await;
    host.shows("pending", |shown| shown.pending).await;
    // Long enough for an answer that had room.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

use world::Host;

#[test]
fn an_answer_without_room_is_waited_for() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        world
            .during(async {
                stuffed(&mut host).await;
                assert_eq!(double.orders(), []);
                for _ in 0..3 {
                    assert_eq!(host.answer().await, Status::FAIL);
                }
                *double.0.host_knows.lock().unwrap() = false;
                assert_eq!(host.answer().await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        assert!(double.0.acted.lock().unwrap()[0].1);
    });
}

#[test]
fn nothing_is_begun_if_the_channel_is_lost_before_the_answer_has_left() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        let board = world.daemon.board.clone();
        world.during(stuffed(&mut host)).await;
        drop(host);
        let waits = async {
            while board.shown().pending {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        world.during(waits).await;
        assert_eq!(board.shown().last.unwrap().outcome, "not begun: the host could not be told");
        assert_eq!(double.orders(), []);
    });
}

#[test]
fn a_channel_that_is_lost_after_the_answer_has_left_changes_nothing() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        double.0.acts.send_replace(false);
        world.during(async { assert_eq!(host.status(FORCED).await, Status::OK) }).await;
        let board = world.daemon.board.clone();
        drop(host);
        double.0.acts.send_replace(true);
        let waits = async {
            while board.shown().last.unwrap().outcome != "begun by logind" {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        world.during(waits).await;
        assert!(board.shown().pending);
    });
}

#[test]
fn hooks_are_through_before_it_is_acted_and_are_told_what_comes() {
    for flags in [POWER_OFF, RESTART | FORCED] {
        run(async {
            let (mut world, mut host, double) = World::start().await;
            let told = world.path("told");
            *double.0.file.lock().unwrap() = told.clone();
            world.hook(&format!(
                "sleep 0.1; echo $1 $HV_SHUTDOWN_ACTION $HV_SHUTDOWN_FORCED $HV_SHUTDOWN_REASON \
                 $HV_SHUTDOWN_TIMEOUT_SECS > {0}.new; mv {0}.new {0}; exit 1",
                told.display()
            ));
            world
                .during(async {
                    assert_eq!(host.status(flags).await, Status::OK);
                    host.becomes("begun by logind").await;
                })
                .await;
            assert!(double.0.acted.lock().unwrap()[0].2, "the hook had not ended");
            let expected = if flags == POWER_OFF {
                "poweroff poweroff 0 0x80000000 60\n"
            } else {
                "reboot reboot 1 0x80000000 60\n"
            };
            assert_eq!(std::fs::read_to_string(&told).unwrap(), expected);
        });
    }
}

#[test]
fn a_hook_has_no_descriptor_of_ours() {
    run(async {
        let (mut world, mut host, _double) = World::start().await;
        let _inhibitor = world.daemon.inhibitors.take("probe", "holds a pipe", 0).unwrap();
        let told = world.path("told");
        world.hook(&format!("for fd in /proc/self/fd/*; do readlink $fd; done > {}; :", told.display()));
        world
            .during(async {
                assert_eq!(host.status(FORCED).await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        let open = std::fs::read_to_string(&told).unwrap();
        assert!(open.contains("/dev/null") && open.contains("pipe:"), "its own: {open}");
        for ours in ["socket:", "memfd", "anon_inode", "dev/uio", ".lock", "history"] {
            assert!(!open.contains(ours), "{ours}: {open}");
        }
        let pipes: std::collections::BTreeSet<&str> =
            open.lines().filter(|line| line.starts_with("pipe:")).collect();
        assert!(pipes.len() <= 1 + inherited_pipes(), "{open}");
    });
}

/// What whoever runs these tests has left open in them.
fn inherited_pipes() -> usize {
    let flags = |fd: &std::path::Path| {
        let info = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(fd.file_name()?)).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
        u32::from_str_radix(&flags, 8).ok()
    };
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| entry.path());
    let pipes = open
        .filter(|fd| std::fs::read_link(fd).is_ok_and(|link| link.to_string_lossy().starts_with("pipe:")));
    // O_CLOEXEC
    pipes.filter(|fd| flags(fd).is_some_and(|flags| flags & 0o2_000_000 == 0)).count()
}

#[test]
fn a_hook_that_hangs_is_ended_when_its_time_is_over() {
    run(async {
        let (mut world, mut host, double) = World::start().await;
        let mut settings = world.settings(Rules::default());
        settings.hooks.time = Duration::from_secs(1);
        world.daemon.change(settings, double.clone());
        world.hook("exec sleep 3600");
        world
            .during(async {
                assert_eq!(host.status(POWER_OFF).await, Status::OK);
                host.becomes("begun by logind").await;
            })
            .await;
        assert_eq!(double.orders().len(), 1);
    });
}

#[test]
fn a_delay_is_announced_with_what_is_not_forced() {
    run(async {
        let rules = Rules { honour_host_timeout: true, ..Rules::default() };
        for (flags, expected) in [(POWER_OFF, 30), (FORCED, 0)] {
            let (mut world, mut host, double) = World::with(rules, false).await;
            world
                .during(async {
                    assert_eq!(host.status(flags).await, Status::OK);
                    host.acts(1).await;
                })
                .await;
            assert_eq!(double.orders()[0].delay, Duration::from_secs(expected));
        }
    });
}
