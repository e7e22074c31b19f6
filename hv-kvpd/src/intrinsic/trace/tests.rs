//! Ways through directories and symlinks.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

/// A directory for a test, by a path without symlinks.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    (directory, path)
}

/// The entries below `root` that a path leads through.
fn below(root: &Path, trace: &Trace) -> Vec<String> {
    let inside = |(directory, name): &(PathBuf, OsString)| {
        Some(directory.strip_prefix(root).ok()?.join(name).to_string_lossy().into_owned())
    };
    trace.steps.iter().filter_map(inside).collect()
}

#[test]
fn a_plain_path_is_each_of_its_directories() {
    let (_keep, root) = place();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/b/file"), "").unwrap();
    let way = trace(&root.join("a/./b/../b/file"));
    assert_eq!(below(&root, &way), ["a", "a/b", "a/b", "a/b/file"]);
    assert_eq!(way.end, Some(root.join("a/b/file")));
    assert_eq!(way.steps[0].0, Path::new("/"), "from the root on");
}

#[test]
fn it_ends_at_what_is_not_there() {
    let (_keep, root) = place();
    fs::write(root.join("file"), "").unwrap();
    for (path, steps) in [("none/b/c", &["none"][..]), ("file/b", &["file", "file/b"]), ("none", &["none"])] {
        let way = trace(&root.join(path));
        assert_eq!(
            (below(&root, &way), way.end),
            (steps.iter().map(ToString::to_string).collect(), None),
            "{path}"
        );
    }
}

#[test]
fn symlinks_are_steps_of_their_own() {
    let (_keep, root) = place();
    fs::create_dir_all(root.join("run/v1")).unwrap();
    fs::write(root.join("run/v1/key"), "").unwrap();
    symlink("v1", root.join("run/data")).unwrap();
    symlink("run/data/key", root.join("key")).unwrap();
    symlink(root.join("key"), root.join("absolute")).unwrap();
    let way = trace(&root.join("absolute"));
    assert_eq!(below(&root, &way), ["absolute", "key", "run", "run/data", "run/v1", "run/v1/key"]);
    assert_eq!(way.end, Some(root.join("run/v1/key")));
}

#[test]
fn a_ring_of_symlinks_comes_to_an_end() {
    let (_keep, root) = place();
    symlink("b", root.join("a")).unwrap();
    symlink("a", root.join("b")).unwrap();
    let way = trace(&root.join("a"));
    assert_eq!(way.end, None);
    assert!(below(&root, &way).len() <= MAX_LINKS + 1);
    symlink("deep/deep", root.join("deep")).unwrap();
    assert_eq!(trace(&root.join("deep")).end, None);
}
