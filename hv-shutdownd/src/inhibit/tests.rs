//! Inhibitors as their holders see them: taken, copied, closed, refused.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

async fn none(changes: &mut Changes) {
    while !changes.now().is_empty() {
        changes.next().await;
    }
}

#[test]
fn one_is_held_until_its_end_is_closed() {
    run(async {
        let all = Inhibitors::default();
        let mut changes = all.changes();
        let end = all.take("backup", "writes", 7).unwrap();
        let held = changes.next().await;
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].who.as_str(), held[0].why.as_str(), held[0].uid), ("backup", "writes", 7));
        assert!(held[0].since > 1_700_000_000_000_000);
        drop(end);
        assert_eq!(changes.next().await, []);
    });
}

#[test]
fn a_copy_of_its_end_holds_it_too() {
    run(async {
        let all = Inhibitors::default();
        let mut changes = all.changes();
        let end = all.take("backup", "writes", 0).unwrap();
        let copy = end.try_clone().unwrap();
        let second = all.take("other", "y", 0).unwrap();
        drop((end, second));
        while changes.next().await.len() > 1 {}
        assert_eq!(all.held()[0].who, "backup");
        drop(copy);
        none(&mut changes).await;
    });
}

#[test]
fn a_holder_that_is_gone_is_seen_like_one_that_has_closed_it() {
    run(async {
        let all = Inhibitors::default();
        let mut changes = all.changes();
        let end = all.take("cat", "y", 0).unwrap();
        let mut holder = std::process::Command::new("sleep").arg("600").stdin(end).spawn().unwrap();
        assert_eq!(changes.next().await.len(), 1);
        holder.kill().unwrap();
        holder.wait().unwrap();
        none(&mut changes).await;
    });
}

#[test]
fn one_user_has_only_so_many_and_root_has_what_there_is() {
    run(async {
        let all = Inhibitors::default();
        let mut ends: Vec<OwnedFd> = (0..MOST_OF_ONE).map(|_| all.take("many", "y", 1000).unwrap()).collect();
        assert!(matches!(all.take("one more", "y", 1000), Err(Denied::Full(_))));
        ends.extend((MOST_OF_ONE..MOST).map(|_| all.take("root", "y", 0).unwrap()));
        assert!(matches!(all.take("one more", "y", 0), Err(Denied::Full(_))));
        assert!(matches!(all.take("one more", "y", 1001), Err(Denied::Full(_))));
        let mut changes = all.changes();
        ends.clear();
        none(&mut changes).await;
        assert!(all.take("again", "y", 1000).is_ok());
    });
}

#[test]
fn both_texts_are_needed_and_bounded() {
    run(async {
        let all = Inhibitors::default();
        let long = "\u{e4}".repeat(MOST_CHARACTERS);
        let longer = format!("{long}b");
        assert!(all.take(&long, &long, 0).is_ok());
        for (who, why) in [
            ("", "y"),
            ("x", ""),
            (" ", "y"),
            (longer.as_str(), "y"),
            ("x", longer.as_str()),
            ("a\nb", "y"),
            ("x", "\u{0}"),
        ] {
            assert!(matches!(all.take(who, why, 0), Err(Denied::Text(_))), "{who:?} {why:?}");
        }
    });
}

#[test]
fn nothing_can_be_written_to_what_the_holder_has() {
    run(async {
        let all = Inhibitors::default();
        let end = all.take("x", "y", 0).unwrap();
        assert_eq!(rustix::io::write(&end, b"x"), Err(rustix::io::Errno::BADF));
        assert_eq!(all.held().len(), 1);
    });
}

#[test]
fn the_end_of_the_daemon_is_the_end_of_file_of_the_holder() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let all = Inhibitors::default();
    let end = runtime.block_on(async { all.take("x", "y", 0).unwrap() });
    let mut byte = [0];
    assert_eq!(rustix::io::read(&end, &mut byte), Err(rustix::io::Errno::AGAIN));
    drop(runtime);
    // A child of another test may have a copy of the daemon's end, until it has become another program.
    let mut fds = [PollFd::new(&end, PollFlags::IN)];
    let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "the end of file does not come");
    assert_eq!(rustix::io::read(&end, &mut byte), Ok(0));
}
