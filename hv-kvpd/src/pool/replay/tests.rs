//! Cuts at every call of every change, with and without other programs writing before the restart.
//!
//! The oracle knows nothing of journals: the pool must be the old list or the new list, each with what others did
//! applied to it; an acknowledged change must be in it; a second crash within the recovery must lead to the same.

use super::super::engine::tests::sim::{SimDisk, Trouble};
use super::super::engine::tests::*;
use super::super::journal::{BootId, pending};
use super::*;

mod acknowledged;
mod cases;
mod scenes;
