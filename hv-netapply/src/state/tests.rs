use hv_utils_core::netapply::{Addressing, MOST_RECORDS, Network, Outcome, Plan};

use super::*;

const GUID: &str = "f8b3781a-1e82-4818-a1c3-63d806ec15bb";

fn way_back(time: u64) -> WayBack {
    let ip = "192.0.2.7".parse().unwrap();
    let injection = Injection {
        adapter: GUID.to_owned(),
        ipv4: Plan { addressing: Addressing::Static(vec![Network { ip, prefix: 24 }]), ..Plan::default() },
        ipv6: Plan::default(),
    };
    let record = Record {
        time,
        settled: time,
        interface: "eth0".to_owned(),
        backend: "netlink".to_owned(),
        injection,
        outcome: Outcome::Pending,
        message: String::new(),
    };
    let target =
        Target { interface: "eth0".to_owned(), index: 2, mac: String::new(), adapter: GUID.to_owned() };
    WayBack { target, backend: "netlink".to_owned(), snapshot: Snapshot::default(), record }
}

fn marked(directory: &Path) -> bool {
    directory.join("hv-netapply").join(RESUME).exists()
}

#[test]
fn the_mark_is_there_while_there_is_something_to_go_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    let transaction =
        Transaction { phase: Phase::Applying, pending: false, reverting: false, back: way_back(1) };
    state.begin(&transaction).unwrap();
    assert_eq!(state.transaction(), Some(transaction));
    state.add_pending(&way_back(1)).unwrap();
    state.end().unwrap();
    assert!(marked(directory.path()), "it is pending still");
    assert!(state.is_pending(&way_back(1)));
    assert!(!state.is_pending(&way_back(2)), "a later injection of the same adapter is another");
    state.drop_pending(GUID).unwrap();
    assert!(!marked(directory.path()));
}

#[test]
fn a_damaged_journal_is_put_aside() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    let path = directory.path().join("hv-netapply/transaction.json");
    fs::write(&path, "{\"phase\":").unwrap();
    assert_eq!(state.transaction(), None);
    assert!(!path.exists());
    assert!(path.with_extension("damaged").exists());
}

#[test]
fn the_history_keeps_the_last_and_changes_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    for time in 0..MOST_RECORDS as u64 + 3 {
        state.note(&way_back(time).record).unwrap();
    }
    let settled = state.settle(&way_back(5).record, Outcome::Failed, "no lease");
    let history = state.history();
    assert_eq!(history.records.len(), MOST_RECORDS);
    assert_eq!(history.records.first().map(|record| record.time), Some(3));
    assert_eq!(history.records[2], settled);
    assert!(settled.settled > 1_600_000_000_000_000);
}

#[test]
fn ways_back_are_for_root_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    state.set_undo(&way_back(1)).unwrap();
    let path = directory.path().join("hv-netapply/undo");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(state.undo(GUID), Some(way_back(1)));
    state.drop_undo(GUID).unwrap();
    assert_eq!(state.undo(GUID), None);
}
