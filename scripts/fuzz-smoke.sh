#!/bin/sh
# Runs each fuzz target for some seconds: long enough to see that it works and that nothing falls over at once.
#
# usage: scripts/fuzz-smoke.sh [SECONDS]
#
# Needs cargo-fuzz and a nightly toolchain; says so and fails where they are missing.

set -eu

seconds=${1:-60}
cd "$(dirname "$0")/.."

die() { printf 'fuzz-smoke: %s\n' "$*" >&2; exit 1; }

[ -f fuzz/Cargo.toml ] || die "there are no fuzz targets (fuzz/)"
cargo fuzz --version >/dev/null 2>&1 || die "cargo-fuzz is missing: cargo install cargo-fuzz"

# The sanitisers need a nightly compiler; RUSTC_BOOTSTRAP=1 makes a stable one do where there is none.
if cargo +nightly --version >/dev/null 2>&1; then
    toolchain=+nightly
else
    toolchain=""
    export RUSTC_BOOTSTRAP=1
fi

targets=$(cargo fuzz list)
[ -n "$targets" ] || die "fuzz/ has no targets"
for target in $targets; do
    printf '\n== %s, %s s\n' "$target" "$seconds"
    # shellcheck disable=SC2086 # an empty toolchain is no argument
    cargo $toolchain fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=512
done
