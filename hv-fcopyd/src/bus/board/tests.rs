//! What is kept for a bus that does not take it, and which copy is shown.

use super::*;

fn row(when: u64) -> Row {
    Row { when, target: "/t".to_owned(), size: 1, result: "ok".to_owned() }
}

fn active(id: u64) -> Active {
    Active { id, target: "/t".to_owned(), size: 1 }
}

#[tokio::test]
async fn bus_that_takes_nothing_loses_the_oldest_news() {
    let board = Board::default();
    for when in 0..100 {
        board.finished(None, row(when));
    }
    for when in 36..100 {
        assert_eq!(board.news().await, News::Finished(row(when)));
    }
    assert_eq!(board.rows().len(), 64);
}

#[test]
fn end_of_an_older_copy_leaves_the_newer_one_shown() {
    let board = Board::default();
    board.started(active(1));
    board.progressed(1);
    board.started(active(2));
    assert_eq!(board.done(), 0, "a new one begins with nothing");
    board.finished(Some(1), row(0));
    assert_eq!(board.shown().active, Some(active(2)));
    board.finished(None, row(0));
    assert_eq!(board.shown().active, Some(active(2)));
    board.finished(Some(2), row(0));
    assert_eq!(board.shown().active, None);
}

#[tokio::test]
async fn who_waits_for_a_copy_to_go_on_is_woken_by_its_next_bytes_alone() {
    let board = Board::default();
    board.started(active(1));
    board.progressed(7);
    board.differs(6).await;
    let (waits, waker) = (board.clone(), board.clone());
    let waiting = tokio::spawn(async move { waits.differs(7).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
        waker.progressed(7);
    }
    assert!(!waiting.is_finished(), "nothing has come");
    waker.progressed(8);
    tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.unwrap().unwrap();
}
