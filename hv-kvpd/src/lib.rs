//! hv-kvpd
