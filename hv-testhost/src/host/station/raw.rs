//! The verb `raw`: bytes to the guest as they were typed.

use hv_utils_core::wire::{PacketHeader, Status};

use crate::host::check::{HEADERS, u32_at};
use crate::host::ic::Ic;
use crate::link::{Packet, PacketLink};
use crate::outcome::{Failure, Outcome};

/// Sends bytes as they are, or a body in the headers of the agreed versions, and shows what comes back.
pub(super) async fn raw<L: PacketLink>(
    ic: &mut Ic<L>,
    hex: &str,
    body: bool,
    size: Option<u16>,
) -> Result<Outcome, Failure> {
    let mut bytes = crate::hex::parse(hex).map_err(|error| Failure::Usage(error.to_string().into()))?;
    let packet = if body {
        let size = usize::from(size.unwrap_or(0));
        bytes.resize(bytes.len().max(size), 0);
        ic.request_packet(&bytes)?
    } else {
        Packet { header: PacketHeader::in_band(0), payload: bytes }
    };
    let payload = ic.raw(&packet).await?.payload;
    let status = (payload.len() >= HEADERS).then(|| Status(u32_at(&payload, 20)));
    match status {
        Some(status) if !status.is_ok() => Err(Failure::RefusedBytes { status, payload }),
        _ => Ok(Outcome::Bytes { status, payload }),
    }
}
