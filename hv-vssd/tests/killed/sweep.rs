//! One guest, killed again and again: to the moment, the kill, and what has to be true after it.

use std::time::Duration;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;

use crate::record::{Record, Stage};
use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, processes, spin, until};
use crate::table::Table;

/// Filesystems that are frozen: one of them lies on another.
pub(crate) const DISKS: usize = 6;

/// In the table: what somebody else had frozen was thawed, in the one moment in which that may happen.
const UNKNOWN: &str = ", somebody else's freeze not yet known as such";

/// The same: the host was told that the freeze failed, and that this is settled was not yet noted. It is told once more.
const UNSETTLED: &str = ", its failure told and not yet settled";

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Daemon,
    Guardian,
    Both,
}

/// When. A stage that is passed before it is seen is as good as one that follows; what it was is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The host has asked for nothing.
    Idle,
    /// So many µs after it has asked for the freeze.
    Asked(u64),
    /// The freeze is so far.
    Freezing(Stage),
    /// The host was told that all is frozen.
    Told,
    /// So many µs after it has asked for the thaw.
    ThawAsked(u64),
    /// The thaw is so far.
    Thawing(Stage),
    /// The host was told that all is thawed.
    Thawed,
}

/// What the host has asked, and what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Told {
    asked_freeze: bool,
    asked_thaw: bool,
    freeze: Option<Status>,
    thaw: Option<Status>,
}

#[derive(Debug)]
pub(crate) struct Sweep {
    host: Option<Host>,
    /// Frozen by somebody else from beginning to end.
    foreign: Disk,
    /// Whether the daemon is to freeze that too, which it cannot.
    hindered: bool,
    writers: Writers,
    disks: Vec<Disk>,
    table: Table,
    guest: Guest,
}

impl Sweep {
    /// What somebody else has frozen is excluded.
    pub(crate) async fn start(world: World) -> Sweep {
        Sweep::build(world, false).await
    }

    /// It is not, so that every freeze fails.
    pub(crate) async fn start_with_foreign(world: World) -> Sweep {
        Sweep::build(world, true).await
    }

    async fn build(world: World, hindered: bool) -> Sweep {
        let mut disks = vec![world.disk_sized("lower", Kind::Ext4, 64)];
        disks.push(world.disk_in(&disks[0].mount, "upper", Kind::Ext4));
        disks.extend(world.disks(DISKS - 2, "d", Kind::Ext4));
        // In the middle of the order, if it is in it.
        let foreign = world.disk("d1a", Kind::Ext4);
        let config = if hindered { String::new() } else { format!("exclude = [{:?}]", foreign.mount) };
        let guest = Guest::prepare(world, &config);
        let writers = Writers::start(&guest, &disks);
        foreign.freeze();
        Sweep {
            host: Some(guest.run().await),
            foreign,
            hindered,
            writers,
            disks,
            table: Table::default(),
            guest,
        }
    }

    /// Goes to the moment, kills, and looks.
    pub(crate) async fn kill(&mut self, victim: Victim, moment: Moment, round: usize) {
        let mut guardian = self.guest.guardian();
        until("there is a guardian", || {
            guardian = guardian.or_else(|| self.guest.guardian());
            guardian.is_some()
        });
        let guardian = guardian.expect("a guardian");
        let mut host = self.host.take().unwrap();
        let mut told = Told::default();
        let record = self.go_to(moment, &mut host, &mut told).await;
        let daemon = self.guest.pid();
        match victim {
            Victim::Daemon => processes::kill(daemon),
            Victim::Guardian => processes::kill(guardian),
            Victim::Both => {
                let order = if round.is_multiple_of(2) { [guardian, daemon] } else { [daemon, guardian] };
                order.into_iter().for_each(processes::kill);
            }
        }
        let stage = record.as_ref().map_or(Stage::Nothing, Record::stage);
        let refused = record.as_ref().is_some_and(|record| record.refuses(&self.foreign.mount));
        if victim == Victim::Guardian {
            // The daemon cannot know before.
            processes::wait_dead(guardian);
        }
        let mut what = format!("{victim:?}, {}", describe(moment, stage));
        if victim == Victim::Guardian {
            self.after_guardian(&mut host, told, stage, &what).await;
            self.host = Some(host);
        } else {
            what += self.after_daemon(victim, host, told, &what, round).await;
        }
        if !self.foreign.is_frozen() {
            // Between the kernel's refusal and the note of it nobody knows whose the freeze is; it has to be thawed then.
            assert!(self.hindered && !refused, "{what}: what somebody else has frozen was thawed");
            assert_ne!(victim, Victim::Guardian, "{what}: what somebody else has frozen was thawed");
            what += UNKNOWN;
            self.foreign.freeze();
        }
        assert_eq!(self.writers.error(), 0, "{what}");
        self.table.survived(what);
    }

