#!/bin/sh
# Prints the figures of docs/performance.md as Markdown. Takes some minutes; nothing else should run meanwhile.
# usage: scripts/bench.sh   (called by `make bench`, which has built the programs)
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

command -v dbus-daemon >/dev/null || { echo 'bench: no dbus-daemon: run scripts/setup.sh bench' >&2; exit 1; }
command -v strace >/dev/null || echo 'bench: no strace: system calls are not counted' >&2
"${CARGO:-cargo}" build --quiet --locked --release -p hv-utils-bench
exec "$target/release/hv-bench"
