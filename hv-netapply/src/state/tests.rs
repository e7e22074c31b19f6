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
    state.journal(&transaction).unwrap();
    assert_eq!(state.transaction(GUID), Some(transaction));
    state.add_pending(&way_back(1)).unwrap();
    state.end(GUID).unwrap();
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
    let path = directory.path().join(format!("hv-netapply/journal/{GUID}.json"));
    fs::write(&path, "{\"phase\":").unwrap();
    assert_eq!(state.transaction(GUID), None);
    assert!(!path.exists());
    assert!(path.with_extension("damaged").exists());
}

#[test]
fn the_history_keeps_what_stands_and_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    state.note(&way_back(0).record).unwrap();
    for time in 1..MOST_RECORDS as u64 + 3 {
        state.settle(&way_back(time).record, Outcome::Failed, &"no lease".repeat(1000));
    }
    let history = state.history();
    assert_eq!(history.records.len(), MOST_RECORDS);
    assert_eq!(history.records[0].time, 0, "it stands");
    assert_eq!(history.records[1].time, 4);
    assert!(history.records[1].settled > 1_600_000_000_000_000);
    assert!(history.records[1].message.len() <= 1000);
}

#[test]
fn the_longest_history_is_read_by_hv_kvpd() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    let ip = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
    let plan = Plan {
        addressing: Addressing::Static(vec![Network { ip, prefix: 128 }; 64]),
        gateways: vec![ip; 5],
        dns: Some(vec![ip; 64]),
    };
    let mut record = way_back(0).record;
    record.injection = Injection { ipv4: plan.clone(), ipv6: plan, ..record.injection };
    for time in 0..MOST_RECORDS as u64 {
        state.settle(&Record { time, ..record.clone() }, Outcome::Failed, &"x".repeat(2000));
    }
    let file = directory.path().join("hv-netapply/history.json");
    assert!(fs::metadata(file).unwrap().len() < 1 << 20);
}

#[test]
fn ways_back_are_for_root_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    let undo = |time| Undo { back: way_back(time), left: String::new() };
    let undos: Vec<Undo> = (0..10).map(undo).collect();
    state.set_undos(GUID, &undos).unwrap();
    let path = directory.path().join("hv-netapply/undo");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(state.undos(GUID), undos[2..]);
    state.set_undos(GUID, &[]).unwrap();
    assert_eq!(state.undos(GUID), []);
}
