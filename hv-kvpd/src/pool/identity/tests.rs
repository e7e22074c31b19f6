//! Reading, comparing and remembering identities; what counts as telemetry of this boot.

use super::*;

const UUID: &str = "4c4c4544-0034-3510-8052-b4c04f4e5a31";
const ID: &str = "3d1219c7c4c5404aaa1f6d2a48adfda4";

fn machine(uuid: Option<&str>, machine_id: Option<&str>) -> (tempfile::TempDir, Identity) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = PoolOptions::new(dir.path(), dir.path());
    options.sysfs_root = dir.path().join("sys");
    options.etc_root = dir.path().join("etc");
    std::fs::create_dir_all(options.sysfs_root.join("class/dmi/id")).unwrap();
    std::fs::create_dir_all(&options.etc_root).unwrap();
    if let Some(uuid) = uuid {
        std::fs::write(options.sysfs_root.join("class/dmi/id/product_uuid"), uuid).unwrap();
    }
    if let Some(id) = machine_id {
        std::fs::write(options.etc_root.join("machine-id"), id).unwrap();
    }
    let identity = Identity::current(&options);
    (dir, identity)
}

#[test]
fn both_parts_are_read_and_case_does_not_matter() {
    let (_dir, upper) = machine(Some(&format!("{}\n", UUID.to_uppercase())), Some(&format!("{ID}\n")));
    let (_dir, lower) = machine(Some(UUID), Some(ID));
    assert_eq!(upper, lower);
    assert_eq!(upper, Identity { uuid: Some(UUID.to_owned()), machine_id: Some(ID.to_owned()) });
}

#[test]
fn what_says_nothing_is_unknown() {
    for text in ["", "\n", "uninitialized\n", "0000"] {
        assert_eq!(machine(None, Some(text)).1, Identity::default(), "{text:?}");
    }
    for text in
        ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "Not Specified"]
    {
        assert_eq!(machine(Some(text), None).1, Identity::default(), "{text:?}");
    }
}

#[test]
fn only_parts_known_of_both_can_differ() {
    let full = machine(Some(UUID), Some(ID)).1;
    let other_uuid = machine(Some(&UUID.replace('4', "5")), Some(ID)).1;
    let other_id = machine(Some(UUID), Some(&ID.replace('4', "5"))).1;
    assert_eq!(full.difference(&full), None);
    assert_eq!(full.difference(&other_uuid), Some("SMBIOS UUID"));
    assert_eq!(full.difference(&other_id), Some("machine-id"));
    assert_eq!(full.difference(&machine(None, Some(ID)).1), None);
    assert_eq!(full.difference(&Identity::default()), None);
    assert_eq!(machine(Some(UUID), None).1.difference(&machine(None, Some(ID)).1), None);
}

#[test]
fn a_stamp_is_remembered_and_completed() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep/state");
    assert_eq!(Identity::remembered(&state), None);
    let half = machine(None, Some(ID)).1;
    half.remember(&state).unwrap();
    assert_eq!(Identity::remembered(&state), Some(half.clone()));
    let full = machine(Some(UUID), None).1.or(Some(half));
    full.remember(&state).unwrap();
    assert_eq!(Identity::remembered(&state), Some(machine(Some(UUID), Some(ID)).1));
    assert_eq!(
        std::fs::read_to_string(state.join("identity")).unwrap(),
        format!("uuid={UUID}\nmachine-id={ID}\n")
    );
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "no unfinished file is left");
}

#[test]
fn a_stamp_that_makes_no_sense_is_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("identity"), [0xff, 0, 3]).unwrap();
    assert_eq!(Identity::remembered(dir.path()), None);
    std::fs::write(dir.path().join("identity"), "something else\n").unwrap();
    assert_eq!(Identity::remembered(dir.path()), None);
}

#[test]
fn boot_facts_come_from_procfs() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("sys/kernel/random")).unwrap();
    assert_eq!((boot_time(dir.path()), boot_id(dir.path())), (None, [0; 16]));
    std::fs::write(dir.path().join("stat"), "cpu  1 2 3\nintr 5\nbtime 1763780000\nprocesses 9\n").unwrap();
    std::fs::write(dir.path().join("sys/kernel/random/boot_id"), "24ce1af9-1e0d-4823-a332-0480b343264e\n")
        .unwrap();
    assert_eq!(boot_time(dir.path()), Some(1_763_780_000));
    let id = boot_id(dir.path());
    assert_eq!((id[0], id[1], id[15]), (0x24, 0xce, 0x4e));
}

#[test]
fn fresh_telemetry_is_cloud_inits_of_this_boot_only() {
    let at = |start: i64| format!("CLOUD_INIT|{start}|start|modules|uuid");
    let boot = Some(1_000_000);
    assert!(is_fresh_telemetry(at(1_000_000).as_bytes(), boot));
    assert!(is_fresh_telemetry(at(999_990).as_bytes(), boot));
    assert!(!is_fresh_telemetry(at(999_989).as_bytes(), boot));
    assert!(!is_fresh_telemetry(at(1_000_000).as_bytes(), None));
    for key in ["CLOUD_INIT|1000000", "CLOUD_INIT|later|x", "cloud_init|1000000|x", "HostName", ""] {
        assert!(!is_fresh_telemetry(key.as_bytes(), boot), "{key}");
    }
}
