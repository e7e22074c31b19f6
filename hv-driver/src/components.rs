//! The six integration components as this program sees them: their names, and the daemon that serves each.
//!
//! A table. Names are those of the configuration's keys, which are also the words on the command line and on D-Bus.

use hv_utils_core::wire::Ic;

/// One integration component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Which one.
    pub ic: Ic,
    /// Its key in `[driver]`.
    pub name: &'static str,
    /// The program that serves it on raw VMBus.
    pub daemon: &'static str,
    /// That daemon's name on the bus.
    pub bus_name: &'static str,
    /// That daemon's root object.
    pub object: &'static str,
}

/// All of them, in the order in which they are shown and switched.
pub const COMPONENTS: [Component; 6] = [
    Component {
        ic: Ic::Kvp,
        name: "kvp",
        daemon: "hv-kvpd",
        bus_name: "org.hvutils.Kvp1",
        object: "/org/hvutils/Kvp1",
    },
    Component {
        ic: Ic::Vss,
        name: "vss",
        daemon: "hv-vssd",
        bus_name: "org.hvutils.Vss1",
        object: "/org/hvutils/Vss1",
    },
    Component {
        ic: Ic::TimeSync,
        name: "timesync",
        daemon: "hv-timesyncd",
        bus_name: "org.hvutils.TimeSync1",
        object: "/org/hvutils/TimeSync1",
    },
    Component {
        ic: Ic::Shutdown,
        name: "shutdown",
        daemon: "hv-shutdownd",
        bus_name: "org.hvutils.Shutdown1",
        object: "/org/hvutils/Shutdown1",
    },
    Component {
        ic: Ic::Heartbeat,
        name: "heartbeat",
        daemon: "hv-heartbeatd",
        bus_name: "org.hvutils.Heartbeat1",
        object: "/org/hvutils/Heartbeat1",
    },
    Component {
        ic: Ic::FileCopy,
        name: "file-copy",
        daemon: "hv-fcopyd",
        bus_name: "org.hvutils.FileCopy1",
        object: "/org/hvutils/FileCopy1",
    },
];

impl Component {
    /// The component of that name. `fcopy`, as other tools call it, is understood as well.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        COMPONENTS.into_iter().find(|component| component.name == name || component.ic.name() == name)
    }

    /// That component.
    #[must_use]
    pub fn of(ic: Ic) -> Self {
        let found = COMPONENTS.into_iter().find(|component| component.ic == ic);
        found.expect("the table holds all six")
    }
}

/// All names, for a person.
#[must_use]
pub fn names() -> String {
    COMPONENTS.map(|component| component.name).join(", ")
}
