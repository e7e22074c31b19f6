//! What a message looks like in each form, and that nothing in it can do harm.

use super::record::Value;
use super::*;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, UNIX_EPOCH};
use tracing::subscriber::with_default;

/// 2026-11-22T10:11:12.345Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_342_272_345)
}

/// Catches the records of what `body` logs.
fn records(body: impl FnOnce()) -> Vec<Record> {
    #[derive(Clone, Default)]
    struct Catch(Arc<Mutex<Vec<Record>>>);
    impl<S: Subscriber> Layer<S> for Catch {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(Record::of(event));
        }
    }
    let catch = Catch::default();
    with_default(Registry::default().with(catch.clone()), body);
    std::mem::take(&mut catch.0.lock().unwrap())
}

fn record(body: impl FnOnce()) -> Record {
    let mut records = records(body);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

/// A log whose messages go to a socket of ours in the journal's place.
fn to_journal(name: &'static str) -> (Log, impl Subscriber, UnixDatagram) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (log, subscriber) = Log::new(name);
    *log.shared.sink.write().unwrap() = Sink::Journal(Journal::connect(&path, name).unwrap());
    socket.set_nonblocking(true).unwrap();
    (log, subscriber, socket)
}

fn received(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = vec![0; 65536];
    let mut all = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        all.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    all
}

#[test]
fn text_line_has_time_level_message_and_fields() {
    let record = record(|| tracing::warn!(pool = "guest", items = 3, name = %"two words", "pool is full"));
    assert_eq!(
        text::text(&record, Lead::Time, now()),
        "2026-11-22T10:11:12.345Z  WARN pool is full pool=guest items=3 name=\"two words\"\n"
    );
}

#[test]
fn text_line_for_the_journal_has_a_priority_in_place_of_the_time() {
    let lines: Vec<_> = records(|| {
        tracing::error!("a");
        tracing::warn!("b");
        tracing::info!("c");
    })
    .iter()
    .map(|record| text::text(record, Lead::Priority, now()))
    .collect();
    assert_eq!(lines, ["<3>a\n", "<4>b\n", "<6>c\n"]);
}

#[test]
fn debug_lines_name_where_they_come_from() {
    let record = record(|| tracing::debug!(target: "hv_kvpd::pool", "opened"));
    assert_eq!(text::text(&record, Lead::Priority, now()), "<7>hv_kvpd::pool: opened\n");
}

#[test]
fn only_the_level_is_coloured() {
    let record = record(|| tracing::error!("x"));
    assert_eq!(
        text::text(&record, Lead::Coloured, now()),
        "2026-11-22T10:11:12.345Z \x1b[1;31mERROR\x1b[0m x\n"
    );
}

#[test]
fn json_line_keeps_numbers_and_escapes_text() {
    let record = record(
        || tracing::info!(target: "t", key = "a\"b\\c\nd", count = 3u64, on = true, below = -1, "said \"hi\""),
    );
    assert_eq!(
        text::json(&record, now()),
        concat!(
            r#"{"time":"2026-11-22T10:11:12.345Z","level":"info","target":"t","message":"said \"hi\"","#,
            r#""fields":{"key":"a\"b\\c\\nd","count":3,"on":true,"below":-1}}"#,
            "\n"
        )
    );
}

#[test]
fn control_characters_from_outside_cannot_forge_lines_or_steer_a_terminal() {
    let hostile = "a\nFAKE\r\x1b[2J\u{85}\u{202e}b\u{0}";
    let record = record(|| tracing::info!(key = hostile, other = ?hostile, "{hostile}"));
    let line = text::text(&record, Lead::Time, now());
    assert_eq!(line.matches('\n').count(), 1, "{line:?}");
    assert!(!line.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    assert!(record.message.contains(r"a\nFAKE\r\u{1b}[2J\u{85}\u{202e}b\u{0}"), "{line:?}");
}

#[test]
fn quotes_in_a_field_cannot_forge_another_field() {
    let record = record(|| tracing::info!(key = "x\" forged=\"1", empty = "", "m"));
    assert_eq!(record.line(), r#"m key="x\" forged=\"1" empty="""#);
}

#[test]
fn a_field_named_message_does_not_take_the_texts_place() {
    let record = record(|| tracing::info!(ic = "kvp", message = %"5.0", "negotiated"));
    assert_eq!(record.line(), "negotiated ic=kvp message=5.0");
}

#[test]
fn long_text_is_cut_off() {
    let long = "é".repeat(1_000_000);
    let record = record(|| tracing::info!(key = %long, "m"));
    let Value::Text(text) = &record.fields[0].1 else { panic!("text") };
    assert!(text.len() < 5000 && text.ends_with("é…"), "{} bytes", text.len());
}

#[test]
fn timestamps_are_right_around_leap_days_and_centuries() {
    let at = |seconds| text::timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(at(951_782_399), "2000-02-28T23:59:59.000Z");
    assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
    assert_eq!(at(1_709_251_199), "2024-02-29T23:59:59.000Z");
    assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00.000Z");
    assert_eq!(text::timestamp(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
}

#[test]
fn journal_gets_one_datagram_with_priority_message_and_fields() {
    let (_log, subscriber, socket) = to_journal("hv-testd");
    with_default(subscriber, || tracing::warn!(target: "t", pool_name = "guest", "pool\nfull"));
    assert_eq!(
        received(&socket),
        [
            "PRIORITY=4\nSYSLOG_IDENTIFIER=hv-testd\nTARGET=t\nMESSAGE=pool\\nfull pool_name=guest\nHV_POOL_NAME=guest\n"
        ]
    );
}

#[test]
fn journal_that_does_not_read_costs_messages_but_never_waits() {
    let (_log, subscriber, socket) = to_journal("hv-testd");
    with_default(subscriber, || {
        let mut sent = 0;
        // More than any socket's queue holds.
        for _ in 0..20_000 {
            tracing::info!("message");
            sent += 1;
        }
        let arrived = received(&socket).len();
        assert!(arrived < sent, "the queue took all {sent}");
        tracing::info!("after");
        let after = received(&socket);
        let lost = format!(
            "MESSAGE=after (before this, {} messages were lost: the journal did not read)",
            sent - arrived
        );
        assert!(after[0].contains(&lost), "{after:?}");
        tracing::info!("again");
        assert!(received(&socket)[0].contains("MESSAGE=again\n"));
    });
}

#[test]
fn level_can_be_changed_while_running() {
    let (log, subscriber, socket) = to_journal("hv-testd");
    with_default(subscriber, || {
        tracing::debug!("hidden");
        log.set_level(Level::Debug);
        tracing::debug!("shown");
        log.set_level(Level::Err);
        tracing::warn!("hidden");
        assert_eq!((log.level(), log.target()), (Level::Err, "journal"));
    });
    let messages = received(&socket);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains("MESSAGE=shown\n"));
}

#[test]
fn target_null_and_console_are_taken_and_read_back() {
    let (log, _subscriber, _socket) = to_journal("hv-testd");
    assert_eq!(log.target(), "journal");
    log.set_target(Target::Null).unwrap();
    assert_eq!(log.target(), "null");
    log.set_target(Target::Console).unwrap();
    assert_eq!(log.target(), "console");
}

#[test]
fn names_of_levels_are_those_of_syslog_and_ours() {
    for (name, level) in
        [("err", Level::Err), ("error", Level::Err), ("warn", Level::Warning), ("notice", Level::Notice)]
    {
        assert_eq!(name.parse(), Ok(level));
    }
    assert_eq!("verbose".parse::<Level>(), Err(UnknownLevel));
    assert_eq!(
        (Level::Err.name(), Level::Trace.name(), Level::Trace.syslog_name()),
        ("err", "trace", "debug")
    );
    assert_eq!(Level::Notice.filter(), LevelFilter::WARN);
    assert_eq!(Level::Emerg.filter(), LevelFilter::ERROR);
}

#[test]
fn standard_error_is_the_journal_only_if_device_and_inode_agree() {
    let stat = rustix::fs::fstat(io::stderr()).unwrap();
    assert!(is_stream(&format!("{}:{}", stat.st_dev, stat.st_ino), &stat));
    assert!(!is_stream(&format!("{}:{}", stat.st_dev, stat.st_ino + 1), &stat));
    assert!(!is_stream("", &stat));
}

#[test]
fn what_is_held_back_is_written_afterwards_in_order() {
    let (log, subscriber, socket) = to_journal("test-held");
    with_default(subscriber, || {
        log.hold();
        tracing::info!("first");
        tracing::warn!("second");
        log.hold();
        assert_eq!(received(&socket), [""; 0]);
        log.release();
        tracing::info!("third");
        log.release();
    });
    let messages = received(&socket);
    let texts =
        messages.iter().map(|message| message.split("MESSAGE=").nth(1).unwrap().lines().next().unwrap());
    assert_eq!(texts.collect::<Vec<_>>(), ["first", "second", "third"]);
}

#[test]
fn more_than_can_be_held_back_is_counted() {
    let (log, subscriber, socket) = to_journal("test-held-many");
    with_default(subscriber, || {
        log.hold();
        for number in 0..1000 {
            tracing::info!("message {number}");
        }
        *log.shared.sink.write().unwrap() = Sink::Null;
        let held = log.shared.held().take().unwrap();
        assert_eq!((held.missed(), held.into_records().len()), (744, 256));
        tracing::info!("to nowhere");
    });
    assert_eq!(received(&socket), [""; 0]);
}
