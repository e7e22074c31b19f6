//! systemd-logind, or elogind: who objects, whether the machine can hibernate, and having it go down.
//!
//! Until systemd 256 root is not held up by inhibitors unless it asks for that (flag 1); from 257 on nobody gets past one of
//! mode `block` but with flag 16, for which polkit is asked even of root, and `block-weak` is what `block` was. Older ones
//! refuse the flags they do not know, and the oldest have no methods with flags. From `org.freedesktop.login1(5)`,
//! `systemd-inhibit(1)` and logind's behaviour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hv_utils_core::wire::shutdown::Action;
use tokio::time::timeout;
use zbus::message::Type as MessageType;
use zbus::{Connection, MatchRule, MessageStream};

use super::calls::{self, Failure, Object};
use super::follow::{Prepared, Trail};
use super::ladder::Answer;
use super::order::bounded;
use super::{GLANCE, Order, PATIENCE};

/// logind.
pub(super) const LOGIND: Object = Object {
    name: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};
/// Inhibitors hold up root, too (`SD_LOGIND_ROOT_CHECK_INHIBITORS`).
const CHECK: u64 = 1;
/// They hold up nobody (`SD_LOGIND_SKIP_INHIBITORS`).
const SKIP: u64 = 1 << 4;
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const INVALID: &str = "org.freedesktop.DBus.Error.InvalidArgs";
const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";
/// An inhibitor is in the way, since 257; before it is [`DENIED`].
const BLOCKED: &str = "org.freedesktop.login1.BlockedByInhibitorLock";
/// Something else has been begun.
const IN_PROGRESS: &str = "org.freedesktop.login1.OperationInProgress";
/// So many inhibitors are told.
const MOST: usize = 64;

/// Somebody who says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Who, in his own words.
    pub who: String,
    /// Why, in his own words.
    pub why: String,
}

/// An inhibitor: what, who, why, mode, user, process.
type Inhibitor = (String, String, String, String, u32, u32);

/// Who says no. Empty if logind cannot say.
pub(super) async fn objections(bus: &Connection, action: Action) -> Vec<Objection> {
    let all: Result<Vec<Inhibitor>, _> = calls::call(bus, LOGIND, "ListInhibitors", &(), GLANCE).await;
    // What is written to disk and goes on later is not ended, so who says no to a shutdown says nothing about it.
    let kind = if action == Action::Hibernate { "sleep" } else { "shutdown" };
    let objects = |(what, _, _, mode, _, _): &Inhibitor| {
        mode.starts_with("block") && what.split(':').any(|what| what == kind)
    };
    let all = all.unwrap_or_default();
    let objecting = all.iter().filter(|inhibitor| objects(inhibitor)).take(MOST);
    objecting.map(|inhibitor| Objection { who: bounded(&inhibitor.1), why: bounded(&inhibitor.2) }).collect()
}

/// Whether it can hibernate: `yes`, or what logind says in its place.
pub(super) async fn can_hibernate(bus: &Connection) -> Result<String, Failure> {
    calls::call(bus, LOGIND, "CanHibernate", &(), GLANCE).await
}

/// Has it done at once.
pub(super) async fn ask(bus: &Connection, order: &Order) -> Answer {
    let signals = match signals(bus).await {
        Ok(signals) => signals,
        Err(why) => return Answer::No(why.words()),
    };
    match call(bus, order).await {
        Ok(()) => Answer::Yes(Trail::Logind(Prepared::new(signals, None))),
        // It goes down, if not as ordered.
        Err(why) if why.is(IN_PROGRESS) && order.force => {
            Answer::Yes(Trail::Logind(Prepared::new(signals, None)))
        }
        Err(why) => refusal(bus, order, &why).await,
    }
}

