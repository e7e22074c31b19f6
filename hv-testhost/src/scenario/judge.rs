//! Whether what came is what a step expects.
//!
//! Compares and explains; receives nothing. A reply to an unchanged packet must also keep every rule of a reply
//! (see [`crate::host::check`]), unless the step expects a rule to be broken.

use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Status, Version};

use super::expect::Answer;
use super::report::Mismatch;
use crate::host::check::{self, u16_at, u32_at};
use crate::host::kvp::reply;
use crate::host::{Problem, Violation};
use crate::link::Packet;
use crate::outcome::{Failure, Item, Outcome, exit};

/// What was sent, as far as it matters for its answer.
pub(super) struct Sent<'a> {
    /// The packet.
    pub(super) packet: &'a Packet,
    /// Whether it was one that a host sends.
    pub(super) sane: bool,
}

/// Judges a reply packet.
///
/// # Errors
/// The first thing that is not as expected.
pub(super) fn packet(expected: &Answer, sent: &Sent<'_>, got: &Packet) -> Result<(), Mismatch> {
    let mut problems = Vec::new();
    let reply = check::reply(sent.packet, got.clone(), &mut problems);
    if let Err(problem) = &reply {
        problems.push(problem.clone());
    }
    let judged = rules(expected, sent.sane, &problems).and_then(|()| fields(expected, got));
    let judged = judged.and_then(|()| match (&expected.key, &expected.value) {
        (None, None) => Ok(()),
        _ => item(expected, sent, got),
    });
    let judged =
        judged.and_then(|()| expected.adapter.as_ref().map_or(Ok(()), |_| adapter(expected, sent, got)));
    judged.map_err(|mismatch| mismatch.with(sent.packet, got))
}

fn rules(expected: &Answer, sane: bool, problems: &[Problem]) -> Result<(), Mismatch> {
    match &expected.violation {
        Some(part) if problems.iter().any(|problem| problem.to_string().contains(part.as_str())) => Ok(()),
        Some(part) => Err(Mismatch::new(format!("a broken rule: {part}"), listed(problems))),
        None if sane && !problems.is_empty() => Err(Mismatch::new("no broken rule", listed(problems))),
        None => Ok(()),
    }
}

fn listed(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return "no rule was broken".to_owned();
    }
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn fields(expected: &Answer, got: &Packet) -> Result<(), Mismatch> {
    let payload = got.payload.as_slice();
    if let Some(status) = expected.status {
        same("status", &Status(status), &status_of(got).unwrap_or(Status(!status)))?;
    }
    if let Some(statuses) = &expected.status_in {
        one_of(statuses, status_of(got))?;
    }
    if let Some(length) = expected.length {
        same("length", &length, &u32_at(payload, 4))?;
    }
    if let Some(id) = expected.transaction_id {
        same("VMBus transaction id", &id, &got.header.transaction_id)?;
    }
    if let Some(agreed) = &expected.agreed {
        same("versions", agreed, &agreed_in(payload))?;
    }
    for bytes in &expected.bytes {
        let there = payload.get(bytes.at..bytes.at + bytes.hex.0.len()).unwrap_or_default();
        if there != bytes.hex.0 {
            let (wanted, there) = (crate::hex::line(&bytes.hex.0), crate::hex::line(there));
            let at = bytes.at;
            return Err(Mismatch::new(format!("at {at:#x}: {wanted}"), format!("at {at:#x}: {there}")));
        }
    }
    match &expected.payload {
        // What the ring pads belongs to the packet and not to the message.
        Some(hex)
            if payload.get(..hex.0.len()) != Some(&hex.0)
                || payload.len() > hex.0.len().next_multiple_of(8) =>
        {
            Err(Mismatch::new(format!("payload\n{}", crate::hex::dump(&hex.0)), "another payload"))
        }
        _ => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: &T, actual: &T) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    Err(Mismatch::new(format!("{what} {expected}"), format!("{what} {actual}")))
}

fn one_of(statuses: &[u32], actual: Option<Status>) -> Result<(), Mismatch> {
    if actual.is_some_and(|actual| statuses.contains(&actual.0)) {
        return Ok(());
    }
    let wanted: Vec<String> = statuses.iter().map(|status| Status(*status).to_string()).collect();
    let actual = actual.map_or_else(|| "no status".to_owned(), |actual| format!("status {actual}"));
    Err(Mismatch::new(format!("status {}", wanted.join(" or ")), actual))
}

/// The status in a packet's IC header, if it is long enough to have one.
pub(super) fn status_of(packet: &Packet) -> Option<Status> {
    (packet.payload.len() >= check::HEADERS).then(|| Status(u32_at(&packet.payload, 20)))
}

/// The versions in an answer to NEGOTIATE, `framework/message`.
fn agreed_in(payload: &[u8]) -> String {
    if (u16_at(payload, 28), u16_at(payload, 30)) != (1, 1) {
        return format!("none (counts {}/{})", u16_at(payload, 28), u16_at(payload, 30));
    }
    let version = |at: usize| format!("{}.{}", u16_at(payload, at), u16_at(payload, at + 2));
    format!("{}/{}", version(36), version(40))
}

