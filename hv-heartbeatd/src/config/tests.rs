//! `[heartbeat]`, right and wrong.

use hv_utils_core::daemon::config::Config;

use super::*;

