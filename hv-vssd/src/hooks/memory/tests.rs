//! What is remembered is what was written, in this boot.

use super::*;

#[test]
fn names_of_several_lines_are_remembered_and_the_file_has_one_a_line() {
    let kept = tempfile::tempdir().unwrap();
    let memory = Memory::new(kept.path(), "boot");
    assert_eq!(memory.read(), None);
    let names = ["10-a", "30\nline", "\\n", "40-\u{e9} \""].map(str::to_owned).to_vec();
    memory.write(&names[..1]).unwrap();
    assert_eq!(fs::read_to_string(kept.path().join(NAME)).unwrap(), "boot\n\"10-a\"\n");
    memory.write(&names).unwrap();
    assert_eq!(memory.read(), Some(names));
    assert_eq!(fs::read_to_string(kept.path().join(NAME)).unwrap().lines().count(), 5);
    memory.forget();
    memory.forget();
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[test]
fn what_another_boot_has_left_says_nothing() {
    let kept = tempfile::tempdir().unwrap();
    Memory::new(kept.path(), "one").write(&["1".to_owned()]).unwrap();
    assert_eq!(Memory::new(kept.path(), "another").read(), None);
}

#[test]
fn a_file_that_says_nothing_is_none() {
    let kept = tempfile::tempdir().unwrap();
    for text in ["", "boot", "boot\n"] {
        fs::write(kept.path().join(NAME), text).unwrap();
        assert_eq!(Memory::new(kept.path(), "boot").read(), None);
    }
}