    /// Goes to the moment; the record as it is there.
    async fn go_to(&self, moment: Moment, host: &mut Host, told: &mut Told) -> Option<Record> {
        if moment == Moment::Idle {
            return None;
        }
        host.ask(Operation::FREEZE).await;
        told.asked_freeze = true;
        let mut record = None;
        match moment {
            Moment::Asked(micros) => spin(|began| began.elapsed() >= Duration::from_micros(micros)),
            Moment::Freezing(stage) => record = self.reach(host, told, stage),
            _ => {
                told.freeze = Some(host.answer().await.1);
                assert_eq!(told.freeze, Some(Status::OK));
                record = Record::open(&self.guest.record());
            }
        }
        if !matches!(moment, Moment::ThawAsked(_) | Moment::Thawing(_) | Moment::Thawed) {
            return record.or_else(|| Record::open(&self.guest.record()));
        }
        host.ask(Operation::THAW).await;
        told.asked_thaw = true;
        match moment {
            Moment::ThawAsked(micros) => spin(|began| began.elapsed() >= Duration::from_micros(micros)),
            Moment::Thawing(stage) => spin(|_| record.as_ref().is_some_and(|record| record.stage() >= stage)),
            _ => told.thaw = Some(host.answer().await.1),
        }
        record
    }

    /// Waits without a pause until the freeze is so far; or over, if that was not seen on a busy machine.
    fn reach(&self, host: &mut Host, told: &mut Told, stage: Stage) -> Option<Record> {
        let (path, mut record) = (self.guest.record(), None);
        spin(|_| {
            record = record.take().or_else(|| Record::open(&path));
            if record.is_none() {
                told.freeze = host.answer_now().map(|(_, status)| status);
            }
            told.freeze.is_some() || record.as_ref().is_some_and(|record: &Record| record.stage() >= stage)
        });
        record
    }

    /// The guardian thaws, or the next start; then all is as before, and the host knows. What of it belongs into the table.
    async fn after_daemon(
        &mut self,
        victim: Victim,
        mut host: Host,
        mut told: Told,
        what: &str,
        round: usize,
    ) -> &'static str {
        self.guest.reap();
        while let Some(status) = host.answer_left() {
            if told.freeze.is_none() { told.freeze = Some(status) } else { told.thaw = Some(status) }
        }
        drop(host);
        self.guest.guardian_gone();
        if victim == Victim::Daemon {
            self.writers.go_on();
            self.none_frozen(what);
        }
        let owed = self.guest.owes();
        match told {
            // Settled a moment after it was told: one answer too many that nobody will ask for. A daemon that has seen its
            // guardian die before it dies itself has told that the freeze did not last.
            Told { thaw: Some(thaw), .. } => {
                assert!(thaw.is_ok() || victim == Victim::Both, "{what}: {told:?}");
            }
            // A thaw that was done and not told may be settled.
            Told { freeze: Some(Status::OK), asked_thaw, .. } => {
                assert!(owed || asked_thaw, "{what}: the host was told OK, and nobody owes it anything");
            }
            // Between the answer and the note of it bad news is told twice rather than never. Unsettled for good would be seen by
            // the count.
            Told { .. } => {}
        }
        let unsettled = owed && told.freeze.is_some_and(|status| !status.is_ok());
        if round % 3 == 1 {
            assert_eq!(self.guest.recover(), Some(0), "{what}: {}", self.guest.log());
            self.writers.go_on();
            self.none_frozen(what);
        }
        let mut host = self.guest.run().await;
        self.writers.go_on();
        self.none_frozen(what);
        let wanted = if owed { Status::FAIL } else { Status::OK };
        assert_eq!(host.status(Operation::THAW).await, wanted, "{what}: {told:?}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "{what}: {told:?}");
        self.host = Some(host);
        if unsettled { UNSETTLED } else { "" }
    }

