//! One request of the host, from its message to its answer.
//!
//! It waits here while its change becomes durable, while another program's edit is read first, or until the interface is there
//! that it is for; the link keeps the order.

use futures_util::FutureExt;
use hv_utils_core::channel::{Framing, Link, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::{self, Pool};
use tokio::time::Instant;

use super::Kvpd;
use crate::engine::{Action, Answer, read_by};
use crate::held::Held;
use crate::pool::PoolError;
use crate::reply::{self, respond};
use crate::shared::Origin;

/// File work that a request of the host was waiting for.
#[derive(Debug)]
pub(super) struct Finished {
    request: Request,
    message: kvp::Request,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// The change is durable, or failed.
    Changed(Result<(), PoolError>),
    /// The pool has been read again: the request can be answered from it.
    Refreshed,
}

impl Kvpd {
    /// Takes a request as it came.
    pub(super) fn receive(&mut self, request: Request, link: &mut Link) {
        let body = link.body(&request);
        let parsed = match request.framing {
            Framing::Raw { version } => kvp::raw::parse(body, version),
            Framing::CharDevice => kvp::chardev::parse(body),
        };
        match parsed {
            Ok(message) => self.serve(request, message, link),
            Err(refusal) => {
                tracing::debug!(why = %refusal.why, status = %refusal.status, "request refused");
                link.reject(&request, refusal.status);
            }
        }
    }

    /// Serves a request; if it reads a pool that another program has touched, after that has been read.
    fn serve(&mut self, request: Request, message: kvp::Request, link: &mut Link) {
        let stale = read_by(&message).filter(|pool| self.shared.stale(*pool));
        let Some(pool) = stale else { return self.perform(request, message, link) };
        let finish = self.finish.clone();
        self.shared.refresh(pool, move || {
            // The receiver lives as long as the daemon; after it nobody waits for an answer.
            let _ = finish.send(Finished { request, message, outcome: Outcome::Refreshed });
        });
    }

    fn perform(&mut self, request: Request, message: kvp::Request, link: &mut Link) {
        if read_by(&message) == Some(Pool::Auto)
            && let Some(changes) = self.intrinsics.changed().now_or_never()
        {
            // What the kernel has told by now comes before what the host asked after it.
            self.take_facts(changes);
        }
        if let kvp::Request::GetIpInfo(_) | kvp::Request::SetIpInfo(_) = message {
            let changes = self.intrinsics.catch_up();
            self.take_facts(changes);
        }
        self.decide(request, message, Instant::now(), link);
    }

    /// Does what the engine says about a request that the host sent at `since`.
    fn decide(&mut self, request: Request, message: kvp::Request, since: Instant, link: &mut Link) {
        match self.engine.request(&message, &*self.shared, &self.network) {
            Action::Answer(answer) => {
                self.note_cut(request.framing, &message, &answer);
                respond(link, &request, &message, &answer);
            }
            Action::Change(change) => {
                let finish = self.finish.clone();
                self.shared.submit(change, Origin::Host, move |outcome| {
                    let outcome = Outcome::Changed(outcome);
                    let _ = finish.send(Finished { request, message, outcome });
                });
            }
            Action::Inject(injection) => self.injector.begin(request, injection, since),
            Action::Await => self.held = Some(Held { since, what: (request, message) }),
            Action::Refuse(refused) => self.injector.refuse(&request, &refused, link),
            Action::Forbid(pool) => {
                self.forbidden.log(pool);
                link.answer(&request, Status::FAIL, |_| {});
            }
        }
    }

    /// Looks whether the interface has come that a request is held for.
    pub(super) fn look_at_held(&mut self, link: &mut Link) {
        let Some(Held { since, what: (request, message) }) = self.held.take() else { return };
        // A negotiation, or the end of the channel, ends what is held too.
        if !link.body(&request).is_empty() {
            self.decide(request, message, since, link);
        }
    }

    /// Says when an answer about an adapter has room for a part only.
    fn note_cut(&mut self, framing: Framing, message: &kvp::Request, answer: &Answer) {
        if let (kvp::Request::GetIpInfo(query), kvp::Reply::IpInfo(info)) = (message, &answer.reply) {
            self.network.note_cut(&query.adapter_id, reply::is_cut(framing, info));
        }
    }

    /// Goes on with a request whose file work is done.
    pub(super) fn resume(&mut self, finished: Finished, link: &mut Link) {
        let Finished { request, message, outcome } = finished;
        match outcome {
            Outcome::Refreshed => self.perform(request, message, link),
            Outcome::Changed(outcome) => {
                if let Err(error) = &outcome {
                    tracing::debug!(%error, "change of the host refused");
                }
                let answer = self.engine.changed(&outcome);
                respond(link, &request, &message, &answer);
            }
        }
    }
}
