//! From a message to what is done about it, and from what was done to the answer.

use super::{Fcopyd, Held, KERNEL_PATIENCE, Until};
use crate::engine::{Decision, Failure, Id, Next};
use crate::target::Refusal;
use crate::worker::Done;
use hv_utils_core::channel::{Framing, Link, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::{self, Operation, Problem, Start};
use tokio::time::Instant;

impl Fcopyd {
    /// Decides upon a request.
    pub(super) fn serve(&mut self, request: Request, link: &mut Link) {
        let body = link.body(&request);
        let parsed = match request.framing {
            Framing::Raw { .. } => fcopy::parse(body),
            Framing::CharDevice => fcopy::parse_chardev(body),
        };
        let decision = match parsed {
            Ok(fcopy::Request::Write { offset, data }) => {
                let decision = self.engine.write(offset, data.len());
                if let Next::Take(id) = decision.next {
                    // What most requests are: nothing is copied but the bytes.
                    self.gather.push(offset, data);
                    let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    return self.took(id, bytes, request, link);
                }
                decision
            }
            Ok(fcopy::Request::Start(start)) => return self.start(start, request, link),
            Ok(fcopy::Request::Complete) => self.engine.complete(),
            Ok(fcopy::Request::Cancel) => self.engine.cancel(),
            Err(problem) => return self.unreadable(&problem, request, link),
        };
        self.follow(decision, request, link);
    }

    fn start(&mut self, start: Start, request: Request, link: &mut Link) {
        let target = target(&start);
        let size = start.size;
        let Decision { ended, next } = self.engine.start(Ok(size));
        self.end(ended);
        match next {
            Next::Begin(id) => {
                self.copies.begin(id, &target, size);
                self.worker.begin(id, start, self.ground.clone());
                self.hold(request, Until::Began(id));
            }
            Next::Refuse(failure) => {
                self.refused(&target, size, &failure);
                link.answer(&request, failure.status, |_| {});
            }
            _ => link.answer(&request, Status::FAIL, |_| {}),
        }
    }

    /// A message that is none: the copy that it belongs to cannot become what the host wants.
    fn unreadable(&mut self, problem: &Problem, request: Request, link: &mut Link) {
        let failure = Failure::new(problem.status(), problem.to_string());
        let decision = match problem {
            Problem::TooShort { operation: Operation::START, .. } | Problem::Name { .. } => {
                let decision = self.engine.start(Err(failure.clone()));
                self.refused("a name that cannot be read", 0, &failure);
                decision
            }
            Problem::TooMuch(_) | Problem::TooShort { operation: Operation::WRITE, .. } => {
                self.engine.unreadable_write(&failure)
            }
            _ => Next::Answer(failure.status).into(),
        };
        self.end(decision.ended);
        let status = match decision.next {
            Next::Answer(status) => status,
            _ => failure.status,
        };
        link.reject(&request, status);
    }

    fn follow(&mut self, decision: Decision, request: Request, link: &mut Link) {
        let Decision { ended, next } = decision;
        self.end(ended);
        match next {
            Next::Answer(status) => link.answer(&request, status, |_| {}),
            Next::Refuse(failure) => link.answer(&request, failure.status, |_| {}),
            Next::Finish(id) => {
                while let Some(piece) = self.gather.rest() {
                    self.worker.write(id, piece);
                }
                self.worker.finish(id, limit(&request).map(Instant::into_std));
                self.hold(request, Until::Finished(id));
            }
            Next::Remove(id) => self.hold(request, Until::Removed(id)),
            // Only START and WRITE, which are not followed here.
            Next::Begin(_) | Next::Take(_) => link.answer(&request, Status::FAIL, |_| {}),
        }
    }

    /// Bytes are here: gives the disk what it can take, and answers unless that, or the limit, is to be waited for.
    fn took(&mut self, id: Id, bytes: u64, request: Request, link: &mut Link) {
        self.board.progressed(self.copies.took(id, bytes));
        self.supply(id);
        let due = self.rate.take(Instant::now(), bytes);
        match (self.gather.has_room(), due) {
            (true, None) => link.answer(&request, Status::OK, |_| {}),
            (true, Some(due)) => self.hold(request, Until::Due(id, due)),
            (false, due) => self.hold(request, Until::Room(id, due)),
        }
    }

    fn supply(&mut self, id: Id) {
        while let Some(piece) = self.gather.turn() {
            self.worker.write(id, piece);
        }
    }

    fn hold(&mut self, request: Request, until: Until) {
        let limit = limit(&request);
        self.held = Some(Held { request, until, limit });
    }

    /// The disk takes longer than the kernel waits for an answer.
    pub(super) fn give_up(&mut self, link: &mut Link) {
        let Refusal { status, why } = Refusal::late();
        let failure = Failure::new(status, why);
        let ended = self.engine.give_up(&failure);
        self.end(ended);
        self.answer_held(failure.status, link);
    }

    /// The thread has done something.
    pub(super) fn done(&mut self, done: Done, link: &mut Link) {
        match done {
            Done::Began(id, shown) => {
                self.began(id, &shown);
                if matches!(self.held, Some(Held { until: Until::Began(held), .. }) if held == id) {
                    self.answer_held(Status::OK, link);
                }
            }
            Done::Wrote(buffer) => {
                self.gather.back(buffer);
                if let Some(id) = self.copies.current() {
                    self.supply(id);
                }
                if let Some(held) = &mut self.held
                    && let Until::Room(id, due) = held.until
                    && self.gather.has_room()
                {
                    // A moment that has passed comes at once.
                    held.until = Until::Due(id, due.unwrap_or_else(Instant::now));
                }
            }
            Done::Over(id, result) => {
                let result = self.over(id, result);
                self.answer_over(id, result.map_err(|failure| failure.status), link);
            }
        }
    }

    /// A copy is over: whoever waits for something of it waits in vain, or for this.
    fn answer_over(&mut self, id: Id, result: Result<(), Status>, link: &mut Link) {
        let status = match (self.held.as_ref().map(|held| held.until), result) {
            (Some(Until::Removed(held)), result) if held == id => match result {
                Err(_) => Status::OK,
                // It had its name before anybody could know.
                Ok(()) => Status::FAIL,
            },
            (_, Ok(())) => return self.answer_complete(id, link),
            (Some(Until::Began(held) | Until::Finished(held)), Err(status)) if held == id => status,
            (Some(Until::Room(held, _) | Until::Due(held, _)), Err(status)) if held == id => status,
            _ => return,
        };
        self.answer_held(status, link);
    }

    /// The file is there, whatever has become of the request for it meanwhile.
    fn answer_complete(&mut self, id: Id, link: &mut Link) {
        let held = self.held.take_if(|held| matches!(held.until, Until::Finished(held) if held == id));
        // An answer that waits for room will be found by whoever reads.
        let told = held
            .is_some_and(|held| link.answer_noted(&held.request, Status::OK, |_| {}).known() != Some(false));
        if !told && self.engine.untold(id) {
            tracing::warn!(
                "the host was told that the last copy failed before it was complete: the file is there"
            );
        }
    }

    /// Answers the request that waits, if there is one.
    pub(super) fn answer_held(&mut self, status: Status, link: &mut Link) {
        if let Some(held) = self.held.take() {
            link.answer(&held.request, status, |_| {});
        }
    }
}

/// When an answer is too late.
fn limit(request: &Request) -> Option<Instant> {
    matches!(request.framing, Framing::CharDevice).then(|| Instant::now() + KERNEL_PATIENCE)
}

/// What the host calls the place, before anybody knows what is there.
fn target(start: &Start) -> String {
    let separator = if start.path.is_empty() || start.path.ends_with('/') { "" } else { "/" };
    format!("{}{separator}{}", start.path, start.name)
}
