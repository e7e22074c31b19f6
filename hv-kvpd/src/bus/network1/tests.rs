//! How long a publisher holds its connection. What it says is in `tests/network` and `tests/injection`.

use super::*;

#[tokio::test]
async fn a_publisher_lets_go_of_its_connection_when_the_next_takes_its_place() {
    let connection = Arc::new(());
    let start = || {
        let held = Arc::clone(&connection);
        Publisher::of(async move {
            let _held = held;
            std::future::pending::<()>().await;
        })
    };
    let mut publisher = Some(start());
    for _ in 0..5 {
        tokio::task::yield_now().await;
        publisher = Some(start());
    }
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&connection), 2, "the test's own and one publisher's");
    drop(publisher);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&connection), 1);
}
