//! Pools that came along with a disk image.

use super::*;

const UUIDS: [&str; 2] = ["4c4c4544-0034-3510-8052-b4c04f4e5a31", "ec2e1916-9099-7caf-fd21-012345abcdef"];
const IDS: [&str; 2] = ["3d1219c7c4c5404aaa1f6d2a48adfda4", "00112233445566778899aabbccddeeff"];
const BOOTED: i64 = 1_763_780_000;

impl Place {
    /// Makes the place look like this machine, booted at [`BOOTED`].
    fn on_machine(mut self, uuid: Option<usize>, id: Option<usize>) -> Place {
        let write = |path: std::path::PathBuf, text: Option<&str>| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text {
                Some(text) => std::fs::write(path, text).unwrap(),
                None => drop(std::fs::remove_file(path)),
            }
        };
        write(self.options.sysfs_root.join("class/dmi/id/product_uuid"), uuid.map(|i| UUIDS[i]));
        write(self.options.etc_root.join("machine-id"), id.map(|i| IDS[i]));
        self.options.proc_root = self.dir.path().join("proc");
        write(self.options.proc_root.join("stat"), Some(&format!("btime {BOOTED}\n")));
        self
    }

    fn fill(self) -> Place {
        let telemetry = |start: i64| format!("CLOUD_INIT|{start}|start|init-local|uuid");
        for pool in Pool::ALL {
            let mut records = pairs(&[("answer", pool.name())]);
            records.push((telemetry(BOOTED - 5000), "old".to_owned()));
            records.push((telemetry(BOOTED + 1), "new".to_owned()));
            std::fs::write(self.path(pool), file(&records)).unwrap();
        }
        self
    }

    fn copies(&self) -> usize {
        std::fs::read_dir(self.options.state_dir.join("cloned")).map_or(0, Iterator::count)
    }
}

fn keys(set: &PoolSet, pool: Pool) -> Vec<String> {
    list(set, pool).into_iter().map(|item| item.0).collect()
}

#[test]
fn the_first_start_adopts_and_reboots_keep_everything() {
    let place = Place::new().on_machine(Some(0), Some(0)).fill();
    for _ in 0..3 {
        let (set_, reports) = place.open();
        assert_eq!(reports, []);
        assert_eq!(set_.len(Pool::Guest), 3);
    }
    assert_eq!(place.copies(), 0);
}

#[test]
fn another_machine_gets_none_of_it_but_this_boots_telemetry() {
    for (uuid, id, part) in [(1, 0, "SMBIOS UUID"), (0, 1, "machine-id"), (1, 1, "SMBIOS UUID")] {
        let place = Place::new().on_machine(Some(0), Some(0)).fill();
        drop(place.open());
        let before = place.bytes(Pool::Guest);
        let place = place.on_machine(Some(uuid), Some(id));
        let (set_, reports) = place.open();
        assert_eq!(kinds(&reports), [ReportKind::Cloned; 5]);
        assert!(reports[0].text.contains(part), "{}", reports[0]);
        for pool in Pool::ALL {
            assert_eq!(keys(&set_, pool), ["CLOUD_INIT|1763780001|start|init-local|uuid"]);
            assert_eq!(items(&place.bytes(pool)).len(), 1);
        }
        assert_eq!(place.copies(), 5);
        let copy = std::fs::read_dir(place.options.state_dir.join("cloned")).unwrap();
        let mut copy = copy.map(|entry| entry.unwrap().path());
        let copy = copy.find(|path| path.to_str().unwrap().contains("pool_1-")).unwrap();
        assert_eq!(std::fs::read(copy).unwrap(), before);
        drop(set_);
        let (set_, reports) = place.open();
        assert_eq!(reports, [], "told and done once");
        assert_eq!(set_.len(Pool::Guest), 1);
    }
}

#[test]
fn a_part_that_cannot_be_read_changes_nothing_and_is_not_forgotten() {
    let place = Place::new().on_machine(Some(0), Some(0)).fill();
    drop(place.open());
    let place = place.on_machine(None, Some(0));
    assert_eq!(place.open().1, []);
    let place = place.on_machine(None, None);
    assert_eq!(place.open().1, []);
    let place = place.on_machine(Some(1), None);
    assert_eq!(kinds(&place.open().1), [ReportKind::Cloned; 5]);
}

#[test]
fn a_part_known_later_is_added_to_the_stamp() {
    let place = Place::new().on_machine(None, Some(0)).fill();
    drop(place.open());
    let place = place.on_machine(Some(0), Some(0));
    assert_eq!(place.open().1, []);
    let place = place.on_machine(Some(1), None);
    assert_eq!(kinds(&place.open().1), [ReportKind::Cloned; 5]);
}

#[test]
fn an_interrupted_clearing_is_done_again() {
    let place = Place::new().on_machine(Some(0), Some(0)).fill();
    drop(place.open());
    let place = place.on_machine(Some(1), Some(1));
    // Pool 0 was cleared already when the power went; the stamp is still the old one.
    std::fs::write(place.path(Pool::External), b"").unwrap();
    let (set_, reports) = place.open();
    assert_eq!(reports.len(), 4);
    assert!(Pool::ALL.iter().all(|&pool| set_.get(pool, "answer").is_none()));
    drop(set_);
    assert_eq!(place.open().1, []);
}

#[test]
fn a_stamp_that_cannot_be_written_is_told_and_no_reason_to_stop() {
    let place = Place::new().on_machine(Some(0), Some(0)).fill();
    std::fs::write(&place.options.state_dir, b"in the way").unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::State]);
    assert_eq!(set_.len(Pool::Guest), 3);
}

#[test]
fn what_cannot_be_cleared_is_not_served_either() {
    let place = Place::new().on_machine(Some(0), Some(0)).fill();
    drop(place.open());
    // The copies have no place, so nothing may be cleared.
    std::fs::write(place.options.state_dir.join("cloned"), b"in the way").unwrap();
    let place = place.on_machine(Some(1), Some(0));
    for _ in 0..2 {
        let (set_, reports) = place.open();
        assert_eq!(kinds(&reports), [ReportKind::Hidden; 5]);
        append(&place.path(Pool::Guest), &one("later", "1"));
        refresh(&set_, Pool::Guest);
        assert!(Pool::ALL.iter().all(|&pool| set_.is_empty(pool)));
        assert!(submit(&set_, set(Pool::Guest, "k", "v")).result.is_err());
    }
    assert_eq!(items(&place.bytes(Pool::Guest)).len(), 5);
    std::fs::remove_file(place.options.state_dir.join("cloned")).unwrap();
    assert_eq!(kinds(&place.open().1), [ReportKind::Cloned; 5]);
    assert_eq!(place.copies(), 5);
}
