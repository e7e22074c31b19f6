//! Who objects, whether the machine could hibernate, and what must not be interrupted.

use zbus::{Connection, interface};

use super::*;

struct Vss(&'static str);

#[interface(name = "org.hvutils.Vss1")]
impl Vss {
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.0
    }
}

struct Copy(&'static str);

#[interface(name = "org.hvutils.FileCopy1")]
impl Copy {
    #[zbus(property)]
    fn active(&self) -> (String, u64, u64, u32) {
        (self.0.to_owned(), 10, 5, 50)
    }
}

async fn daemon(world: &World, name: &'static str) -> Connection {
    let daemon = connect(&world.bus).await;
    daemon.request_name(name).await.unwrap();
    daemon
}

#[test]
fn only_those_who_block_this_object_and_their_words_are_harmless() {
    run(async {
        let Some(world) = World::new("only_those_who_block_this").await else { return };
        assert_eq!(world.ways.objections(Action::PowerOff).await, []);
        world.mind().inhibitors = vec![
            ("shutdown", "delay"),
            ("shutdown:idle", "block"),
            ("sleep", "block-weak"),
            ("handle-power-key", "block"),
        ];
        let why = async |action| -> Vec<_> {
            world
                .ways
                .objections(action)
                .await
                .into_iter()
                .map(|no| format!("{}: {}", no.who, no.why))
                .collect()
        };
        assert_eq!(why(Action::PowerOff).await, ["app [2J: has to shutdown:idle"]);
        assert_eq!(why(Action::Restart).await, ["app [2J: has to shutdown:idle"]);
        assert_eq!(why(Action::Hibernate).await, ["app [2J: has to sleep"]);
    });
}

#[test]
fn where_logind_cannot_say_nobody_objects() {
    run(async {
        let Some(mut world) = World::new("where_logind_cannot_say").await else { return };
        world.mind().hangs = true;
        assert_eq!(world.ways.objections(Action::PowerOff).await, []);
        world.stop_logind().await;
        assert_eq!(world.ways.objections(Action::PowerOff).await, []);
        assert_eq!(Ways::new(Options::default()).objections(Action::PowerOff).await, []);
    });
}

#[test]
fn everything_that_hibernation_needs_is_looked_at() {
    run(async {
        let Some(mut world) = World::new("everything_that_hibernation_needs").await else { return };
        let why = world.ways.hibernation().await.unwrap_err();
        assert!(why.contains("sys/bus/vmbus/hibernation is not there"), "{why}");
        world.write("sys/bus/vmbus/hibernation", "0\n");
        let why = world.ways.hibernation().await.unwrap_err();
        assert_eq!(why, "the host has hibernation not enabled for this machine");
        world.write("sys/bus/vmbus/hibernation", "1\n");
        world.write("sys/power/state", "freeze mem\n");
        assert_eq!(world.ways.hibernation().await.unwrap_err(), "the kernel cannot hibernate");
        world.write("sys/power/state", "freeze disk\n");
        assert_eq!(world.ways.hibernation().await, Ok(()));
        for (state, expected) in [
            (None, "systemd does not know hv-utils-sleep.service: no such file"),
            (Some("disabled"), "hv-utils-sleep.service is disabled: systemctl enable hv-utils-sleep.service"),
        ] {
            world.mind().unit_file = state;
            assert_eq!(world.ways.hibernation().await.unwrap_err(), expected);
        }
        world.mind().can_hibernate = "na";
        let why = world.ways.hibernation().await.unwrap_err();
        assert_eq!(why, "logind says that the machine cannot hibernate (na): swap and resume= are needed");
        world.stop_logind().await;
        let why = world.ways.hibernation().await.unwrap_err();
        assert_eq!(why, "logind does not say whether the machine can hibernate: it is not on the bus");
    });
}

#[test]
fn an_inhibitor_is_no_reason_why_the_machine_could_not_hibernate() {
    run(async {
        let Some(world) = World::new("an_inhibitor_is_no_reason").await else { return };
        world.write("sys/bus/vmbus/hibernation", "1\n");
        world.write("sys/power/state", "freeze disk\n");
        world.mind().inhibitors.push(("sleep", "block"));
        for said in ["inhibited", "inhibitor-blocked", "challenge-inhibitor-blocked"] {
            world.mind().can_hibernate = said;
            assert_eq!(world.ways.hibernation().await, Ok(()), "{said}");
        }
        assert_eq!(world.ways.objections(Action::Hibernate).await.len(), 1);
        for said in ["no", "na", "challenge", ""] {
            world.mind().can_hibernate = said;
            assert!(world.ways.hibernation().await.is_err(), "{said}");
        }
    });
}

#[test]
fn a_frozen_filesystem_and_a_copy_are_told_and_daemons_that_do_not_run_are_not_missed() {
    run(async {
        let Some(world) = World::new("a_frozen_filesystem_and_a_copy").await else { return };
        assert_eq!(world.ways.busy().await, None);
        let vss = daemon(&world, "org.hvutils.Vss1").await;
        vss.object_server().at("/org/hvutils/Vss1", Vss("thawed")).await.unwrap();
        let copy = daemon(&world, "org.hvutils.FileCopy1").await;
        copy.object_server().at("/org/hvutils/FileCopy1", Copy("")).await.unwrap();
        assert_eq!(world.ways.busy().await, None);
        let server = copy.object_server();
        server.remove::<Copy, _>("/org/hvutils/FileCopy1").await.unwrap();
        server.at("/org/hvutils/FileCopy1", Copy("/srv/a")).await.unwrap();
        assert_eq!(world.ways.busy().await.unwrap(), "the host copies a file to /srv/a");
        let server = vss.object_server();
        server.remove::<Vss, _>("/org/hvutils/Vss1").await.unwrap();
        server.at("/org/hvutils/Vss1", Vss("frozen")).await.unwrap();
        assert_eq!(world.ways.busy().await.unwrap(), "filesystems are frozen for a backup");
    });
}

#[test]
fn what_a_dead_hv_vssd_has_left_frozen_is_in_its_record() {
    run(async {
        let Some(world) = World::new("what_a_dead_hv_vssd_has_left").await else { return };
        let boot = "6d0ad7c1-0000-4000-8000-000000000001";
        world.write("proc/sys/kernel/random/boot_id", &format!("{boot}\n"));
        let mut record = vec![0; 256 + 64];
        record[..8].copy_from_slice(b"HVFROZEN");
        record[12] = 1;
        record[64..100].copy_from_slice(boot.as_bytes());
        for (step, frozen) in [(0, false), (2, true), (5, false)] {
            record[256] = step;
            world.write("run/hv-vssd.frozen", "");
            std::fs::write(world.path("run/hv-vssd.frozen"), &record).unwrap();
            let busy = frozen.then(|| "by its record hv-vssd has filesystems frozen".to_owned());
            assert_eq!(world.ways.busy().await, busy, "step {step}");
        }
    });
}

#[test]
fn who_is_there_and_does_not_say_is_taken_at_the_worst() {
    run(async {
        let Some(world) = World::new("who_is_there_and_does_not_say").await else { return };
        let _vss = daemon(&world, "org.hvutils.Vss1").await;
        let why = world.ways.busy().await.unwrap();
        assert!(why.starts_with("hv-vssd does not say whether filesystems are frozen: "), "{why}");
    });
}
