//! `hvctl kvp watch` and `hvctl kvp wait`: changes as they happen.
//!
//! Both subscribe before they look or say that they are ready, so nothing falls between. Both outlive a restart
//! of the daemon. Events go to standard output; what concerns the run (ready, the daemon left) goes to standard
//! error for people and into the same stream of objects with `--json`.

use std::io;
use std::pin::pin;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::args::{self, Cli};
use crate::error::{Code, Error, Failure};
use crate::kvp::print_value;
use crate::output::{Item, Output, Paint};
use crate::proxies::{KVPD, Kvp, carriable, connect, is_no_such_key};
use crate::subscription::{Notice, Subscription};
use crate::text::escape;
use hv_utils_core::wire::kvp::Pool;

/// `hvctl kvp watch [POOL]`: ends only when its reader, or the bus, has gone.
pub(crate) async fn watch(pool: Option<&str>, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let pool = pool.map(args::pool).transpose()?;
    let connection = connect(&cli.bus).await?;
    let mut subscription = Subscription::new(&connection, pool).await?;
    ready(pool, subscription.daemon_is_there(), output)?;
    let mut reader_gone = reader_gone();
    loop {
        tokio::select! {
            notice = subscription.next() => report(&notice?, output)?,
            _ = &mut reader_gone => return Err(Failure::PipeClosed),
        }
    }
}

/// One line of `watch --json`.
#[derive(Debug, Serialize)]
struct Event<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
}

impl<'a> Event<'a> {
    fn new(event: &'a str) -> Event<'a> {
        Event { event, daemon: None, pool: None, key: None, value: None, origin: None }
    }
}

fn ready(pool: Option<Pool>, daemon: bool, output: &Output) -> Result<(), Failure> {
    if output.json {
        let event = Event { daemon: Some(daemon), pool: pool.map(Pool::name), ..Event::new("ready") };
        return output.object("kvp-watch", &event);
    }
    let what = pool.map_or("all pools".to_owned(), |pool| format!("pool {}", pool.name()));
    output.note(&format!("ready: watching {what}"));
    if !daemon {
        output
            .note(&format!("{KVPD} is not running: changes show as soon as it is (systemctl start {KVPD})"));
    }
    Ok(())
}

fn report(notice: &Notice, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.object("kvp-watch", &event_of(notice));
    }
    match notice {
        Notice::Changed { item, origin } => output.line(&format!(
            "{} {} {} = {} ({})",
            output.painted("changed", Paint::Green),
            escape(&item.pool),
            escape(&item.key),
            escape(&item.value),
            escape(origin)
        )),
        Notice::Removed { pool, key, origin } => output.line(&format!(
            "{} {} {} ({})",
            output.painted("removed", Paint::Yellow),
            escape(pool),
            escape(key),
            escape(origin)
        )),
        Notice::Gone => {
            output.note(&format!("{KVPD} left the bus: waiting for it"));
            Ok(())
        }
        Notice::Back => {
            output.note(&format!("{KVPD} is on the bus"));
            Ok(())
        }
    }
}

fn event_of(notice: &Notice) -> Event<'_> {
    match notice {
        Notice::Changed { item, origin } => Event {
            pool: Some(&item.pool),
            key: Some(&item.key),
            value: Some(&item.value),
            origin: Some(origin),
            ..Event::new("changed")
        },
        Notice::Removed { pool, key, origin } => {
            Event { pool: Some(pool), key: Some(key), origin: Some(origin), ..Event::new("removed") }
        }
        Notice::Gone => Event { daemon: Some(false), ..Event::new("daemon-gone") },
        Notice::Back => Event { daemon: Some(true), ..Event::new("daemon-back") },
    }
}

/// Resolves when standard output has lost its reader, so that `watch | head -1` ends without waiting for the
/// next change. A thread waits in poll(2): a watcher has no other thread, and this one costs nothing while idle.
pub(crate) fn reader_gone() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let stdout = io::stdout();
        // No event is asked for: only an error or a hang-up ends the wait.
        let gone = retry_on_intr(|| poll(&mut [PollFd::new(&stdout, PollFlags::empty())], None));
        match gone {
            // If nobody receives this, the process is ending anyway.
            Ok(_) => drop(sender.send(())),
            // Without poll the next write finds out; the receiver must not take this for the event.
            Err(_) => std::mem::forget(sender),
        }
    });
    receiver
}

/// `hvctl kvp wait POOL KEY`: the value as soon as there is one.
pub(crate) async fn wait(
    pool: &str,
    key: &str,
    timeout: Option<Duration>,
    cli: &Cli,
    output: &Output,
) -> Result<(), Failure> {
    let pool = args::pool(pool)?;
    carriable(key)?;
    let connection = connect(&cli.bus).await?;
    let kvp = Kvp::on(&connection).await?;
    let mut subscription = Subscription::new(&connection, Some(pool)).await?;
    // A time too far away to be reckoned is no time limit.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let waiting = until_there(&kvp, &mut subscription, pool, key, timeout.is_some_and(|time| time.is_zero()));
    let value = match deadline {
        Some(deadline) if timeout != Some(Duration::ZERO) => {
            tokio::time::timeout_at(deadline, waiting).await.ok().transpose()?.flatten()
        }
        _ => waiting.await?,
    };
    let there = subscription.daemon_is_there();
    let value = value.ok_or_else(|| out_of_time(pool, key, timeout.unwrap_or_default(), there))?;
    print_value("kvp-wait", &Item { pool: pool.name().to_owned(), key: key.to_owned(), value }, output)
}

/// Looks, then waits for the key or for the daemon, and so on. `None` only with `once`, which does not wait.
async fn until_there(
    kvp: &Kvp,
    subscription: &mut Subscription,
    pool: Pool,
    key: &str,
    once: bool,
) -> Result<Option<String>, Error> {
    loop {
        let mut back = false;
        let mut look = pin!(kvp.get(pool, key));
        let found = loop {
            tokio::select! {
                found = &mut look => break found,
                notice = subscription.next() => match meaning(notice?, pool, key) {
                    Some(Meaning::Value(value)) => return Ok(Some(value)),
                    Some(Meaning::Back) => back = true,
                    None => {}
                },
            }
        };
        match found {
            Ok(value) => return Ok(Some(value)),
            Err(error) if is_no_such_key(&error) || error.is_absent_daemon() => {}
            Err(error) => return Err(error),
        }
        if once {
            return Ok(None);
        }
        while !back {
            match meaning(subscription.next().await?, pool, key) {
                Some(Meaning::Value(value)) => return Ok(Some(value)),
                Some(Meaning::Back) => back = true,
                None => {}
            }
        }
    }
}

/// What a notice means to one who waits.
enum Meaning {
    /// The value is here.
    Value(String),
    /// The daemon came: look again.
    Back,
}

fn meaning(notice: Notice, pool: Pool, key: &str) -> Option<Meaning> {
    match notice {
        Notice::Changed { item, .. } if item.pool == pool.name() && item.key == key => {
            Some(Meaning::Value(item.value))
        }
        Notice::Back => Some(Meaning::Back),
        _ => None,
    }
}

fn out_of_time(pool: Pool, key: &str, timeout: Duration, daemon: bool) -> Error {
    let name = pool.name();
    let message = format!("no key \"{key}\" in pool {name} after {} s", timeout.as_secs_f64());
    let hint = if daemon {
        format!("hvctl kvp list {name} shows the keys there are; a larger --timeout waits longer")
    } else {
        format!("{KVPD} is not running: start it with systemctl start {KVPD}")
    };
    Error::new(Code::OutOfTime, "OutOfTime", message).hint(hint)
}
