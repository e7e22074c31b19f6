//! The host against a naive guest: the built program, its scenarios, and every rule a guest can break.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod adapters;
mod administration;
mod bytes;
mod cli;
mod console;
mod control;
mod copy;
mod ending;
mod guest;
mod machine;
mod packet;
mod scenarios;
mod services;
mod spelling;
mod strictness;
mod support;
