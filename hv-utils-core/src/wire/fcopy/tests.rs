use super::*;
use alloc::vec;

fn start_bytes(name: &[u16], path: &[u16]) -> Vec<u8> {
    let mut body = vec![0; 1088];
    for (place, units) in [(36, name), (556, path)] {
        for (at, unit) in units.iter().enumerate() {
            body[place + 2 * at..][..2].copy_from_slice(&unit.to_le_bytes());
        }
    }
    body[1076] = 3;
    body[1080..1082].copy_from_slice(&[0x34, 0x12]);
    body
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

#[test]
fn a_start_is_read_with_names_in_full_unicode() {
    let (name, path) = ("\u{1f427} \u{4e2d}\u{e9}.txt", "/srv/\u{fc}");
    let start =
        Start { path: path.into(), name: name.into(), overwrite: true, create_path: true, size: 0x1234 };
    let body = start_bytes(&units(name), &units(path));
    assert_eq!(parse(&body), Ok(Request::Start(start.clone())));
    assert_eq!(encode_start(&start).unwrap(), body);
}

#[test]
fn names_that_are_none_are_refused_each_with_its_status() {
    for (name, problem, status) in [
        (vec![0x61; 260], NameProblem::NoEnd, 0x8007_00ce),
        (vec![0x61, 0, 0x62], NameProblem::Nul, 0x8007_007b),
        (vec![0x61, 0xd800, 0x62], NameProblem::NotText, 0x8007_007b),
    ] {
        let read = parse(&start_bytes(&name, &units("/srv"))).unwrap_err();
        assert_eq!(read, Problem::Name { field: Field::Name, problem });
        assert_eq!(read.status().0, status);
        let read = parse(&start_bytes(&units("a"), &name)).unwrap_err();
        assert_eq!(read, Problem::Name { field: Field::Path, problem });
    }
    assert!(
        matches!(parse(&start_bytes(&[0x61; 259], &[])), Ok(Request::Start(start)) if start.name.len() == 259)
    );
}

#[test]
fn a_write_says_itself_how_long_it_is() {
    let body = encode_write(0x0102_0304_0506, b"abc");
    assert_eq!(body.len(), 6196);
    assert_eq!(body[..4], [1, 0, 0, 0]);
    assert_eq!(body[40..56], [6, 5, 4, 3, 2, 1, 0, 0, 3, 0, 0, 0, b'a', b'b', b'c', 0]);
    assert_eq!(parse(&body), Ok(Request::Write { offset: 0x0102_0304_0506, data: b"abc" }));
    assert_eq!(parse(&body[..55]), Ok(Request::Write { offset: 0x0102_0304_0506, data: b"abc" }));
    let short = parse(&body[..54]).unwrap_err();
    assert_eq!(short, Problem::TooShort { operation: Operation::WRITE, needed: 55, actual: 54 });
    assert_eq!(short.status().0, 0x8007_0057);
}

#[test]
fn a_write_of_more_than_fits_is_refused_whatever_the_message_has() {
    for size in [6145_u32, 0x8000_0000, u32::MAX] {
        let mut body = vec![0; 13000];
        body[0] = 1;
        body[48..52].copy_from_slice(&size.to_le_bytes());
        assert_eq!(parse(&body), Err(Problem::TooMuch(size)));
    }
}

#[test]
fn complete_and_cancel_are_headers_alone() {
    assert_eq!(parse(&encode_bare(Operation::COMPLETE)), Ok(Request::Complete));
    assert_eq!(parse(&encode_bare(Operation::CANCEL)), Ok(Request::Cancel));
    assert_eq!(parse(&[2; 35]), Err(Problem::NoHeader(35)));
    let unknown = parse(&encode_bare(Operation(4))).unwrap_err();
    assert_eq!((unknown, unknown.status().0), (Problem::Operation(Operation(4)), 0x8000_4005));
    assert!(matches!(parse(&[0; 1087]), Err(Problem::TooShort { needed: 1088, .. })));
}

#[test]
fn the_char_device_has_its_names_in_utf8_and_one_that_may_be_cut_is_refused() {
    let mut body = start_bytes(&[], &[]);
    body[36..41].copy_from_slice("\u{e9}.xy".as_bytes());
    body[556..560].copy_from_slice(b"/srv");
    let read = parse_chardev(&body);
    assert!(
        matches!(&read, Ok(Request::Start(start)) if start.name == "\u{e9}.xy" && start.path == "/srv"),
        "{read:?}"
    );
    body[36..36 + 256].fill(b'a');
    let cut = parse_chardev(&body).unwrap_err();
    assert_eq!(cut, Problem::Name { field: Field::Name, problem: NameProblem::Cut });
    assert_eq!(cut.status().0, 0x8007_00ce);
}
