//! The program as a process, on a real kernel: in network namespaces of each test's own, with veth pairs and simulated
//! adapter identities. No manager is there: what is judged is the transaction, and the link without one.

#![expect(clippy::unwrap_used, reason = "a test, its helpers too, fails by panicking")]

mod applying;
mod ending;
mod killed;
mod scripts;
mod support;
mod undoing;
