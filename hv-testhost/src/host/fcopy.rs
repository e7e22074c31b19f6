//! Guest Service Interface: a file for the guest, as `Copy-VMFile` sends it: START, WRITE after WRITE, COMPLETE.
//!
//! A copy that the guest has begun is never left without a word, unless that is what was asked for: a refusal, a file that
//! cannot be read and this host's end all send CANCEL. Each answer has its time; the whole may take as long as it takes.

mod source;

use hv_utils_core::wire::fcopy::{
    Operation, Start, WRITE_HEAD_BYTES, encode_bare, encode_start, encode_write,
};
use tokio::time::Instant;

use super::check::{HEADERS, u32_at};
use super::ic::Ic;
use super::problem::Problem;
use super::service::Service;
use crate::link::{Packet, PacketLink};
use crate::outcome::{Asked, CopyEnd, Failure, FileCopied, Outcome};
use crate::verb::{CopyAsk, Verb};
use source::Source;

/// The service.
#[derive(Debug, Default)]
pub struct FileCopy {
    /// The guest may have begun a copy, and was not told what became of it.
    cancel_due: bool,
    notes: Vec<String>,
}

impl FileCopy {
    /// Copies a file.
    ///
    /// # Errors
    /// The file cannot be read, the guest refused, or there is no usable answer.
    pub async fn copy<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        ask: &CopyAsk,
    ) -> Result<FileCopied, Failure> {
        let mut source = Source::open(&ask.source).await?;
        let (path, name) = ask.names();
        let target = target(path, &name);
        let start = Start {
            path: path.to_owned(),
            name,
            overwrite: ask.force,
            create_path: ask.create_full_path,
            size: source.bytes(),
        };
        let start = encode_start(&start).ok_or_else(|| {
            Failure::Usage("the path or the name has more than 259 UTF-16 units, which do not fit".into())
        })?;
        let begun = Instant::now();
        self.cancel_due = true;
        let mut sent = 0;
        let ended = self.run(ic, ask, &mut source, (&start, &target), &mut sent).await;
        if ended.is_err() {
            self.cancel_after_failure(ic).await;
        }
        Ok(FileCopied { target, bytes: source.bytes(), sent, took: begun.elapsed(), end: ended? })
    }

    async fn run<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        ask: &CopyAsk,
        source: &mut Source,
        (start, target): (&[u8], &str),
        sent: &mut u64,
    ) -> Result<CopyEnd, Failure> {
        let began = one(ic, Operation::START, start, || format!("begin a copy to {target}")).await;
        if matches!(began, Err(Failure::Refused { .. })) {
            self.cancel_due = false;
        }
        began?;
        let bytes = source.bytes();
        let end = ask.cut_after.or(ask.cancel_after).map_or(bytes, |limit| limit.min(bytes));
        while *sent < end {
            let length = usize::try_from(u64::from(ask.chunk).min(end - *sent)).unwrap_or(0);
            let mut write = encode_write(*sent, source.piece(*sent, length).await?);
            let next = *sent + length as u64;
            if ask.short_last && next == bytes {
                write.truncate(WRITE_HEAD_BYTES + length);
            }
            let what = || format!("take the bytes {sent} to {} of {target}", next - 1);
            one(ic, Operation::WRITE, &write, what).await?;
            *sent = next;
        }
        if ask.cut_after.is_some() {
            self.cancel_due = false;
            return Ok(CopyEnd::Cut);
        }
        if ask.cancel_after.is_some() {
            self.cancel(ic).await?;
            return Ok(CopyEnd::Cancelled);
        }
        let complete = encode_bare(Operation::COMPLETE);
        one(ic, Operation::COMPLETE, &complete, || format!("complete the copy to {target}")).await?;
        self.cancel_due = false;
        Ok(CopyEnd::Complete)
    }

    /// CANCEL, also while the answer to an earlier request is still due.
    async fn cancel<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        let mine = |answer: &Packet| {
            answer.payload.len() >= HEADERS + 4 && u32_at(&answer.payload, HEADERS) == Operation::CANCEL.0
        };
        let answer = ic.insist("CANCEL", &encode_bare(Operation::CANCEL), mine).await;
        self.cancel_due = false;
        let status = answer?.status;
        let what = "cancel the copy".to_owned();
        if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what, status, asked: Asked::Copy }) }
    }

    /// Tells the guest that nothing more comes; the first failure is the one that counts.
    async fn cancel_after_failure<L: PacketLink>(&mut self, ic: &mut Ic<L>) {
        // A guest that broke the protocol has been given up, as a real host does.
        if self.cancel_due
            && ic.alive().is_ok()
            && let Err(why) = self.cancel(ic).await
        {
            self.notes.push(format!("the copy could not be cancelled: {why}"));
        }
        self.cancel_due = false;
    }
}

/// The target as one path.
fn target(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path.ends_with('/') => format!("{path}{name}"),
        path => format!("{path}/{name}"),
    }
}

/// Asks one thing, which a status other than 0 refuses.
async fn one<L: PacketLink>(
    ic: &mut Ic<L>,
    operation: Operation,
    body: &[u8],
    what: impl Fn() -> String,
) -> Result<(), Failure> {
    let during = operation.name().unwrap_or("file copy");
    let reply = ic.exchange(during, body).await?;
    if reply.body.len() >= 4 && u32_at(&reply.body, 0) != operation.0 {
        ic.violated(during, Problem::NotEchoed("the operation"));
    }
    let status = reply.status;
    if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what: what(), status, asked: Asked::Copy }) }
}

impl Service for FileCopy {
    async fn negotiated<L: PacketLink>(&mut self, _ic: &mut Ic<L>) -> Result<(), Failure> {
        Ok(())
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        match verb {
            Verb::CopyVmfile(ask) => self.copy(ic, ask).await.map(Outcome::FileCopied),
            _ => Err(Failure::Usage("this verb is not for the fcopy service".into())),
        }
    }

    async fn leave<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Option<String> {
        if !self.cancel_due {
            return None;
        }
        Some(match self.cancel(ic).await {
            Ok(()) => "a copy was cut short, the guest was told so".to_owned(),
            Err(why) => format!("a copy was cut short and could not be cancelled: {why}"),
        })
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests;
