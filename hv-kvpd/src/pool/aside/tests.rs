//! Copies: complete, once per damage, bounded in number.

use super::*;

fn source(dir: &Path, bytes: &[u8]) -> DiskFile {
    let path = dir.join("source");
    std::fs::write(&path, bytes).unwrap();
    DiskFile::new(std::fs::File::open(path).unwrap().into())
}

#[test]
fn a_copy_is_the_same_bytes_and_has_the_name_of_its_pool() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    let aside = Aside::new(dir.path(), "damaged");
    let path = aside.keep(Pool::Guest, &source(dir.path(), &bytes), 0xabc).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("pool_1-") && name.ends_with("-0000000000000abc"), "{name}");
    assert_eq!(path.parent().unwrap(), dir.path().join("damaged"));
}

#[test]
fn the_same_damage_is_kept_once_even_by_another_life() {
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path(), b"damaged");
    let first = Aside::new(dir.path(), "damaged").keep(Pool::Guest, &file, 1).unwrap();
    let again = Aside::new(dir.path(), "damaged").keep(Pool::Guest, &file, 1).unwrap();
    assert_eq!(first, again);
    assert_eq!(std::fs::read_dir(dir.path().join("damaged")).unwrap().count(), 1);
}

#[test]
fn only_the_latest_five_of_a_pool_stay() {
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path(), b"damaged");
    let aside = Aside::new(dir.path(), "damaged");
    aside.keep(Pool::External, &file, 99).unwrap();
    let kept: Vec<_> = (0..8).map(|digest| aside.keep(Pool::Guest, &file, digest).unwrap()).collect();
    assert_eq!(aside.copies(Pool::Guest).unwrap(), kept[3..]);
    assert_eq!(aside.copies(Pool::External).unwrap().len(), 1);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path(), b"damaged");
    std::fs::write(dir.path().join("state"), b"not a directory").unwrap();
    let error = Aside::new(&dir.path().join("state"), "damaged").keep(Pool::Guest, &file, 1).unwrap_err();
    assert!(error.to_string().contains("state/damaged"), "{error}");
}
