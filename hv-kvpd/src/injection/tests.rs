//! The client against a double of hv-netapply: each answer, none, one that is none, and the end in the middle.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::channel::{self as link, ChannelChoice, LinkOptions};
use hv_utils_core::netapply::{Addressing, Kind, Plan, Reply, Request};
use hv_utils_core::wire::Ic;
use tempfile::TempDir;

use super::*;

#[path = "../../tests/support/netapply.rs"]
mod double;

#[expect(dead_code, reason = "shared with the tests of the whole daemon, which use more of it")]
#[path = "../../tests/injection/host.rs"]
mod host;

use double::{Caller, Double, applied, failed};
use host::{BINARY, Host, dhcp};

fn injection() -> Injection {
    let ipv4 = Plan { addressing: Addressing::Automatic, ..Plan::default() };
    Injection { adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(), ipv4, ipv6: Plan::default() }
}

fn nowhere() -> PathBuf {
    PathBuf::from("/nonexistent/netapply.sock")
}

/// A double in a thread that does `script`.
fn double<T: Send + 'static>(
    script: impl FnOnce(&Double) -> T + Send + 'static,
) -> (TempDir, PathBuf, JoinHandle<T>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(SOCKET);
    let double = Double::listen(&path);
    (directory, path, thread::spawn(move || script(&double)))
}

/// One caller who asks for the injection, and is treated so.
fn asked(script: impl FnOnce(&Caller) + Send + 'static) -> (TempDir, PathBuf, JoinHandle<()>) {
    let begun = std::time::Instant::now();
    double(move |double| {
        let caller = double.caller();
        let Some(Request::Apply { injection: wanted, within_ms }) = caller.hear() else { panic!("no Apply") };
        assert_eq!(wanted, injection());
        // What was waited since, on a machine that has other things to do, is taken off.
        let least = 20_000_u64.saturating_sub(u64::try_from(begun.elapsed().as_millis()).unwrap());
        assert!((least..=22_000).contains(&u64::from(within_ms)), "{within_ms}");
        script(&caller);
    })
}

#[tokio::test]
async fn what_is_applied_is_confirmed_and_done() {
    let (_directory, path, thread) = asked(|caller| {
        caller.say(&applied());
        assert_eq!(caller.hear(), Some(Request::Confirm));
        caller.say(&Reply::Done);
        assert_eq!(caller.hear(), None, "the caller hangs up");
    });
    let (conversation, step) = apply(path.clone(), injection(), Instant::now()).await.unwrap();
    assert_eq!((step.interface.as_str(), step.pending), ("eth0", false));
    settle(nowhere(), conversation, Verdict::Stays).await.unwrap();
    thread.join().unwrap();
}

