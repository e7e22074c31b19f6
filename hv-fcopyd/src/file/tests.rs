//! A file comes whole or not at all: whatever the order of its pieces, the filesystem, who meddles, and when we die.

mod attacks;
mod disks;
mod ends;
mod killed;
mod model;
