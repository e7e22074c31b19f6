//! How often the bus is asked.

use std::cell::Cell;

use super::*;

fn name(number: usize) -> UniqueName<'static> {
    UniqueName::try_from(format!(":1.{number}")).unwrap()
}

#[tokio::test]
async fn calls_of_one_name_that_come_together_are_one_question() {
    let (callers, asked) = (Callers::default(), Cell::new(0));
    let ask = async || {
        asked.set(asked.get() + 1);
        tokio::task::yield_now().await;
        Ok(7)
    };
    let caller = name(5);
    let calls = (0..100).map(|_| callers.user(&caller, ask()));
    let users = futures_util::future::join_all(calls).await;
    assert!(users.iter().all(|user| matches!(user, Ok(7))), "{users:?}");
    assert_eq!(asked.get(), 1);
    assert_eq!(callers.user(&name(6), ask()).await.unwrap(), 7);
    assert_eq!(asked.get(), 2, "somebody else");
}

#[tokio::test]
async fn who_has_been_admitted_is_not_asked_about() {
    let callers = Callers::default();
    callers.learn(&name(5), 7);
    callers.learn(&name(5), 7);
    let nobody = async { panic!("asked") };
    assert_eq!(callers.user(&name(5), nobody).await.unwrap(), 7);
}

#[tokio::test]
async fn bus_that_did_not_say_is_asked_again() {
    let callers = Callers::default();
    let silent = async { Err(Error::NotAuthorized("not in time".to_owned())) };
    assert!(callers.user(&name(5), silent).await.is_err());
    assert_eq!(callers.user(&name(5), async { Ok(7) }).await.unwrap(), 7);
}

#[tokio::test]
async fn the_oldest_is_forgotten_for_the_newest() {
    let callers = Callers::default();
    for number in 0..=MOST {
        callers.learn(&name(number), 7);
    }
    assert_eq!(callers.0.lock().unwrap().len(), MOST);
    assert_eq!(callers.user(&name(0), async { Ok(8) }).await.unwrap(), 8, "was forgotten");
    assert_eq!(callers.user(&name(MOST), async { Ok(8) }).await.unwrap(), 7);
}
