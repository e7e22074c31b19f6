//! `hv-driver` as a process, on a VMBus that is a tree of files: what it does to it, what it says, how it ends.

mod auto;
mod bus;
mod killed;
mod moving;
mod support;
mod using;
