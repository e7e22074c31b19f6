//! Sees every message on the private bus, as `dbus-monitor` does.
//!
//! For two questions only: how many calls did hvctl make, and has it made this one yet.

use std::sync::mpsc::{Receiver, channel};

use futures_util::StreamExt as _;
use zbus::message::Type;

use crate::harness::HANG;

/// The method calls on a bus, by member, from others than the monitor.
#[derive(Debug)]
pub(crate) struct Monitor {
    calls: Receiver<String>,
}

impl Monitor {
    pub(crate) fn start(address: &str) -> Monitor {
        let (sender, calls) = channel();
        let (ready, is_ready) = channel();
        let address = address.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let connection = zbus::connection::Builder::address(address.as_str()).build().await.unwrap();
                let mut stream = zbus::MessageStream::from(&connection);
                let proxy = zbus::fdo::MonitoringProxy::new(&connection).await.unwrap();
                proxy.become_monitor(&[], 0).await.unwrap();
                ready.send(()).unwrap();
                while let Some(Ok(message)) = stream.next().await {
                    let member = message.header().member().map(ToString::to_string).unwrap_or_default();
                    if message.message_type() == Type::MethodCall && sender.send(member).is_err() {
                        return;
                    }
                }
            });
        });
        is_ready.recv_timeout(HANG).expect("the monitor listens");
        Monitor { calls }
    }

    /// Waits until this method has been called; all calls until then, it included.
    pub(crate) fn until(&self, member: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != member) {
            seen.push(
                self.calls.recv_timeout(HANG).unwrap_or_else(|_| panic!("{member} was not called: {seen:?}")),
            );
        }
        seen
    }

    /// The calls that have been seen since.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.calls.try_iter().collect()
    }
}
