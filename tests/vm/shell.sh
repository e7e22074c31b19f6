#!/usr/bin/env bash
# A guest for a person: its shell on one side, its host's console on the other. Called by `run --shell`.
#
# usage: shell.sh PROGRAMS COMMAND…      COMMAND is hv-vm with its arguments

set -euo pipefail

programs=$1
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/hv-vm.XXXXXX")
"$@" --dir "$dir" >"$dir/vm.log" 2>&1 </dev/null &
machine=$!
# shellcheck disable=SC2329 # by the trap
end() {
    kill "$machine" 2>/dev/null || true
    wait "$machine" 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT

until [ -S "$dir/shell.sock" ]; do
    kill -0 "$machine" 2>/dev/null || { cat "$dir/vm.log" "$dir/console" 2>/dev/null; exit 1; }
    sleep 0.05
done

attach="$programs/hv-vm-attach $dir/shell.sock"
console="$programs/hv-testhost --control $dir/control.sock"
hint="The guest's shell appears here in about 15 s. Leave it with Ctrl-] or poweroff -f."
if command -v tmux >/dev/null && [ -t 0 ]; then
    # A server of its own, so that nobody's sessions and settings are in the way.
    env -u TMUX tmux -L "hv-vm-$$" -f /dev/null \
        new-session -n hv-vm "echo \"$hint\"; exec $attach" \; \
        set-option -g mouse on \; set-hook -g pane-exited kill-session \; \
        split-window -h "echo 'The host: help lists what it understands.'; exec $console" \; select-pane -L
else
    echo "vm: $hint"
    echo "vm: its host's console, in another terminal:  $console"
    $attach
fi
