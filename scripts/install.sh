#!/bin/sh
# Puts the built programs and everything around them in their places, or takes them away again.
#
# usage: make install | make uninstall     (which say where: BINDIR, LIBEXECDIR, LIBDIR, DATADIR, MANDIR, SYSCONFDIR,
#                                           DBUSPOLICYDIR, POLKITDIR, FROM, DESTDIR)
#
# The configuration file is never overwritten and never removed. Pools (/var/lib/hyperv) are not touched.

set -eu

verb=$1
cd "$(dirname "$0")/.."
: "${FROM:?}" "${DESTDIR=}" "${BINDIR:?}" "${LIBEXECDIR:?}" "${LIBDIR:?}" "${DATADIR:?}" "${MANDIR:?}"
: "${SYSCONFDIR:?}" "${DBUSPOLICYDIR:?}" "${POLKITDIR:?}"

die() { printf 'install: %s\n' "$*" >&2; exit 1; }

# put MODE SOURCE DESTINATION
put() {
    if [ "$verb" = uninstall ]; then
        rm -f "$DESTDIR$3"
        return
    fi
    mkdir -p "$DESTDIR$(dirname "$3")"
    install -m "$1" "$2" "$DESTDIR$3"
}

# put_paths SOURCE DESTINATION: a text file that names the directories of programs or data.
put_paths() {
    if [ "$verb" = uninstall ]; then
        rm -f "$DESTDIR$2"
        return
    fi
    text=$(mktemp)
    sed -e "s,/usr/libexec/hv-utils,$LIBEXECDIR,g" -e "s,/usr/share/hv-utils,$DATADIR/hv-utils,g" "$1" >"$text"
    put 0644 "$text" "$2"
    rm -f "$text"
}

# completions SHELL DESTINATION
completions() {
    if [ "$verb" = uninstall ]; then
        rm -f "$DESTDIR$2"
        return
    fi
    text=$(mktemp)
    if "$FROM/hvctl" completions "$1" >"$text" 2>/dev/null; then
        put 0644 "$text" "$2"
    else
        echo "install: $FROM/hvctl does not run here: no completions for $1"
    fi
    rm -f "$text"
}

programs() {
    put 0755 "$FROM/hv-kvpd" "$LIBEXECDIR/hv-kvpd"
    put 0755 "$FROM/hv-vssd" "$LIBEXECDIR/hv-vssd"
    put 0755 "$FROM/hv-timesyncd" "$LIBEXECDIR/hv-timesyncd"
    put 0755 "$FROM/hv-timesync-counter" "$LIBEXECDIR/hv-timesync-counter"
    put 0755 "$FROM/hv-shutdownd" "$LIBEXECDIR/hv-shutdownd"
    put 0755 "$FROM/hv-heartbeatd" "$LIBEXECDIR/hv-heartbeatd"
    put 0755 "$FROM/hv-fcopyd" "$LIBEXECDIR/hv-fcopyd"
    put 0755 "$FROM/hv-driver" "$LIBEXECDIR/hv-driver"
    put 0755 "$FROM/hv-netapply" "$LIBEXECDIR/hv-netapply"
    put 0755 "$FROM/hvctl" "$BINDIR/hvctl"
    put 0755 "$FROM/hv-testhost" "$BINDIR/hv-testhost"
    completions bash "$DATADIR/bash-completion/completions/hvctl"
    completions zsh "$DATADIR/zsh/site-functions/_hvctl"
    completions fish "$DATADIR/fish/vendor_completions.d/hvctl.fish"
}

