//! Every way in which a host, or somebody who may write below a root, could lead a file elsewhere.

mod attacks;
mod making;
mod text;
