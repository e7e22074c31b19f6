# shellcheck shell=bash
# For cases that drive one backend of hv-netapply by hand, step by step, without the transaction around it. Sourced after
# functions.sh. What it needs is an example, not a program: `cargo build -p hv-netapply --example backend`.

BACKEND_PROGRAM=$HV_TEST_PROGRAMS/examples/backend
[ -x "$BACKEND_PROGRAM" ] || { echo "no examples/backend among the programs under test"; exit 77; }
SAVED=/run/lab/home/saved.json

# backend NAME STEP [INJECTION]: of eth0; a step begins in a new process, as after a kill
backend() { HV_SYSFS=/run/lab/sysfs "$BACKEND_PROGRAM" "$1" "$2" eth0 "$SAVED" "${@:3}"; }

# injection IPV4 IPV6: each is plan_keep, plan_auto [SERVER…], plan_dns SERVER… or plan_static "ADDRESS/PREFIX…" "GATEWAY…" "SERVER…"
injection() { printf '{"adapter":"%s","ipv4":%s,"ipv6":%s}' "$(nic_guid eth0)" "$1" "$2"; }
plan_keep() { printf '{"addressing":"keep","gateways":[],"dns":null}'; }
plan_auto() { printf '{"addressing":"automatic","gateways":[],"dns":%s}' "$([ $# = 0 ] && echo null || texts "$@")"; }
plan_dns() { printf '{"addressing":"keep","gateways":[],"dns":%s}' "$(texts "$@")"; }
plan_static() {
    local network networks=()
    for network in $1; do networks+=("{\"ip\":\"${network%/*}\",\"prefix\":${network#*/}}"); done
    # shellcheck disable=SC2086 # lists
    printf '{"addressing":{"static":[%s]},"gateways":%s,"dns":%s}' "$(commas "${networks[@]}")" "$(texts $2)" "$(texts $3)"
}
texts() { local text quoted=(); for text; do quoted+=("\"$text\""); done; printf '[%s]' "$(commas "${quoted[@]}")"; }
commas() { local IFS=,; printf '%s' "$*"; }

# addresses_are "ADDRESS/PREFIX…": exactly these of IPv4 and global IPv6, in whatever order
addresses_are() { [ "$(show_addresses | cut -d ' ' -f 1 | sort | xargs)" = "$(printf '%s\n' $1 | sort | xargs)" ]; }
files_under() { (cd "$1" && find . -type f -exec stat -c '%n %a %u %g' {} + -exec sha256sum {} + | sort); }