system_files() {
    for unit in hv-kvpd hv-vssd hv-timesyncd hv-timesync-counter hv-shutdownd hv-heartbeatd hv-fcopyd hv-driver hv-netapply \
        hv-driver-release@ hv-utils-sleep; do
        put_paths "systemd/$unit.service" "$LIBDIR/systemd/system/$unit.service"
    done
    put 0644 systemd/hv-netapply.socket "$LIBDIR/systemd/system/hv-netapply.socket"
    put 0644 systemd/hv-timesync-counter.path "$LIBDIR/systemd/system/hv-timesync-counter.path"
    put 0644 systemd/90-hv-utils.preset "$LIBDIR/systemd/system-preset/90-hv-utils.preset"
    put 0644 systemd/90-hv-utils.rules "$LIBDIR/udev/rules.d/90-hv-utils.rules"
    put 0644 systemd/91-hv-utils-chrony.rules "$LIBDIR/udev/rules.d/91-hv-utils-chrony.rules"
    put 0644 systemd/sysusers.d/hv-utils.conf "$LIBDIR/sysusers.d/hv-utils.conf"
    put 0644 systemd/tmpfiles.d/hv-utils.conf "$LIBDIR/tmpfiles.d/hv-utils.conf"
    put 0644 systemd/tmpfiles.d/hv-utils-chrony.conf "$LIBDIR/tmpfiles.d/hv-utils-chrony.conf"
    put_paths systemd/hv-timesync-chrony@.service "$LIBDIR/systemd/system/hv-timesync-chrony@.service"
    for device in ptp_hyperv hyperv-timesync; do
        put 0644 "systemd/chrony/$device.conf" "$DATADIR/hv-utils/chrony/$device.conf"
    done
    # Debian's and other distributions' name for the same unit
    for unit in chrony chronyd; do
        put 0644 systemd/chrony.service.d/50-hv-utils.conf "$LIBDIR/systemd/system/$unit.service.d/50-hv-utils.conf"
    done
    for name in Kvp1 Vss1 TimeSync1 Shutdown1 Heartbeat1 FileCopy1 Driver1; do
        put 0644 "dbus/org.hvutils.$name.conf" "$DBUSPOLICYDIR/org.hvutils.$name.conf"
        put 0644 "dbus/org.hvutils.$name.service" "$DATADIR/dbus-1/system-services/org.hvutils.$name.service"
    done
    for interface in Kvp1 Network1 Vss1 TimeSync1 Shutdown1 Heartbeat1 FileCopy1 Driver1 Service1; do
        put 0644 "dbus/org.hvutils.$interface.xml" "$DATADIR/dbus-1/interfaces/org.hvutils.$interface.xml"
    done
    put 0644 dbus/org.hvutils.policy "$POLKITDIR/org.hvutils.policy"
}

documents() {
    for page in docs/man/*.[1-8]; do
        name=$(basename "$page")
        put_paths "$page" "$MANDIR/man${name##*.}/$name"
    done
    for page in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE; do
        put 0644 "$page" "$DATADIR/doc/hv-utils/$page"
    done
    for example in examples/vss.d/*; do
        put 0755 "$example" "$DATADIR/doc/hv-utils/$example"
    done
    put 0644 examples/chrony/hv-utils.conf "$DATADIR/doc/hv-utils/examples/chrony/hv-utils.conf"
}

configuration() {
    file=$SYSCONFDIR/hv-utils/hv-utils.toml
    [ "$verb" = install ] || return 0
    if [ -e "$DESTDIR$file" ]; then
        echo "install: $file stays as it is; the new defaults are in $DATADIR/doc/hv-utils/hv-utils.toml"
    else
        put 0644 etc/hv-utils.toml "$file"
    fi
    mkdir -p "$DESTDIR$SYSCONFDIR/hv-utils/hv-utils.toml.d" "$DESTDIR$SYSCONFDIR/hv-utils/kvp/intrinsic.d" \
        "$DESTDIR$SYSCONFDIR/hv-utils/ip.d" "$DESTDIR$SYSCONFDIR/hv-utils/vss.d" \
        "$DESTDIR$SYSCONFDIR/hv-utils/shutdown.d"
}

next_steps() {
    [ -z "$DESTDIR" ] || return 0
    cat <<'EOF'
install: done. To take over from the C daemons on a Hyper-V guest, as root (see docs/guide/migrate.md):
    systemd-sysusers && systemd-tmpfiles --create hv-utils.conf
    systemctl daemon-reload && systemctl reload dbus && udevadm control --reload
    systemctl preset hv-kvpd.service hv-vssd.service hv-timesyncd.service \
        hv-shutdownd.service hv-heartbeatd.service hv-fcopyd.service hv-utils-sleep.service
    systemctl start hv-kvpd.service hv-vssd.service hv-timesyncd.service
    hvctl status && hvctl vss plan && hvctl time status
EOF
}

case $verb in
    install)
        for program in hv-kvpd hv-vssd hv-timesyncd hv-timesync-counter hv-shutdownd hv-heartbeatd hv-fcopyd hv-driver hv-netapply \
            hvctl hv-testhost; do
            [ -x "$FROM/$program" ] || die "$FROM/$program is not there: 'make release' builds it (as yourself, not as root)"
        done
        ;;
    uninstall) ;;
    *) die "usage: make install | make uninstall" ;;
esac

programs
system_files
documents
put 0644 etc/hv-utils.toml "$DATADIR/doc/hv-utils/hv-utils.toml"
configuration
if [ "$verb" = install ]; then
    next_steps
else
    # Only what is empty by now.
    doc=$DESTDIR$DATADIR/doc/hv-utils
    rmdir "$DESTDIR$LIBEXECDIR" "$doc/examples/vss.d" "$doc/examples/chrony" "$doc/examples" "$doc" \
        "$DESTDIR$DATADIR/hv-utils/chrony" "$DESTDIR$DATADIR/hv-utils" \
        "$DESTDIR$LIBDIR/systemd/system/chrony.service.d" "$DESTDIR$LIBDIR/systemd/system/chronyd.service.d" 2>/dev/null || true
fi
