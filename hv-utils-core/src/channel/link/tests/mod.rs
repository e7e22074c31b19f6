//! A link against hosts and kernels in the same process. What the parts share is here.

mod char_device;
mod host;
mod idle;
mod raw;
mod sim;
mod uio;

use super::{Event, Link, LinkStatus, Request};
use crate::channel::{ChannelState, Transport};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The next request; changes of the status on the way are passed over.
async fn request(link: &mut Link) -> Request {
    loop {
        if let Event::Request(request) = link.next().await {
            return request;
        }
    }
}

/// Waits until the link's status is as wanted. Requests are not expected on the way.
async fn until(link: &mut Link, wanted: impl Fn(&LinkStatus) -> bool) {
    while !wanted(link.status()) {
        assert_eq!(link.next().await, Event::Changed);
    }
}

async fn until_state(link: &mut Link, state: ChannelState) {
    until(link, |status| status.state == state).await;
}

async fn until_open(link: &mut Link, transport: Transport) {
    until(link, |status| status.transport == Some(transport)).await;
}

/// Lets the link work for as long as it has something to do. It must not have anything to tell.
async fn settle(link: &mut Link) {
    for _ in 0..100 {
        assert_eq!(poll_next(link), None);
        tokio::task::yield_now().await;
    }
}

/// Polls a new `next` once and abandons it.
fn poll_next(link: &mut Link) -> Option<Event> {
    poll(std::pin::pin!(link.next()))
}

fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
