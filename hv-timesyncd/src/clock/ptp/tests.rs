use super::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

const HOST: i64 = 1_767_225_600_000_000_000;

/// Raw times from a list; the real time is 5000 ahead of the last one but for what the list adds.
struct Script {
    raw: RefCell<VecDeque<i64>>,
    last: Cell<i64>,
}

impl Script {
    fn new(raw: &[i64]) -> Self {
        Self { raw: RefCell::new(raw.iter().copied().collect()), last: Cell::new(0) }
    }
}

impl Clocks for Script {
    fn raw(&self) -> i64 {
        self.last.set(self.raw.borrow_mut().pop_front().unwrap());
        self.last.get()
    }

    fn real(&self) -> i64 {
        self.last.get() + 5000
    }
}

#[test]
fn of_five_looks_the_narrowest_counts_and_real_time_is_that_of_the_hosts_moment() {
    let clocks = Script::new(&[0, 40, 60, 100, 150, 190, 200, 220, 230, 300, 320, 350, 400, 440, 470]);
    let mut host = 0..;
    let reading = narrowest(&clocks, || Ok(HOST + host.next().unwrap())).unwrap();
    // The third: the host between 200 and 220, real time (5220) between 220 and 230.
    let received = Reading { raw: 210, real: 5205, width: 30 };
    assert_eq!(reading, PtpReading { host: HOST + 2, received });
    assert!(clocks.raw.borrow().is_empty(), "there were five looks");
}

#[test]
fn a_sample_that_is_too_old_and_a_clock_that_is_gone_can_be_told_apart() {
    let error = |errno| narrowest(&Script::new(&[0; 15]), || Err(errno)).unwrap_err();
    assert!(matches!(error(Errno::STALE), PtpError::Stale));
    assert!(matches!(error(Errno::NODEV), PtpError::Gone));
    assert!(
        matches!(error(Errno::INVAL), PtpError::Other(error) if error.kind() == io::ErrorKind::InvalidInput)
    );
}

#[test]
fn a_clock_that_goes_in_the_midst_of_the_looks_is_gone() {
    let mut left = 3;
    let host = || {
        left -= 1;
        if left > 0 { Ok(HOST) } else { Err(Errno::NODEV) }
    };
    assert!(matches!(narrowest(&Script::new(&[0; 15]), host), Err(PtpError::Gone)));
}

#[test]
fn before_the_first_sample_there_is_no_time() {
    let read = |host| narrowest(&Script::new(&[0; 15]), || Ok(host));
    assert_eq!(NO_SAMPLE, 6_802_270_473_709_551_616);
    // A machine of five minutes; one of a year under a kernel that knows no limit; a time before 1970.
    for host in [NO_SAMPLE, NO_SAMPLE + 300_000_000_000, NO_SAMPLE + 31_557_600_000_000_000, -1, 0] {
        assert!(matches!(read(host), Err(PtpError::Stale)), "{host}");
    }
    assert_eq!(read(NO_SAMPLE - 1).unwrap().host, NO_SAMPLE - 1);
}

/// `sys` and `dev` with PTP clocks of these names, of which those with a node are told.
fn machine(clocks: &[(&str, bool)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("sys/class/ptp")).unwrap();
    fs::create_dir(root.path().join("dev")).unwrap();
    for (number, (name, node)) in clocks.iter().enumerate() {
        let directory = root.path().join(format!("sys/class/ptp/ptp{number}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("clock_name"), format!("{name}\n")).unwrap();
        if *node {
            fs::write(root.path().join(format!("dev/ptp{number}")), "").unwrap();
        }
    }
    root
}

fn found(root: &TempDir) -> Option<String> {
    let node = look(&root.path().join("sys"), &root.path().join("dev"))?;
    Some(node.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned())
}

#[test]
fn among_several_clocks_the_hosts_is_the_one_with_its_name() {
    let root = machine(&[("mlx5_p2p", true), ("hyperv", true), ("KVM virtual PTP", true)]);
    assert_eq!(found(&root).as_deref(), Some("dev/ptp1"));
}

#[test]
fn the_node_counts_where_the_link_leads_to_another_clock() {
    let root = machine(&[("hyperv", true), ("mlx5_p2p", true)]);
    symlink("ptp1", root.path().join("dev/ptp_hyperv")).unwrap();
    assert_eq!(found(&root).as_deref(), Some("dev/ptp0"));
}

#[test]
fn without_a_clock_of_the_host_there_is_none_even_if_a_link_was_left_behind() {
    let root = machine(&[("mlx5_p2p", true), ("hyperv2", true)]);
    symlink("ptp0", root.path().join("dev/ptp_hyperv")).unwrap();
    assert_eq!(found(&root), None);
    assert_eq!(look(Path::new("/nonexistent"), &root.path().join("dev")), None);
}

#[test]
fn the_link_does_where_the_node_has_another_name() {
    let root = machine(&[("hyperv", false)]);
    assert_eq!(found(&root), None);
    fs::write(root.path().join("dev/other"), "").unwrap();
    symlink("other", root.path().join("dev/ptp_hyperv")).unwrap();
    assert_eq!(found(&root).as_deref(), Some("dev/ptp_hyperv"));
}

#[test]
fn a_node_that_has_gone_is_gone() {
    assert!(matches!(PtpClock::open(Path::new("/nonexistent/ptp0")), Err(PtpError::Gone)));
}

#[test]
fn a_file_that_is_no_clock_cannot_be_read_as_one() {
    let root = machine(&[("hyperv", true)]);
    let clock = PtpClock::open(&root.path().join("dev/ptp0")).unwrap();
    let error = clock.read().unwrap_err();
    assert!(
        matches!(&error, PtpError::Other(error) if error.kind() == io::ErrorKind::InvalidInput),
        "{error}"
    );
}
