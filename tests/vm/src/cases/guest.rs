//! What cases do in a guest again and again: a bus, a daemon, a device and its driver.

use crate::machine::Machine;