/// Has it done in time, and the users told.
pub(super) async fn schedule(bus: &Connection, order: &Order, delay: Duration) -> Answer {
    let signals = match signals(bus).await {
        Ok(signals) => signals,
        Err(why) => return Answer::No(why.words()),
    };
    if order.heeds()
        && let Some(no) = objection(bus, order.action).await
    {
        return Answer::Never(no);
    }
    let wall: Result<(), _> =
        calls::call(bus, LOGIND, "SetWallMessage", &(order.wall(), true), PATIENCE).await;
    match wall {
        Ok(()) => {}
        Err(Failure::Silent) => return Answer::No(Failure::Silent.words()),
        Err(why) => tracing::warn!("logind does not take the host's text for the users: {}", why.words()),
    }
    let when = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + delay;
    let when = u64::try_from(when.as_micros()).unwrap_or(u64::MAX);
    let scheduled: Result<(), _> =
        calls::call(bus, LOGIND, "ScheduleShutdown", &(order.action.name(), when), PATIENCE).await;
    match scheduled {
        Ok(()) => Answer::Yes(Trail::Logind(Prepared::new(signals, Some(delay)))),
        Err(why) => refusal(bus, order, &why).await,
    }
}

/// Whether logind is about to do something, or has it scheduled. An error means that it cannot be asked.
pub(super) async fn is_about_to(bus: &Connection) -> Result<bool, Failure> {
    for preparing in ["PreparingForShutdown", "PreparingForSleep"] {
        if calls::get::<bool>(bus, LOGIND, preparing, PATIENCE).await? {
            return Ok(true);
        }
    }
    let (kind, _) = calls::get::<(String, u64)>(bus, LOGIND, "ScheduledShutdown", PATIENCE).await?;
    Ok(!kind.is_empty())
}

/// What it tells, from now on.
pub(super) async fn signals(bus: &Connection) -> Result<MessageStream, Failure> {
    let rule = MatchRule::builder()
        .msg_type(MessageType::Signal)
        .sender(LOGIND.name)
        .path(LOGIND.path)
        .interface(LOGIND.interface)
        .build()?;
    let subscribed = timeout(PATIENCE, MessageStream::for_match_rule(rule, bus, None)).await;
    Ok(subscribed.map_err(|_| Failure::Silent)??)
}

async fn call(bus: &Connection, order: &Order) -> Result<(), Failure> {
    let method = match order.action {
        Action::PowerOff => "PowerOff",
        Action::Restart => "Reboot",
        Action::Hibernate => "Hibernate",
    };
    let with_flags = format!("{method}WithFlags");
    let flags = if order.heeds() { CHECK } else { SKIP };
    let first = calls::call(bus, LOGIND, &with_flags, &flags, PATIENCE).await;
    match first {
        // Such a one has root pass in any case.
        Err(why) if why.is(INVALID) && flags == SKIP => {
            calls::call(bus, LOGIND, &with_flags, &0_u64, PATIENCE).await
        }
        Err(why) if why.is(UNKNOWN_METHOD) => {
            if order.heeds()
                && let Some(no) = objection(bus, order.action).await
            {
                return Err(Failure::Error(BLOCKED.to_owned(), no));
            }
            // Nobody is there to be asked for a password.
            calls::call(bus, LOGIND, method, &false, PATIENCE).await
        }
        first => first,
    }
}

/// What its no means.
async fn refusal(bus: &Connection, order: &Order, why: &Failure) -> Answer {
    let blocked = why.is(BLOCKED) || why.is(DENIED);
    if blocked
        && order.heeds()
        && let Some(no) = objection(bus, order.action).await
    {
        return Answer::Never(no);
    }
    let says_no = match why {
        Failure::Error(..) => {
            // Without an inhibitor that can be seen it is logind's word all the same.
            why.is(BLOCKED) && order.heeds()
                || why.is(IN_PROGRESS) && !order.force
                // What it knows of swap and resume nobody else does.
                || order.action == Action::Hibernate
        }
        // It may still do it, and then the machine would sleep twice.
        Failure::Silent => order.action == Action::Hibernate,
        _ => false,
    };
    let words = why.words();
    if says_no { Answer::Never(format!("logind says no: {words}")) } else { Answer::No(words) }
}

/// The first who says no, as a sentence.
async fn objection(bus: &Connection, action: Action) -> Option<String> {
    let Objection { who, why } = objections(bus, action).await.into_iter().next()?;
    Some(format!("{who} says no: {why}"))
}
