//! Answers on their way to the host: the engine's words in the layout of the request.
//!
//! Two framings carry the same messages; which one is the channel's matter. Nothing is decided here.

use hv_utils_core::channel::{Framing, Link, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::{self, IpInfo};

use crate::engine::Answer;

/// Sends `answer` in the layout in which its request came.
pub(crate) fn respond(link: &mut Link, request: &Request, message: &kvp::Request, answer: &Answer) {
    if answer.status != Status::OK {
        return link.answer(request, answer.status, |_| {});
    }
    let framing = request.framing;
    link.answer_with(request, |body| fill(framing, message, &answer.reply, body));
}

/// Writes `reply` into the body of its request, in the layout in which that came.
fn fill(framing: Framing, message: &kvp::Request, reply: &kvp::Reply, body: &mut [u8]) -> Status {
    let filled = match framing {
        Framing::Raw { version } => kvp::raw::fill(message, reply, version, body),
        Framing::CharDevice => kvp::chardev::fill(message, reply, body),
    };
    match filled {
        Ok(()) => Status::OK,
        Err(refusal) => {
            tracing::warn!(why = %refusal.why, "a reply does not fit its request");
            refusal.status
        }
    }
}

/// Whether the layout has no room for all of an adapter's configuration.
pub(crate) fn is_cut(framing: Framing, info: &IpInfo) -> bool {
    match framing {
        Framing::Raw { version } => kvp::raw::is_cut(info, version),
        Framing::CharDevice => kvp::chardev::is_cut(info),
    }
}
