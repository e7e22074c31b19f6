//! When a pool file is to be read again: its inotify descriptor says so, or an earlier attempt failed.
//!
//! Nothing is read here, neither the descriptors (the pool worker does, under its locks) nor the files.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use hv_utils_core::sys;
use tokio::io::unix::AsyncFd;

use crate::pool::{Pool, PoolSet};
use crate::unread::{Retry, Unread};

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Watches {
    descriptors: Vec<Watch>,
    retry: Retry,
}

/// A pool and the descriptor that says when its file was touched.
type Watch = (Pool, AsyncFd<Arc<OwnedFd>>);

impl Watches {
    /// Watches `pools`; of them those `unread` are looked at by the clock.
    ///
    /// # Errors
    /// The runtime cannot watch a descriptor.
    pub(crate) fn new(pools: &PoolSet, unread: Arc<Unread>) -> io::Result<Watches> {
        let watched = pools.watch_fds().into_iter().map(|(pool, fd)| Ok((pool, sys::watch(fd)?)));
        Ok(Watches { descriptors: watched.collect::<io::Result<_>>()?, retry: Retry::new(unread) })
    }

    /// Waits for pools that are to be read again. Cancel safe.
    pub(crate) async fn touched(&mut self) -> Vec<Pool> {
        let Watches { descriptors, retry } = self;
        tokio::select! {
            biased;
            pool = poll_fn(|task| touched(descriptors, task)) => vec![pool],
            pools = retry.due() => pools,
        }
    }
}

/// The first pool whose watch has something to say. Edge-triggered: the worker is the one who reads it.
fn touched(watches: &[Watch], task: &mut Context<'_>) -> Poll<Pool> {
    for (pool, watch) in watches {
        if let Poll::Ready(Ok(mut ready)) = watch.poll_read_ready(task) {
            ready.clear_ready();
            return Poll::Ready(*pool);
        }
    }
    Poll::Pending
}
