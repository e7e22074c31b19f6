# shellcheck shell=bash
# Steps of hv-netapply's backends for cases of the lab, each a process of its own; read after functions.sh.
#
# hv-netapply/examples/backend.rs does them. What the transaction's program adds (time limits, the journal) is not here.

export BACKEND_PROGRAM=$HV_TEST_PROGRAMS/examples/backend
[ -x "$BACKEND_PROGRAM" ] || { echo "no examples/backend among the programs under test"; exit 77; }
: "${BACKEND:?the case says which backend}"

# step STEP [OPTION…]: of BACKEND, on NIC (eth0)
step() {
    local step=$1
    shift
    "$BACKEND_PROGRAM" "$BACKEND" "$step" "$(nic_guid "${NIC:-eth0}")" --sysfs-root /run/lab/sysfs "$@"
}

# is STEP WANTED: what it prints
is() { same "$1" "$2" "$(step "$1")"; }

take_snapshot() { step snapshot >/run/lab/snapshot; }
write() { step write --snapshot /run/lab/snapshot --injection "$1"; }
restore() { step restore --snapshot /run/lab/snapshot "$@"; }
read_back() { step read-back --injection "$1"; }

# all_of INJECTION: the way there
all_of() { take_snapshot && write "$1" && step activate && read_back "$1"; }

# put INJECTION: the same without looking
put() { take_snapshot && write "$1" && step activate; }

# addresses_are "ADDRESS/PREFIX…": exactly these, but for those of the link itself
addresses_are() {
    # shellcheck disable=SC2086 # a list
    [ "$(show_addresses | cut -d ' ' -f 1 | sort | xargs)" = "$(printf '%s\n' $1 | sort | xargs)" ]
}
# files_under DIRECTORY: with modes, owners and content
files_under() { (cd "$1" && find . -type f -exec stat -c '%n %a %u %g' {} + -exec sha256sum {} + | sort); }

# injection IPV4 [IPV6]: the plans as JSON; without one: nothing is said
silent='{"addressing":"keep","gateways":[],"dns":null}'
injection() { printf '{"adapter":"%s","ipv4":%s,"ipv6":%s}' "$(nic_guid "${NIC:-eth0}")" "$1" "${2:-$silent}"; }

# fixed ADDRESSES GATEWAYS DNS: a plan; lists with commas; DNS may be null
fixed() { printf '{"addressing":{"static":[%s]},"gateways":[%s],"dns":%s}' "$(networks "$1")" "$(quoted "$2")" "$(dns "$3")"; }
automatic() { printf '{"addressing":"automatic","gateways":[],"dns":%s}' "$(dns "$1")"; }
dns_only() { printf '{"addressing":"keep","gateways":[],"dns":%s}' "$(dns "$1")"; }
dns() { [ "$1" = null ] && echo null || printf '[%s]' "$(quoted "$1")"; }
quoted() { local word out=""; for word in ${1//,/ }; do out+=",\"$word\""; done; echo "${out#,}"; }
networks() {
    local word out=""
    for word in ${1//,/ }; do out+=",{\"ip\":\"${word%/*}\",\"prefix\":${word#*/}}"; done
    echo "${out#,}"
}
