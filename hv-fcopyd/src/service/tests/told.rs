//! What the host, the history and the bus are told of copies that go well and that do not.

use super::*;

#[tokio::test]
async fn file_of_many_pieces_is_there_when_complete_is_answered() {
    let mut setup = Setup::new(&settings()).await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    assert_eq!(setup.ask(&start("a", 1_000_000)).await, 0);
    let shown = setup.guest.daemon.board.shown().active.unwrap();
    assert_eq!((shown.target.as_str(), shown.size), ("a", 1_000_000));
    for (number, data) in bytes.chunks(6144).enumerate() {
        assert_eq!(setup.ask(&encode_write(number as u64 * 6144, data)).await, 0);
        let done = (number as u64 + 1) * 6144;
        assert_eq!(setup.guest.daemon.board.done(), done.min(1_000_000));
    }
    assert_eq!(setup.guest.disk.file("a"), None);
    assert_eq!(setup.ask(&complete()).await, 0);
    assert_eq!(setup.guest.disk.file("a"), Some(bytes));
    assert!(setup.guest.disk.writes() <= 4, "{} writes of 163 messages", setup.guest.disk.writes());
    assert_eq!(setup.guest.daemon.board.shown().active, None);
    assert_eq!(setup.guest.results(), ["ok"]);
    assert_eq!(setup.ask(&complete()).await, 0x8000_4005, "there is none any more");
}

#[tokio::test]
async fn disk_that_is_full_is_told_at_the_latest_at_complete_and_sticks() {
    let mut setup = Setup::new(&settings()).await;
    setup.guest.disk.fill(10);
    assert_eq!(setup.ask(&start("a", 100)).await, 0);
    for offset in [0, 5, 10] {
        assert_eq!(setup.ask(&encode_write(offset, b"12345")).await, 0);
    }
    for body in [complete(), encode_write(0, b"x"), complete()] {
        assert_eq!(setup.ask(&body).await, 0x8007_0070);
    }
    assert_eq!(setup.guest.disk.count(), (0, 0));
    assert_eq!(setup.guest.results(), ["no room: 0x80070070 (disk full)"]);
    assert_eq!(setup.ask(&cancel()).await, 0);
    assert_eq!(setup.ask(&encode_write(0, b"x")).await, 0x8000_4005);
}

#[tokio::test]
async fn disk_that_is_full_is_told_on_the_way_of_a_long_file() {
    let mut setup = Setup::new(&settings()).await;
    setup.guest.disk.fill(300_000);
    assert_eq!(setup.ask(&start("a", 1 << 30)).await, 0);
    let data = [1; 6144];
    let mut status = 0;
    for number in 0..10_000 {
        status = setup.ask(&encode_write(number * 6144, &data)).await;
        if status != 0 {
            break;
        }
    }
    assert_eq!(status, 0x8007_0070);
    assert_eq!(setup.guest.disk.count(), (0, 0));
    assert!(setup.guest.daemon.gather.has_room() && setup.guest.daemon.copies.is_empty());
}

#[tokio::test]
async fn every_way_to_lose_a_copy_leaves_nothing_and_says_why() {
    let mut setup = Setup::new(&settings()).await;
    let ways = ["cancel", "start", "negotiate", "beyond", "too much", "close"];
    for way in ways {
        assert_eq!(setup.ask(&start(way, 10)).await, 0);
        assert_eq!(setup.ask(&encode_write(0, b"12345")).await, 0);
        match way {
            "cancel" => assert_eq!(setup.ask(&cancel()).await, 0),
            "start" => {
                assert_eq!(setup.ask(&start("other", 0)).await, 0);
                assert_eq!(setup.ask(&complete()).await, 0);
            }
            "negotiate" => setup.negotiate().await,
            "beyond" => assert_eq!(setup.ask(&encode_write(8, b"123")).await, 0x8007_0057),
            "too much" => {
                let mut body = encode_write(0, b"123");
                body[48..52].copy_from_slice(&6145_u32.to_le_bytes());
                assert_eq!(setup.ask(&body).await, 0x8007_0057);
            }
            _ => {
                let Setup { mut guest, host, _directory } = setup;
                drop(host);
                guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
                assert_eq!(guest.disk.count(), (1, 0));
                let ended = "0x800703e3 (aborted)";
                let expected = [
                    format!("the host cancelled it: {ended}"),
                    format!("the host began another copy: {ended}"),
                    "ok".to_owned(),
                    format!("the host negotiated anew: {ended}"),
                    "3 bytes at 8 are not within the file's 10: 0x80070057 (invalid argument)".to_owned(),
                    "a WRITE of 6145 bytes: at most 6144 fit: 0x80070057 (invalid argument)".to_owned(),
                    format!("the channel to the host was lost: {ended}"),
                ];
                assert_eq!(guest.results(), expected);
                return;
            }
        }
        setup.guest.becomes("the end", |daemon| daemon.copies.is_empty()).await;
    }
}

#[tokio::test]
async fn message_that_is_none_is_refused_and_leaves_the_copy_alone() {
    let mut setup = Setup::new(&settings()).await;
    assert_eq!(setup.ask(&start("a", 3)).await, 0);
    assert_eq!(setup.ask(&encode_bare(Operation(4))).await, 0x8000_4005);
    assert_eq!(setup.ask(&[0; 8]).await, 0x8000_4005);
    assert_eq!(setup.guest.link.status().rejected, 2);
    assert_eq!(setup.ask(&encode_write(0, b"abc")).await, 0);
    assert_eq!(setup.ask(&complete()).await, 0);
    assert_eq!(setup.guest.disk.file("a"), Some(b"abc".to_vec()));
}

#[tokio::test]
async fn stop_removes_the_copy_and_answers_who_waits() {
    let mut setup = Setup::new(&settings()).await;
    assert_eq!(setup.ask(&start("a", 10)).await, 0);
    assert_eq!(setup.ask(&encode_write(0, b"12345")).await, 0);
    ends(setup.guest.daemon.stop(&mut setup.guest.link)).await;
    assert_eq!(setup.guest.disk.count(), (0, 0));
    assert_eq!(setup.guest.results(), ["the daemon was stopped: 0x800703e3 (aborted)"]);
}
