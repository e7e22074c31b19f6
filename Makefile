# Everything a person types here. `make` alone says what there is.

PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
DESTDIR     ?=
CARGO       ?= cargo

BINDIR      ?= $(PREFIX)/bin
LIBEXECDIR  ?= $(PREFIX)/libexec/hv-utils
LIBDIR      ?= $(PREFIX)/lib
DATADIR     ?= $(PREFIX)/share
MANDIR      ?= $(DATADIR)/man
# dbus-daemon and polkit do not look below /usr/local everywhere.
ifeq ($(PREFIX),/usr/local)
DBUSPOLICYDIR ?= $(SYSCONFDIR)/dbus-1/system.d
POLKITDIR     ?= /usr/share/polkit-1/actions
else
DBUSPOLICYDIR ?= $(DATADIR)/dbus-1/system.d
POLKITDIR     ?= $(DATADIR)/polkit-1/actions
endif

TARGET_DIR  := $(or $(CARGO_TARGET_DIR),target)
# Where `make install` takes the programs from.
FROM        ?= $(TARGET_DIR)/release
DAEMONS     := hv-kvpd hv-vssd hv-timesyncd hv-shutdownd hv-heartbeatd hv-fcopyd
PROGRAMS    := $(DAEMONS) hv-driver hv-netapply hvctl hv-testhost
# The same selection everywhere, so that one build serves demo, tests and checks.
BUILD       := build --locked $(addprefix -p ,$(PROGRAMS))
FUZZ_SECS   ?= 60
# The device library of the virtual machines: a workspace of its own, since only QEMU can load it.
QEMU_IC     := tests/vm/qemu-ic/Cargo.toml

.PHONY: help build release demo test net-test db-test ntp-test vm-test check bench bench-vm fuzz-smoke install uninstall clean

help:
	@echo 'make demo        build, then a short tour with a simulated host (installs what is missing)'
	@echo 'make test        all tests and checks of files (installs what is missing)'
	@echo 'make net-test    the part of it with real network managers, in namespaces (minutes; root)'
	@echo 'make db-test     the part of it with real databases and backups of their disks (a minute; root)'
	@echo 'make ntp-test    the part of it with a real chronyd and ntpd, which cannot set a clock (half a minute; root)'
	@echo 'make vm-test     the part of it that runs under a real kernel, in virtual machines (some minutes)'
	@echo 'make check       format, clippy, documentation, the core without its features'
	@echo 'make bench       figures, as a table; a release build and some minutes'
	@echo 'make bench-vm    figures under a real kernel, beside the C daemon and a null responder'
	@echo 'make fuzz-smoke  each fuzz target for FUZZ_SECS ($(FUZZ_SECS)) seconds'
	@echo 'make release     optimised programs in $(TARGET_DIR)/release'
	@echo 'make install     those into DESTDIR ($(DESTDIR)) and PREFIX ($(PREFIX)); uninstall takes them away'
	@echo 'make clean       remove what was built'

build:
	$(CARGO) $(BUILD)

release:
	$(CARGO) $(BUILD) --release

demo:
	@scripts/setup.sh demo
	@echo 'build: the first time takes a minute or two'
	@$(CARGO) $(BUILD) --quiet
	@scripts/demo.sh $(TARGET_DIR)/debug

test:
	@scripts/setup.sh test
	$(CARGO) $(BUILD)
	$(CARGO) test --workspace --locked
	$(CARGO) test --manifest-path $(QEMU_IC) --target-dir $(TARGET_DIR)/qemu-ic --locked
	$(CARGO) build -p hv-netapply --example backend --locked
	$(CARGO) build -p hv-timesyncd --example feed --locked
	tests/house.sh $(TARGET_DIR)/debug
	tests/net/run
	tests/db/run
	tests/ntp/run
	tests/vm/run

net-test: build
	@scripts/setup.sh demo
	$(CARGO) build -p hv-netapply --example backend --locked
	tests/net/run

db-test: build
	@scripts/setup.sh demo
	tests/db/run

ntp-test:
	@scripts/setup.sh demo
	$(CARGO) build -p hv-timesyncd --example feed --locked
	tests/ntp/run

vm-test:
	@scripts/setup.sh demo
	tests/vm/run

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -p hv-utils-core --no-default-features --locked -- -D warnings
	$(CARGO) clippy -p hv-utils-core --no-default-features --features channel --locked -- -D warnings
	$(CARGO) fmt --manifest-path $(QEMU_IC) --check
	$(CARGO) clippy --manifest-path $(QEMU_IC) --target-dir $(TARGET_DIR)/qemu-ic --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked

bench: release
	@scripts/setup.sh bench
	scripts/bench.sh

bench-vm:
	@scripts/setup.sh demo
	tests/vm/run --bench

fuzz-smoke:
	scripts/fuzz-smoke.sh $(FUZZ_SECS)

DIRS := BINDIR='$(BINDIR)' LIBEXECDIR='$(LIBEXECDIR)' LIBDIR='$(LIBDIR)' DATADIR='$(DATADIR)' MANDIR='$(MANDIR)' \
    SYSCONFDIR='$(SYSCONFDIR)' DBUSPOLICYDIR='$(DBUSPOLICYDIR)' POLKITDIR='$(POLKITDIR)'

install uninstall:
	@FROM='$(FROM)' DESTDIR='$(DESTDIR)' $(DIRS) scripts/install.sh $@

clean:
	$(CARGO) clean
