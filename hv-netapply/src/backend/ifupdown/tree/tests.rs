use super::*;
use crate::backend::tests_support::{put, roots};

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[test]
fn files_are_read_where_they_are_sourced() {
    let (_kept, roots) = roots();
    let network = roots.etc.join("network");
    let main = "a\nsource /etc/network/interfaces.d/*.cfg more\nb\nsource-directory interfaces.d\nc\n";
    put(&network.join("interfaces"), main);
    put(&network.join("interfaces.d/1.cfg"), "one\nsource /etc/network/interfaces");
    put(&network.join("interfaces.d/.2.cfg"), "hidden\n");
    put(&network.join("interfaces.d/plain"), "plain\n");
    put(&network.join("interfaces.d/not.this"), "no\n");
    put(&network.join("more"), "more\n");
    let tree = walk(&roots, None, &read);
    assert_eq!(tree.flat, "a\none\nmore\nb\nplain\nc\n");
    assert_eq!(tree.files.len(), 4);
    assert!(tree.would_read(&network.join("interfaces.d/hv-utils-eth0")));
    assert!(!tree.would_read(&network.join("interfaces.d/hv-utils-eth0.7")));
    // A file that is not there yet, as it will be.
    let new = network.join("interfaces.d/new");
    let with =
        walk(&roots, Some(&new), &|path| if path == new { Some("new\n".to_owned()) } else { read(path) });
    assert_eq!(with.flat, "a\none\nmore\nb\nnew\nplain\nc\n");
    assert_eq!(walk(&roots, None, &|_| None), Tree::default());
}