    /// The daemon thaws, or has not begun; the host is told the truth.
    async fn after_guardian(&mut self, host: &mut Host, mut told: Told, stage: Stage, what: &str) {
        if told.asked_freeze && told.freeze.is_none() {
            told.freeze = Some(host.answer().await.1);
        }
        if told.asked_thaw && told.thaw.is_none() {
            told.thaw = Some(host.answer().await.1);
        }
        let frozen = told.freeze == Some(Status::OK);
        if !told.asked_thaw {
            // Before the freeze has begun the dead one is replaced; after that nothing is frozen without it.
            let alone = frozen && stage != Stage::Nothing;
            if alone {
                self.writers.go_on();
            }
            let thaw = host.status(Operation::THAW).await;
            assert!(!(alone && thaw.is_ok()), "{what}: it did not last, and the host is told OK");
            told.thaw = Some(thaw);
        }
        if !frozen {
            assert_eq!(told.thaw, Some(Status::OK), "{what}: {told:?}");
        }
        self.writers.go_on();
        self.none_frozen(what);
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "{what}: {told:?}");
        // And with another guardian.
        let again = host.status(Operation::FREEZE).await;
        assert_eq!(again.is_ok(), !self.hindered, "{what}: the next freeze: {again}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "{what}: {told:?}");
        self.writers.go_on();
    }

    /// Kills both while everything is frozen, then those that thaw it, each a little later than the one before.
    pub(crate) async fn kill_recoveries(&mut self, delays: impl IntoIterator<Item = Duration>) {
        let mut host = self.host.take().unwrap();
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        [self.guest.guardian().unwrap(), self.guest.pid()].into_iter().for_each(processes::kill);
        self.guest.reap();
        drop(host);
        self.guest.guardian_gone();
        for (number, delay) in delays.into_iter().enumerate() {
            let mut command = self.guest.command();
            if number.is_multiple_of(2) {
                command.arg("--recover");
            }
            let mut recovery = command.spawn().unwrap();
            spin(|began| began.elapsed() >= delay);
            // It may have ended.
            let _ = recovery.kill();
            recovery.wait().unwrap();
            self.guest.guardian_gone();
            self.table.survived(format!("who recovers, {} ms after its start", delay.as_millis()));
        }
        let mut host = self.guest.run().await;
        self.writers.go_on();
        self.none_frozen("recovered");
        assert_eq!(host.status(Operation::THAW).await, Status::FAIL);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        assert!(self.foreign.is_frozen());
        self.host = Some(host);
    }

    #[track_caller]
    fn none_frozen(&self, what: &str) {
        for disk in &self.disks {
            assert!(!disk.thaw(), "{what}: {} was frozen", disk.mount.display());
        }
    }

    /// Ends the guest, and shows the table.
    pub(crate) fn end(mut self, title: &str) {
        drop(self.host.take());
        assert_eq!(self.guest.end(), Some(0));
        self.none_frozen("at the end");
        assert!(self.foreign.thaw());
        self.table.print(title);
        for moment in [UNKNOWN, UNSETTLED] {
            let (all, some) = self.table.count(moment);
            assert!(some <= 1 + all / 25, "{some} of {all}{moment}: that is no matter of a moment");
        }
    }
}

fn describe(moment: Moment, stage: Stage) -> String {
    let so_far = match stage {
        Stage::Nothing => "nothing begun".to_owned(),
        Stage::Prepared => "prepared".to_owned(),
        Stage::Written(count) => format!("the data of {count} written"),
        Stage::Begun => "guarded".to_owned(),
        Stage::Attempting => "0 frozen, some being".to_owned(),
        Stage::Frozen(count) => format!("{count} frozen"),
        Stage::Thawed(count) => format!("{count} thawed"),
        Stage::Over => "the record removed".to_owned(),
    };
    match moment {
        Moment::Idle => "idle".to_owned(),
        Moment::Asked(_) | Moment::Freezing(_) => format!("asked to freeze: {so_far}"),
        Moment::Told => format!("host told frozen: {so_far}"),
        Moment::ThawAsked(_) | Moment::Thawing(_) => format!("host told frozen, asked to thaw: {so_far}"),
        Moment::Thawed => format!("host told that it is thawed: {so_far}"),
    }
}
