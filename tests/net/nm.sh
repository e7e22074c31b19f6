# shellcheck shell=bash
# What NetworkManager has, for cases of the lab: the starting points of an injection, and a picture to compare with.

export BACKEND=networkmanager
# shellcheck source=/dev/null
. "$LAB/backend.sh"

export PROFILES=/etc/NetworkManager/system-connections

# profile NAME [LINE…]: a keyfile of an administrator, with what NetworkManager would not write
profile() {
    local file=$PROFILES/$1.nmconnection
    { printf '# made by hand\n[connection]\nid=%s\ntype=ethernet\n' "$1"; shift; printf '%s\n' "$@"; } >"$file"
    chmod 0600 "$file"
}

# Points from which an injection may start; each is called before NetworkManager is started.
# After 45 s without a lease NetworkManager would begin anew, and have nothing on eth0 for a moment.
from_generated() { printf '[connection]\nipv4.dhcp-timeout=3600\n' >/etc/NetworkManager/conf.d/patience.conf; }
from_keyfile() {
    profile office uuid=6e7d4f0e-0000-4000-8000-000000000001 interface-name=eth0 '' '[ipv4]' method=manual \
        '# the old network' address1=192.0.2.30/24,192.0.2.1 'route1=203.0.113.0/24,192.0.2.2,50' 'dns=192.0.2.53;' '' \
        '[ipv6]' method=disabled '' '[user]' org.example.note=keep
}
# There is no authenticator here: it is never activated.
from_secrets() {
    from_nothing
    profile secured autoconnect=false uuid=6e7d4f0e-0000-4000-8000-000000000002 interface-name=eth0 '' '[802-1x]' 'eap=ttls;' identity=guest \
        phase2-auth=pap password=secret optional=true auth-timeout=1 '' '[ipv4]' method=manual address1=192.0.2.31/24 '' \
        '[ipv6]' method=disabled
}
from_nothing() { printf '[main]\nno-auto-default=*\n' >/etc/NetworkManager/conf.d/none.conf; }
from_two() {
    profile first uuid=6e7d4f0e-0000-4000-8000-000000000003 interface-name=eth0 '' '[ipv4]' method=manual \
        address1=192.0.2.33/24 '' '[ipv6]' method=disabled
    profile second uuid=6e7d4f0e-0000-4000-8000-000000000004 autoconnect-priority=5 '' '[ethernet]' \
        mac-address=00:15:5D:01:02:00 '' '[ipv4]' method=manual address1=192.0.2.34/24 '' '[ipv6]' method=disabled
}
from_inactive() {
    from_nothing
    profile manual uuid=6e7d4f0e-0000-4000-8000-000000000005 autoconnect=false interface-name=eth0 '' '[ipv4]' method=manual \
        address1=192.0.2.35/24 '' '[ipv6]' method=disabled
}
from_shared() {
    profile any uuid=6e7d4f0e-0000-4000-8000-000000000006 multi-connect=3 '' '[ipv4]' method=link-local '' \
        '[ipv6]' method=link-local
}
from_run() {
    mkdir -p /run/NetworkManager/system-connections
    printf '[connection]\nid=netplan-eth0\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\nmethod=manual\naddress1=192.0.2.37/24\n\n[ipv6]\nmethod=ignore\n' \
        >/run/NetworkManager/system-connections/netplan-eth0.nmconnection
    chmod 0600 /run/NetworkManager/system-connections/netplan-eth0.nmconnection
}
export ALL_POINTS="generated keyfile nothing two inactive shared run"

# begin POINT: NetworkManager has come to rest there
begin() {
    say "from $1"
    rm -rf "${PROFILES:?}"/* /etc/NetworkManager/conf.d/* /run/NetworkManager /var/lib/NetworkManager/*
    nm_stop
    ip address flush dev eth0
    : >/etc/resolv.conf
    "from_$1"
    nm_start
    wait_for nm_is_at_rest "$1"
    picture >/run/lab/before
}

nm_is_at_rest() {
    local state
    state=$(nmcli -g GENERAL.STATE device show eth0)
    case $1:$state in
        generated:70*) ;; # it waits for a lease
        inactive:30* | nothing:30* | secrets:30*) ;;
        generated:* | inactive:* | nothing:* | secrets:*) return 1 ;;
        *:100*) ;;
        *) return 1 ;;
    esac
    [ "$(nmcli -g STARTUP general)" = started ] || [ "$1" = generated ]
}

# Everything that has to come back. What was active and is being activated counts as the same.
picture() {
    echo "profiles (UUID, name, file, device)"
    nmcli -g uuid,name,type,filename,device connection show | sed '/:loopback:/d' | sort
    echo "files"
    find /etc/NetworkManager /run/NetworkManager/system-connections -type f ! -name 'lo*.nmconnection' -exec sha256sum {} + |
        sort -k 2
    stat -c '%a %U:%G %n' "$PROFILES"/* 2>/dev/null || true
    echo "on the link"
    show_addresses
    show_routes | sed '/^fe80::\/64 /d' | sort
    sed -n /^nameserver/p /etc/resolv.conf
    echo "checkpoints"
    nm_get /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints
}
nm_get() { busctl --system get-property org.freedesktop.NetworkManager "$@"; }

is_as_before() { diff -u /run/lab/before <(picture); }

# NetworkManager's profiles that eth0 may have
fitting() { nmcli -g name,type connection show | grep -c ':802-3-ethernet$' || true; }