/// What stays was promised: the next instance only has to be there. What goes has to be said to it.
#[tokio::test]
async fn a_word_that_was_cut_is_said_to_the_next_instance() {
    for (verdict, first, again) in [
        (Verdict::Stays, Request::Confirm, Request::Resume),
        (Verdict::Goes, Request::Cancel, Request::Cancel),
    ] {
        let (_directory, path, thread) = double(move |double| {
            let caller = double.caller();
            caller.hear();
            caller.say(&applied());
            assert_eq!(caller.hear(), Some(first));
            drop(caller);
            let next = double.caller();
            assert_eq!(next.hear(), Some(again));
            next.say(&Reply::Done);
        });
        let (conversation, _) = apply(path.clone(), injection(), Instant::now()).await.unwrap();
        settle(path, conversation, verdict).await.unwrap();
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn what_must_go_is_cancelled_and_a_failure_to_undo_is_told() {
    let (_directory, path, thread) = asked(|caller| {
        caller.say(&applied());
        assert_eq!(caller.hear(), Some(Request::Cancel));
        caller.say(&failed(Kind::NotUndone));
    });
    let (conversation, _) = apply(path, injection(), Instant::now()).await.unwrap();
    let failure = settle(nowhere(), conversation, Verdict::Goes).await.unwrap_err();
    assert_eq!((failure.kind(), failure.to_string().as_str()), ("not undone", "the double says NotUndone"));
    thread.join().unwrap();
}

/// A link whose host asks three times and reads nothing: the ring has room for two answers, and the third request is
/// what is to be configured.
async fn stalled(directory: &Path) -> (Link, Host, link::Request) {
    let path = directory.join("kvp.sock");
    let listener = Listener::bind(&path).unwrap();
    let (sysfs_root, dev_root) = (PathBuf::from("/nonexistent"), PathBuf::from("/nonexistent"));
    let choice = ChannelChoice::Sim(path);
    let options = LinkOptions { ic: Ic::Kvp, choice, max_version: None, sysfs_root, dev_root };
    let mut link = Link::new(options).unwrap();
    let asking = async {
        let mut host = Host::on(listener.accept(Ic::Kvp.class(), 5 * 4096).await.unwrap(), BINARY).await;
        for _ in 0..3 {
            host.ask(&dhcp()).await;
        }
        host
    };
    let asked = async {
        for _ in 0..2 {
            let request = next(&mut link).await;
            link.answer(&request, Status::FAIL, |_| {});
        }
        next(&mut link).await
    };
    let (host, request) = tokio::join!(asking, asked);
    (link, host, request)
}

async fn next(link: &mut Link) -> link::Request {
    loop {
        if let link::Event::Request(request) = link.next().await {
            return request;
        }
    }
}

#[tokio::test]
async fn an_answer_that_finds_no_room_until_hv_netapplys_limit_is_taken_back_and_cancelled() {
    let (directory, path, thread) = double(|double| {
        let caller = double.caller();
        caller.hear();
        caller.say(&applied());
        let heard = caller.hear();
        caller.say(&Reply::Done);
        heard
    });
    let (mut link, mut host, request) = stalled(directory.path()).await;
    let mut injector = injector(path);
    let begin = Instant::now();
    injector.begin(request, injection(), begin);
    let event = injector.next().await;
    injector.handle(event, &mut link);
    tokio::time::pause();
    let event = injector.next().await;
    assert!(matches!(event, Event::Told(Fate::Waits)), "{event:?}");
    assert_eq!(begin.elapsed().as_secs(), 25);
    tokio::time::resume();
    injector.handle(event, &mut link);
    let event = injector.next().await;
    injector.handle(event, &mut link);
    assert_eq!(thread.join().unwrap(), Some(Request::Cancel));
    assert_eq!((host.answer_now().unwrap().1, host.answer_now().unwrap().1), (Status::FAIL, Status::FAIL));
    link.flush().await;
    assert_eq!(host.answer_now().unwrap().1, Status::FAIL, "not the OK that has become untrue");
}

fn injector(socket: PathBuf) -> Injector {
    let nowhere = Path::new("/nonexistent");
    Injector {
        records: Records::follow(nowhere),
        resumer: Resumer::start(socket.clone(), nowhere.join(RESUME)),
        socket,
        applying: None,
        telling: None,
        settling: JoinSet::new(),
        log: OncePer::new(LOG_INTERVAL),
    }
}

#[tokio::test]
async fn a_conversation_that_is_dropped_hangs_up() {
    let (_directory, path, thread) = asked(|caller| {
        caller.say(&applied());
        assert_eq!(caller.hear(), None);
    });
    drop(apply(path, injection(), Instant::now()).await.unwrap());
    thread.join().unwrap();
}

#[tokio::test]
async fn each_failure_has_the_hosts_status() {
    for (kind, status) in [
        (Kind::NoSuchAdapter, 0x8004_1002),
        (Kind::Invalid, 0x8007_0057),
        (Kind::NotSupported, 0x8007_0032),
        (Kind::NothingPromised, 0x8000_4005),
        (Kind::NothingToRevert, 0x8000_4005),
        (Kind::NotApplied, 0x8000_4005),
        (Kind::NotUndone, 0x8000_4005),
    ] {
        let (_directory, path, thread) = asked(move |caller| caller.say(&failed(kind)));
        let failure = apply(path, injection(), Instant::now()).await.unwrap_err();
        assert_eq!((failure.status(), failure.is_cut()), (Status(status), false), "{kind:?}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_change_that_is_under_way_is_waited_for() {
    let (_directory, path, thread) = double(|double| {
        for _ in 0..2 {
            let caller = double.caller();
            assert!(matches!(caller.hear(), Some(Request::Apply { .. })));
            caller.say(&failed(Kind::Busy));
            assert_eq!(caller.hear(), None);
        }
        let caller = double.caller();
        assert!(matches!(caller.hear(), Some(Request::Apply { within_ms, .. }) if within_ms < 22_000));
        caller.say(&applied());
        caller
    });
    assert!(apply(path, injection(), Instant::now()).await.is_ok());
    thread.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_before_the_kernel_gives_up_and_hangs_up() {
    let (_directory, path, thread) = asked(|caller| assert_eq!(caller.hear(), None));
    let begin = Instant::now();
    let failure = apply(path, injection(), Instant::now()).await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 24);
    assert_eq!((failure.kind(), failure.status()), ("late", Status::FAIL));
    thread.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_host_has_waited_before_counts() {
    let (_directory, path, thread) = double(|double| {
        let caller = double.caller();
        let Some(Request::Apply { within_ms, .. }) = caller.hear() else { panic!("no Apply") };
        assert!((11_000..=12_000).contains(&within_ms), "{within_ms}");
        assert_eq!(caller.hear(), None);
    });
    let begin = Instant::now();
    let failure = apply(path, injection(), begin - Duration::from_secs(10)).await.unwrap_err();
    assert_eq!((begin.elapsed().as_secs(), failure.kind()), (14, "late"));
    thread.join().unwrap();
}

#[tokio::test]
async fn the_end_of_hv_netapply_in_the_middle_is_a_failure_that_is_followed_up() {
    let (_directory, path, thread) = asked(|_| {});
    let failure = apply(path, injection(), Instant::now()).await.unwrap_err();
    assert!(failure.is_cut());
    assert_eq!(failure.status(), Status::FAIL);
    thread.join().unwrap();
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure() {
    let long = vec![b' '; netapply::MOST_BYTES + 1];
    for bytes in [&b"{"[..], b"\xff", b"\"gone\"", b"\"done\"", br#"{"applied":{"interface":"eth0"}}"#, &long]
    {
        let bytes = bytes.to_owned();
        let (_directory, path, thread) = asked(move |caller| {
            caller.say_bytes(&bytes);
            assert_eq!(caller.hear(), None);
        });
        let failure = apply(path, injection(), Instant::now()).await.unwrap_err();
        assert_eq!((failure.kind(), failure.status()), ("unreadable", Status::FAIL));
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_a_failure_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(SOCKET);
    for reason in ["No such file or directory", "Connection refused"] {
        let failure = apply(path.clone(), injection(), Instant::now()).await.unwrap_err();
        assert_eq!((failure.kind(), failure.status()), ("absent", Status::FAIL));
        let text = failure.to_string();
        let told =
            format!("{SOCKET} ({reason}): systemctl start hv-netapply.socket; is hv-netapply installed?");
        assert!(text.contains(&told), "{text}");
        drop(Double::listen(&path)); // a file that nobody listens at any more
    }
}

#[tokio::test]
async fn revert_tells_the_errors_of_the_bus() {
    for (answer, name) in [
        (Reply::Done, None),
        (failed(Kind::NothingToRevert), Some("NothingToRevert")),
        (failed(Kind::Busy), Some("Busy")),
        (failed(Kind::NotSupported), Some("NotSupported")),
        (failed(Kind::NotUndone), Some("Failed")),
        (applied(), Some("Failed")),
    ] {
        let (_directory, path, thread) = double(move |double| {
            let caller = double.caller();
            assert_eq!(caller.hear(), Some(Request::Revert { interface: None }));
            caller.say(&answer);
        });
        let error = revert(&path).await.err().map(|error| format!("{error:?}"));
        match (name, &error) {
            (None, None) => {}
            (Some(name), Some(error)) => assert!(error.starts_with(name), "{error}"),
            _ => panic!("{error:?}"),
        }
        thread.join().unwrap();
    }
    let nobody = revert(std::path::Path::new("/nonexistent/netapply.sock")).await;
    assert!(matches!(nobody, Err(Error::Failed(text)) if text.contains("hv-netapply.socket")));
}

#[tokio::test]
async fn what_was_cut_short_is_resumed_at_the_start() {
    let (directory, path, thread) = double(|double| {
        let caller = double.caller();
        assert_eq!(caller.hear(), Some(Request::Resume));
        caller.say(&Reply::Done);
        assert_eq!(caller.hear(), None);
    });
    let owed = directory.path().join(RESUME);
    std::fs::write(&owed, "").unwrap();
    let _resumer = Resumer::start(path, owed);
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_was_cut_short_is_resumed_when_the_socket_appears() {
    let directory = tempfile::tempdir().unwrap();
    let (path, owed) = (directory.path().join("run").join(SOCKET), directory.path().join(RESUME));
    std::fs::write(&owed, "").unwrap();
    let _resumer = Resumer::start(path.clone(), owed);
    // It has looked, in vain, and waits.
    tokio::task::yield_now().await;
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    tokio::task::yield_now().await;
    let heard = tokio::task::spawn_blocking(move || Double::listen(&path).caller().hear());
    assert_eq!(heard.await.unwrap(), Some(Request::Resume));
}

#[tokio::test]
async fn nobody_is_called_while_nothing_is_owed_but_after_an_end_in_the_middle() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(SOCKET);
    let double = Double::listen(&path);
    let resumer = Resumer::start(path, directory.path().join(RESUME));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!double.is_called());
    resumer.was_cut();
    let caller = double.called().await;
    let heard = tokio::task::spawn_blocking(move || caller.hear());
    assert_eq!(heard.await.unwrap(), Some(Request::Resume));
}

#[tokio::test]
async fn a_resume_that_fails_is_tried_again_a_few_times() {
    let (directory, path, thread) = double(|double| {
        for _ in 0..6 {
            let caller = double.caller();
            assert_eq!(caller.hear(), Some(Request::Resume));
            caller.say(&failed(Kind::Busy));
            assert_eq!(caller.hear(), None);
        }
    });
    let owed = directory.path().join(RESUME);
    std::fs::write(&owed, "").unwrap();
    let _resumer = Resumer::with_pause(path, owed, Duration::from_millis(1));
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
}
