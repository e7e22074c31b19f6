//! The ways to a host: raw VMBus (`uio`), what the kernel leaves over (`hv_utils`), and a test host (`sim`).
//!
//! One interface, [`RingChannel`], for the two that carry rings; a link over all three for a daemon: it opens,
//! negotiates, opens anew after a loss, and never ends because a channel does. What a message means is not known here.
//! Nothing here polls: a device's coming is announced ([`presence`]), and an open channel has a descriptor.

mod choice;
mod doorbell;
mod error;
mod hv_utils;
mod link;
mod monitor;
pub mod nodes;
mod once_per;
pub mod presence;
mod ring_channel;
pub mod sim;
pub mod sysfs;
mod uio;

pub use choice::{ChannelChoice, ChannelState, ParseChoiceError, Transport};
pub use error::{ChannelError, PacketFault};
pub use link::{Event, Framing, Link, LinkError, LinkOptions, LinkStatus, Receipt, Request};
pub use once_per::OncePer;
pub use ring_channel::RingChannel;
