//! News, the last news, silence, and news again.

use super::*;

#[tokio::test(start_paused = true)]
async fn changes_are_news_until_there_are_too_many_and_again_later() {
    let mut calm = Calm::new();
    let said: Vec<_> = (0..25).map(|_| calm.change()).collect();
    assert_eq!(said.iter().filter(|say| **say == Say::News).count(), 19);
    assert_eq!(said[19], Say::Last);
    assert_eq!(said[20..], [Say::Detail; 5]);
    tokio::time::advance(WINDOW).await;
    assert_eq!(calm.change(), Say::News);
}
