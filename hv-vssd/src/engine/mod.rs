//! The rules of the backup service: what the host, the bus and the guardian may want, and when. No IO, no clock.
