//! The code goes, and comes back.

use super::*;

/// Resident kilobytes of the mapping our code is in.
fn resident() -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let start = format!("{:x}-", own_code(&maps).unwrap().start);
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mapping = smaps.lines().skip_while(|line| !line.starts_with(&start));
    let rss = mapping.skip(1).find_map(|line| line.strip_prefix("Rss:")).unwrap();
    rss.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn code_is_unmapped_and_runs_on() {
    let before = resident();
    forget_start_code().unwrap();
    let after = resident();
    assert!(after < before, "{before} kB before, {after} kB after");
}

#[test]
fn mapping_that_could_have_been_written_to_is_left_alone() {
    let here = forget_start_code as *const () as usize;
    let line = |permissions| format!("{:x}-{:x} {permissions} 00000000 fe:00 1 /x", here - 1, here + 1);
    assert_eq!(own_code(&line("r-xp")), Some(here - 1..here + 1));
    for permissions in ["rwxp", "rw-p", "r--p", "r-xs"] {
        assert_eq!(own_code(&line(permissions)), None, "{permissions}");
    }
    assert_eq!(own_code("nonsense\n"), None);
}
