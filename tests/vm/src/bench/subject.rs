//! Who is measured, on what channel, with its pools on what.

use std::fmt;

use super::measure::Operation;
use crate::machine::Machine;

/// The way to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    HvUtils,
    Uio,
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Answers at once and knows nothing.
    Null,
    /// Debian's hv_kvp_daemon.
    C,
    /// hv-kvpd.
    Ours,
}

/// Where the pools are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    RamDisk,
    VirtioDisk,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Medium::RamDisk => "a RAM disk",
            Medium::VirtioDisk => "a virtio disk with flushes",
        })
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Transport::HvUtils => "hv_utils",
            Transport::Uio => "uio",
        }
    }

    /// Gives the device to the transport's driver.
    #[track_caller]
    pub(super) fn prepare(self, machine: &Machine) {
        let driver = match self {
            Transport::HvUtils => "hv_utils",
            Transport::Uio => "uio_hv_generic",
        };
        crate::cases::bind_kvp(machine, driver);
    }
}

/// Where the number of the process that is measured is.
pub(super) const PID_FILE: &str = "/run/subject.pid";

impl Subject {
    pub(super) fn on(transport: Transport) -> Vec<Subject> {
        match transport {
            Transport::HvUtils => vec![Subject::Null, Subject::C, Subject::Ours],
            // The C daemon has no way to the raw channel.
            Transport::Uio => vec![Subject::Null, Subject::Ours],
        }
    }

    /// Starts it; that it is there is seen by the channel's opening or the kernel's NEGOTIATE.
    #[track_caller]
    pub(super) fn start(self, machine: &Machine) {
        let transport = "$(basename $(readlink /sys/bus/vmbus/devices/242ff919*/driver))";
        let command = match self {
            Subject::Null => {
                format!("hv-vm-null $([ {transport} = hv_utils ] && echo hv_utils || echo uio)")
            }
            Subject::C => "hv_kvp_daemon -n".to_owned(),
            Subject::Ours => "hv-kvpd --log-format text".to_owned(),
        };
        machine.sh(&format!("setsid {command} >/run/subject.log 2>&1 </dev/null & echo $! >{PID_FILE}"));
    }

    /// Ends it.
    #[track_caller]
    pub(super) fn end(self, machine: &Machine) {
        machine.sh(&format!("kill $(cat {PID_FILE})"));
        machine.until(&format!("! kill -0 $(cat {PID_FILE}) 2>/dev/null"));
    }

    /// Its row in a table.
    pub(super) fn row(self, operation: Operation) -> &'static str {
        match (self, operation) {
            (Subject::Null, Operation::Enumerate) => "null ENUMERATE",
            (Subject::C, Operation::Enumerate) => "C ENUMERATE",
            (Subject::Ours, Operation::Enumerate) => "ours ENUMERATE",
            (Subject::Null, Operation::SetOld) => "null SET existing",
            (Subject::C, Operation::SetOld) => "C SET existing",
            (Subject::Ours, Operation::SetOld) => "ours SET existing",
            (Subject::Null, Operation::SetNew) => "null SET new",
            (Subject::C, Operation::SetNew) => "C SET new",
            (Subject::Ours, Operation::SetNew) => "ours SET new",
            (Subject::Null, Operation::Delete) => "null DELETE",
            (Subject::C, Operation::Delete) => "C DELETE",
            (Subject::Ours, Operation::Delete) => "ours DELETE",
            (Subject::Null, Operation::IpInfo) => "null GET_IP_INFO",
            (Subject::C, Operation::IpInfo) => "C GET_IP_INFO",
            (Subject::Ours, Operation::IpInfo) => "ours GET_IP_INFO",
        }
    }
}

impl Medium {
    /// Makes the file system anew, with a pool of `items` records (none if 0), in the daemons' usual place.
    #[track_caller]
    pub(super) fn mount(self, machine: &Machine, items: u32) {
        let device = match self {
            Medium::RamDisk => "/dev/ram0",
            Medium::VirtioDisk => "/dev/vda",
        };
        machine.sh(&format!(
            "! grep -q ' /var/lib/hyperv ' /proc/mounts || umount /var/lib/hyperv; rm -rf /var/lib/hv-utils; mkdir -p /var/lib/hv-utils; \
             [ -e /dev/ram0 ] || modprobe brd rd_nr=1 rd_size=98304; \
             mkfs.ext4 -q -F {device} && mount -t ext4 {device} /var/lib/hyperv && \
             {{ [ {items} = 0 ] || hv-vm-null pool /var/lib/hyperv/.kvp_pool_0 {items}; }} && sync && \
             echo 3 >/proc/sys/vm/drop_caches"
        ));
    }
}
