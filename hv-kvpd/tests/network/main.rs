//! GET_IP_INFO and `org.hvutils.Network1` end to end, and DNS servers from services on a bus.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod bus;
mod dns;
mod host;
mod ip_info;
mod shown;
