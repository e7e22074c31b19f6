use super::*;

fn file_copy(toml: &str) -> FileCopyMessage {
    toml::from_str(toml).unwrap()
}

#[test]
fn a_shutdown_has_any_flags_and_a_planned_reason() {
    let message: ShutdownMessage = toml::from_str("flags = 0xfffffff0\ntext = \"a\"").unwrap();
    let body = Message::Shutdown(message).body("").unwrap();
    assert_eq!(body.len(), 2060);
    assert_eq!(body[..16], [0, 0, 0, 0x80, 0, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, b'a', 0, 0, 0]);
}

#[test]
fn a_heartbeat_is_as_long_as_it_says() {
    let message: HeartbeatMessage = toml::from_str("sequence = 258\nstate = 7").unwrap();
    assert_eq!(message.body(), [2, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    let message: HeartbeatMessage = toml::from_str("sequence = 258\nbytes = 3").unwrap();
    assert_eq!(message.body(), [2, 1, 0]);
}

#[test]
fn a_start_has_the_directory_in_its_path_alone() {
    let message = file_copy("op = \"start\"\npath = \"$SIM/in\"\nname = \"$SIM\"\nflags = 0x82\nsize = 9");
    let body = message.body("/d").unwrap();
    assert_eq!(body[36..46], [b'$', 0, b'S', 0, b'I', 0, b'M', 0, 0, 0]);
    assert_eq!(body[556..568], [b'/', 0, b'd', 0, b'/', 0, b'i', 0, b'n', 0, 0, 0]);
    assert_eq!(body[1076..], [0x82, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    assert!(
        FileCopyMessage { name: "n".repeat(260), ..message }.body("").unwrap_err().contains("more than 259")
    );
}

#[test]
fn a_write_has_its_data_or_any_and_may_claim_more() {
    let body = file_copy("op = \"write\"\noffset = 5\ndata = \"xyz\"").body("").unwrap();
    assert_eq!(body[40..56], [5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, b'x', b'y', b'z', 0]);
    let body = file_copy("op = 1\nfiller = 6144\nclaims = 0xffffffff").body("").unwrap();
    assert_eq!((body.len(), &body[48..53]), (6196, &[255, 255, 255, 255, b'.'][..]));
    assert!(file_copy("op = 1\nfiller = 6145").body("").unwrap_err().contains("at most 6144 fit"));
}

#[test]
fn every_other_operation_is_a_header_alone() {
    for (op, number) in [("\"complete\"", 2), ("\"cancel\"", 3), ("77", 77)] {
        let body = file_copy(&format!("op = {op}")).body("").unwrap();
        assert_eq!((body.len(), body[0]), (36, number));
    }
    assert!(
        toml::from_str::<FileCopyMessage>("op = \"copy\"").unwrap_err().to_string().contains("start, write")
    );
    assert!(toml::from_str::<FileCopyMessage>("").is_err());
}
