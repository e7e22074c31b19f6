//! hv-utils-core
