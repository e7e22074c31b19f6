//! The floor for a round trip: a guest on the same rings that answers every request at once and knows nothing.
#![forbid(unsafe_code)]

use hv_utils_core::channel::sim;
use hv_utils_core::wire::{Ic, Received, Session, Status};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let mut channel = sim::connect(path.as_ref(), Ic::Kvp.class()).await?;
    let mut session = Session::new(Ic::Kvp, None);
    let mut payload = Vec::new();
    loop {
        let Ok(packet) = channel.recv(&mut payload).await else { return Ok(()) };
        let send = match session.receive(packet, &mut payload) {
            Received::Request(info) => session.finish(info.ticket, Status::OK, &mut payload, |_| {}),
            Received::Negotiated(_) => true,
            _ => false,
        };
        if send {
            channel.send(packet, &payload).await?;
        }
    }
}
