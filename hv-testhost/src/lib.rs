//! hv-testhost
