//! os-release files as distributions ship them, and as they should not be.

use super::*;

fn value(assignment: &str) -> Option<String> {
    let os = OsRelease::parse(format!("NAME=before\nNAME={assignment}\n").as_bytes());
    (os.name != "before").then_some(os.name)
}

#[test]
fn values_are_read_as_a_shell_would() {
    for (text, expected) in [
        ("Debian", "Debian"),
        ("\"Debian GNU/Linux\"", "Debian GNU/Linux"),
        ("'Debian GNU/Linux'", "Debian GNU/Linux"),
        ("", ""),
        ("\"\"", ""),
        ("''", ""),
        (r#""a \"quoted\" \\ \$name \` end""#, r#"a "quoted" \ $name ` end"#),
        (r#""kept: \n \x""#, r"kept: \n \x"),
        (r"'no \escapes $here'", r"no \escapes $here"),
        (r"bare\ blank", "bare blank"),
        ("Debian GNU/Linux", "Debian GNU/Linux"),
        ("\"Debian\"   ", "Debian"),
        ("\"Debian\" # a comment", "Debian"),
        ("\"Gr\u{fc}n\"", "Gr\u{fc}n"),
        ("a=b", "a=b"),
        ("\"x\"\r", "x"),
    ] {
        assert_eq!(value(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_a_shell_would_not_take_is_passed_over() {
    for text in [
        "\"open",
        "'open",
        "\"a\"b",
        "\"a\"'b'",
        "\"a\"#b",
        "a\"b\"",
        "a'b",
        "end\\",
        "\"end\\",
        "\"a\u{1b}[31m\"",
        "a\u{0}b",
    ] {
        assert_eq!(value(text), None, "{text:?}");
    }
}

#[test]
fn the_last_assignment_counts_and_other_lines_do_not() {
    let content = b"\n# NAME=comment\nNAME=first\nnonsense\nNAME = blank\nOTHER_NAME=x\nXNAME=y\n=z\n\xff\xfe=\nNAME=last\n#\nID=debian";
    let os = OsRelease::parse(content);
    assert_eq!((os.name.as_str(), os.id.as_str()), ("last", "debian"), "also without a newline at the end");
}

#[test]
fn distributions_are_recognised() {
    let cases: [(&str, [&str; 4], Option<&str>); 6] = [
        (
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n",
            ["Debian GNU/Linux", "12", "", ""],
            None,
        ),
        (
            "NAME=\"Fedora Linux\"\nVERSION=\"41 (Server Edition)\"\nID=fedora\nVERSION_ID=41\nVARIANT=\"Server Edition\"\nVARIANT_ID=server\nVENDOR_NAME=\"Fedora Project\"\n",
            ["Fedora Linux", "41", "server", "Fedora Project"],
            None,
        ),
        (
            "NAME=\"SLES\"\nVERSION=\"15-SP5\"\nVERSION_ID=\"15.5\"\nID=\"sles\"\nID_LIKE=\"suse\"\n",
            ["SLES", "15.5", "", ""],
            Some("5"),
        ),
        ("NAME=\"SLES\"\nVERSION=\"15\"\nVERSION_ID=\"15\"\nID=\"sles\"\n", ["SLES", "15", "", ""], None),
        ("NAME=Arch\nID=arch\nVERSION=x-SP9\n", ["Arch", "", "", ""], None),
        ("NAME=SLES\nID=sles\nVERSION=15-SPx\n", ["SLES", "", "", ""], None),
    ];
    for (content, [name, version_id, variant_id, vendor_name], pack) in cases {
        let os = OsRelease::parse(content.as_bytes());
        let read = [&os.name, &os.version_id, &os.variant_id, &os.vendor_name].map(String::as_str);
        assert_eq!(read, [name, version_id, variant_id, vendor_name]);
        assert_eq!(os.service_pack(), pack, "{name}");
    }
}

#[test]
fn the_vendors_file_counts_where_the_administrators_is_not() {
    let root = tempfile::tempdir().unwrap();
    let etc = root.path().join("etc");
    std::fs::create_dir_all(root.path().join("usr/lib")).unwrap();
    std::fs::create_dir(&etc).unwrap();
    assert_eq!(read(&etc), Err(Errno::NOENT));
    std::fs::write(root.path().join("usr/lib/os-release"), "NAME=vendor\n").unwrap();
    assert_eq!(read(&etc).unwrap().name, "vendor");
    std::fs::write(etc.join("os-release"), "NAME=own\n").unwrap();
    assert_eq!(read(&etc).unwrap().name, "own");
    std::fs::remove_file(etc.join("os-release")).unwrap();
    std::os::unix::fs::symlink("../usr/lib/os-release", etc.join("os-release")).unwrap();
    assert_eq!(read(&etc).unwrap().name, "vendor");
}

#[test]
fn a_directory_or_a_pipe_in_its_place_is_no_file_and_does_not_hang() {
    let root = tempfile::tempdir().unwrap();
    let etc = root.path().join("etc");
    std::fs::create_dir_all(etc.join("os-release")).unwrap();
    assert_eq!(read(&etc), Err(Errno::ISDIR));
    std::fs::remove_dir(etc.join("os-release")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, etc.join("os-release"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert_eq!(read(&etc), Err(Errno::INVAL));
}

#[test]
fn only_the_beginning_of_a_huge_file_is_read() {
    let root = tempfile::tempdir().unwrap();
    let mut content = "NAME=first\n".to_owned();
    content.push_str(&"#".repeat(70_000));
    content.push_str("\nNAME=last\n");
    std::fs::write(root.path().join("os-release"), content).unwrap();
    assert_eq!(read(root.path()).unwrap().name, "first");
}