fn item(expected: &Answer, sent: &Sent<'_>, got: &Packet) -> Result<(), Mismatch> {
    let mut tolerated = Vec::new();
    let read = check::reply(sent.packet, got.clone(), &mut tolerated).and_then(|answer| {
        // The pool is only carried along here: one that does not exist must not end the reading.
        let pool = answer.body.get(1).and_then(|pool| Pool::try_from(*pool).ok()).unwrap_or(Pool::External);
        match answer.body.first() {
            Some(0) => reply::got(pool, &answer, &mut tolerated),
            _ => reply::enumerated(pool, &answer, &mut tolerated),
        }
    });
    let read = read.map_err(|problem| Mismatch::new("an item", problem.to_string()))?;
    unbroken(expected, sent, &tolerated)?;
    key_and_value(expected, &read)
}

/// What is odd about an answer's content fails the step as any broken rule does.
fn unbroken(expected: &Answer, sent: &Sent<'_>, tolerated: &[Problem]) -> Result<(), Mismatch> {
    match tolerated.first().filter(|_| sent.sane && expected.violation.is_none()) {
        Some(problem) => Err(Mismatch::new("no broken rule", problem.to_string())),
        None => Ok(()),
    }
}

fn adapter(expected: &Answer, sent: &Sent<'_>, got: &Packet) -> Result<(), Mismatch> {
    let payload = sent.packet.payload.as_slice();
    let version = Version::new(u16_at(payload, 14), u16_at(payload, 16));
    let asked = payload.get(check::HEADERS..).unwrap_or_default();
    let mut tolerated = Vec::new();
    let read = check::reply(sent.packet, got.clone(), &mut Vec::new())
        .and_then(|answer| reply::ip::configuration(asked, &answer, version, &mut tolerated))
        .map_err(|problem| Mismatch::new("a network adapter's configuration", problem.to_string()))?;
    unbroken(expected, sent, &tolerated)?;
    expected.adapter.as_ref().map_or(Ok(()), |wanted| wanted.compare(&read))
}

fn key_and_value(expected: &Answer, item: &Item) -> Result<(), Mismatch> {
    if let Some(key) = &expected.key {
        same("key", key, &item.key)?;
    }
    if let Some(value) = &expected.value {
        same("value", value, &item.value)?;
    }
    Ok(())
}

/// Judges the rules that were broken while a service was at work.
///
/// # Errors
/// One was, or the expected one was not.
pub(super) fn broken(expected: &Answer, violations: &[Violation]) -> Result<(), Mismatch> {
    let problems: Vec<Problem> = violations.iter().map(|found| found.problem.clone()).collect();
    rules(expected, true, &problems)
}

/// Judges what a verb came to.
///
/// # Errors
/// The first thing that is not as expected.
pub(super) fn outcome(
    expected: &Answer,
    result: &Result<Outcome, Failure>,
    violations: &[Violation],
) -> Result<(), Mismatch> {
    broken(expected, violations)?;
    let actual = match result {
        Err(Failure::Refused { status, .. } | Failure::RefusedBytes { status, .. }) => *status,
        _ => Status::OK,
    };
    let code = result.as_ref().map_or_else(Failure::exit_code, |_| exit::OK);
    let refused = match &expected.status_in {
        Some(statuses) => !actual.is_ok() && statuses.contains(&actual.0),
        None => expected.status.is_some_and(|status| status != 0),
    };
    let wanted = expected.exit.unwrap_or(if refused { exit::REFUSED } else { exit::OK });
    if code != wanted {
        let said = result.as_ref().err().map(|failure| format!(": {failure}")).unwrap_or_default();
        return Err(Mismatch::new(format!("exit code {wanted}"), format!("exit code {code}{said}")));
    }
    if let Some(status) = expected.status {
        same("status", &Status(status), &actual)?;
    }
    match (&expected.adapter, result) {
        (None, _) => {}
        (Some(wanted), Ok(Outcome::Adapter(there))) => wanted.compare(there)?,
        (Some(_), _) => return Err(Mismatch::new("a network adapter's configuration", "none")),
    }
    items(expected, result)
}

fn items(expected: &Answer, result: &Result<Outcome, Failure>) -> Result<(), Mismatch> {
    let there: Vec<Item> = match result {
        Ok(Outcome::Items(items)) => items.clone(),
        Ok(Outcome::Item(item)) => vec![item.clone()],
        _ => Vec::new(),
    };
    let pairs: Vec<[String; 2]> = there.iter().map(|item| [item.key.clone(), item.value.clone()]).collect();
    let shown = format!("{pairs:?}");
    if expected.items.as_ref().is_some_and(|items| *items != pairs) {
        return Err(Mismatch::new(format!("the items {:?}", expected.items.as_ref()), shown));
    }
    if let Some(missing) = expected.contains.iter().find(|pair| !pairs.contains(pair)) {
        return Err(Mismatch::new(format!("an item {missing:?}"), shown));
    }
    if let Some(key) = expected.lacks.iter().find(|key| pairs.iter().any(|pair| pair[0] == **key)) {
        return Err(Mismatch::new(format!("no item {key:?}"), shown));
    }
    if expected.key.is_none() && expected.value.is_none() {
        return Ok(());
    }
    match there.as_slice() {
        [item] => key_and_value(expected, item),
        _ => Err(Mismatch::new("one item", shown)),
    }
}

#[cfg(test)]
mod tests;
