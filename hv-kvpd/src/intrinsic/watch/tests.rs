//! Files that change in every way that files change in.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;

/// A file that nobody has ever written to: of one that was, another test's child may hold a copy of the descriptor until
/// it has become another program, so that it is closed (an event) only then, whoever watches by then.
fn make(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::RegularFile, 0o644.into(), 0).unwrap();
}

struct Place {
    root: PathBuf,
    watcher: Watcher,
    subjects: Vec<Subject>,
    _keep: tempfile::TempDir,
}

impl Place {
    /// A directory `etc` with a file `hosts`, which is followed as NAMES, and `d`, as a directory of items.
    fn new() -> Place {
        let keep = tempfile::tempdir().unwrap();
        let root = keep.path().canonicalize().unwrap();
        fs::create_dir(root.join("etc")).unwrap();
        make(&root.join("etc/hosts"));
        let subjects = vec![
            Subject::file(root.join("etc/hosts"), Sources::NAMES),
            Subject::entries(root.join("etc/d"), Sources::DROP_INS),
        ];
        let mut place = Place { root, watcher: Watcher::new().unwrap(), subjects, _keep: keep };
        place.arm();
        place
    }

    fn arm(&mut self) {
        assert_eq!(self.watcher.arm(&self.subjects), None);
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Waits until `source` is touched and follows as the pool does. The limit only turns a hang into a failure.
    async fn touched(&mut self, source: Sources, what: &str) {
        let wait = async {
            loop {
                self.watcher.readable().await;
                let touched = self.watcher.drain();
                if touched.structure {
                    self.arm();
                }
                if touched.sources.has(source) {
                    break;
                }
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "not seen: {what}");
    }

    /// What has happened up to now: everything before a last event that is certain to be seen.
    async fn until_now(&mut self) -> Sources {
        fs::write(self.at("etc/mark"), "x").unwrap();
        self.subjects.push(Subject::file(self.at("etc/mark"), Sources::OS_RELEASE));
        self.arm();
        fs::write(self.at("etc/mark"), "y").unwrap();
        let mut all = Sources::NONE;
        let wait = async {
            while !all.has(Sources::OS_RELEASE) {
                self.watcher.readable().await;
                all |= self.watcher.drain().sources;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "the mark is not seen");
        all
    }
}

#[tokio::test]
async fn a_file_is_seen_however_it_changes() {
    let mut place = Place::new();
    fs::write(place.at("etc/hosts"), "written").unwrap();
    place.touched(Sources::NAMES, "written in place").await;
    fs::write(place.at("etc/hosts.new"), "renamed").unwrap();
    fs::rename(place.at("etc/hosts.new"), place.at("etc/hosts")).unwrap();
    place.touched(Sources::NAMES, "replaced").await;
    fs::rename(place.at("etc/hosts"), place.at("etc/hosts.old")).unwrap();
    place.touched(Sources::NAMES, "moved away").await;
    fs::hard_link(place.at("etc/hosts.old"), place.at("etc/hosts")).unwrap();
    place.touched(Sources::NAMES, "linked").await;
    fs::remove_file(place.at("etc/hosts")).unwrap();
    place.touched(Sources::NAMES, "removed").await;
    fs::write(place.at("etc/hosts"), "").unwrap();
    place.touched(Sources::NAMES, "created empty").await;
}

#[tokio::test]
async fn other_files_beside_it_do_not_count() {
    let mut place = Place::new();
    fs::write(place.at("etc/passwd"), "x").unwrap();
    fs::remove_file(place.at("etc/passwd")).unwrap();
    fs::write(place.at("etc/hosts.new"), "x").unwrap();
    assert_eq!(place.until_now().await, Sources::OS_RELEASE);
}

#[tokio::test]
async fn reading_is_no_change() {
    let mut place = Place::new();
    fs::read(place.at("etc/hosts")).unwrap();
    assert_eq!(place.until_now().await, Sources::OS_RELEASE);
}

#[tokio::test]
async fn a_file_being_born_counts_when_there_is_something_in_it() {
    use std::io::Write;
    let mut place = Place::new();
    fs::create_dir(place.at("etc/d")).unwrap();
    place.touched(Sources::DROP_INS, "directory").await;
    let mut file = fs::File::create(place.at("etc/d/key")).unwrap();
    assert_eq!(place.until_now().await, Sources::OS_RELEASE, "created, and nothing in it yet");
    file.write_all(b"value").unwrap();
    drop(file);
    place.touched(Sources::DROP_INS, "written").await;
}

#[tokio::test]
async fn directories_may_come_go_and_be_replaced() {
    let mut place = Place::new();
    for round in 0..3 {
        fs::create_dir(place.at("etc/d")).unwrap();
        place.touched(Sources::DROP_INS, "created").await;
        fs::write(place.at("etc/d/key"), format!("{round}")).unwrap();
        place.touched(Sources::DROP_INS, "an item").await;
        fs::remove_file(place.at("etc/d/key")).unwrap();
        place.touched(Sources::DROP_INS, "no item").await;
        fs::remove_dir(place.at("etc/d")).unwrap();
        place.touched(Sources::DROP_INS, "removed").await;
    }
    fs::create_dir_all(place.at("new/d")).unwrap();
    make(&place.at("new/hosts"));
    make(&place.at("key"));
    fs::rename(place.at("etc"), place.at("old")).unwrap();
    place.touched(Sources::NAMES | Sources::DROP_INS, "its parent moved away").await;
    fs::rename(place.at("new"), place.at("etc")).unwrap();
    place.touched(Sources::NAMES | Sources::DROP_INS, "another in its place").await;
    fs::rename(place.at("key"), place.at("etc/d/key")).unwrap();
    place.touched(Sources::DROP_INS, "an item there").await;
    fs::write(place.at("old/hosts"), "x").unwrap();
    assert_eq!(place.until_now().await, Sources::OS_RELEASE, "the old one does not count any more");
}

#[tokio::test]
async fn files_that_can_be_no_items_do_not_count() {
    let mut place = Place::new();
    fs::create_dir(place.at("etc/d")).unwrap();
    place.touched(Sources::DROP_INS, "directory").await;
    for name in [".key.swp", "key~", "key.bak", "key.dpkg-new"] {
        fs::write(place.at("etc/d").join(name), "x").unwrap();
    }
    assert_eq!(place.until_now().await, Sources::OS_RELEASE);
}

#[tokio::test]
async fn what_a_symlink_leads_through_is_followed() {
    let mut place = Place::new();
    fs::create_dir_all(place.at("run/v1")).unwrap();
    fs::create_dir_all(place.at("run/v2")).unwrap();
    fs::write(place.at("run/v1/hosts"), "1").unwrap();
    symlink("v1", place.at("run/data")).unwrap();
    fs::remove_file(place.at("etc/hosts")).unwrap();
    place.touched(Sources::NAMES, "removed").await;
    symlink("../run/data/hosts", place.at("etc/hosts")).unwrap();
    place.touched(Sources::NAMES, "linked").await;
    fs::write(place.at("run/v1/hosts"), "written").unwrap();
    place.touched(Sources::NAMES, "written behind it").await;
    symlink("v2", place.at("run/next")).unwrap();
    fs::rename(place.at("run/next"), place.at("run/data")).unwrap();
    place.touched(Sources::NAMES, "set to lead elsewhere").await;
    make(&place.at("made"));
    fs::rename(place.at("made"), place.at("run/v2/hosts")).unwrap();
    place.touched(Sources::NAMES, "put there").await;
    fs::write(place.at("run/v1/hosts"), "x").unwrap();
    assert_eq!(place.until_now().await, Sources::OS_RELEASE, "where it led before does not count");
}

#[tokio::test]
async fn watches_are_only_for_what_is_followed_now() {
    let mut place = Place::new();
    let usual = place.watcher.watches.len();
    for _ in 0..50 {
        fs::create_dir(place.at("etc/d")).unwrap();
        place.touched(Sources::DROP_INS, "created").await;
        assert_eq!(place.watcher.watches.len(), usual + 1);
        fs::rename(place.at("etc/d"), place.at("away")).unwrap();
        place.touched(Sources::DROP_INS, "moved away").await;
        assert_eq!(place.watcher.watches.len(), usual);
        fs::remove_dir(place.at("away")).unwrap();
    }
}
