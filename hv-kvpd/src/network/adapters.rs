//! Which interfaces make one adapter of the virtual machine, and by which names hosts know it.
//!
//! Hyper-V's own NIC (netvsc) has its device's GUID in sysfs. With SR-IOV a second NIC, the VF, has the same MAC
//! address and is no adapter of its own, but a faster way to the same one: it joins the netvsc. What else has an
//! adapter's MAC address and was added by the administrator (a port of Open vSwitch) joins it too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hv_utils_core::network::{HardwareAddress, Link, Nic, Selection, Table};
use hv_utils_core::wire::Guid;

/// By what a host may name an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Names {
    /// The addresses that its NICs were made with.
    pub(super) permanent: Vec<HardwareAddress>,
    /// Those that they have now: a bond gives all its members one.
    pub(super) present: Vec<HardwareAddress>,
    /// The GUID of its VMBus device, where it is one.
    pub(super) guid: Option<Guid>,
}

/// One adapter.
#[derive(Debug)]
pub(super) struct Adapter<'t> {
    /// Its own interface.
    pub(super) link: &'t Link,
    pub(super) names: Names,
    /// The interfaces of which addresses are told: its own, then what stands on it.
    pub(super) shown: Vec<&'t Link>,
}

/// All adapters, the primary one first.
#[derive(Debug)]
pub(super) struct Adapters<'t> {
    pub(super) found: Vec<Adapter<'t>>,
}

impl<'t> Adapters<'t> {
    pub(super) fn find(selection: &Selection, table: &'t Table, guids: &mut Guids) -> Adapters<'t> {
        let nics = selection.nics(table).into_iter().filter(|nic| !nic.link.hardware.as_bytes().is_empty());
        let nics: Vec<(Nic<'t>, Option<Guid>)> =
            nics.map(|nic| (guids.of(nic.link), nic)).map(swap).collect();
        guids.keep(&nics);
        let head = |place: usize| head_of(&nics, place);
        let heads = (0..nics.len()).filter(|place| head(*place) == *place);
        let found = heads.map(|place| {
            let others = (0..nics.len()).filter(|other| *other != place && head(*other) == place);
            join(&nics[place], others.map(|other| &nics[other].0))
        });
        Adapters { found: found.collect() }
    }
}

fn swap<A, B>((one, other): (A, B)) -> (B, A) {
    (other, one)
}

/// The NIC whose adapter a NIC belongs to: itself, or the most genuine one with its MAC address.
fn head_of(nics: &[(Nic<'_>, Option<Guid>)], place: usize) -> usize {
    let genuine = |(nic, guid): &(Nic<'_>, Option<Guid>)| (guid.is_some(), nic.link.device);
    let own = &nics[place];
    let belongs = |other: &(Nic<'_>, Option<Guid>)| {
        permanent(other.0.link) == permanent(own.0.link) || own.0.link.master == Some(other.0.link.index)
    };
    let more =
        |other: &&(usize, &(Nic<'_>, Option<Guid>))| genuine(other.1) > genuine(own) && belongs(other.1);
    // Of those that are alike the first, which is the primary one.
    let most =
        nics.iter().enumerate().rev().filter(|other| more(&other)).max_by_key(|other| genuine(other.1));
    most.map_or(place, |(place, _)| place)
}

fn permanent(link: &Link) -> HardwareAddress {
    link.permanent.unwrap_or(link.hardware)
}

fn join<'t: 'n, 'n>(
    (nic, guid): &(Nic<'t>, Option<Guid>),
    others: impl Iterator<Item = &'n Nic<'t>>,
) -> Adapter<'t> {
    let names = Names { permanent: vec![permanent(nic.link)], present: vec![nic.link.hardware], guid: *guid };
    let mut adapter = Adapter { link: nic.link, names, shown: nic.shown.clone() };
    for other in others {
        adapter.names.permanent.push(permanent(other.link));
        adapter.names.present.push(other.link.hardware);
        for link in &other.shown {
            if !adapter.shown.iter().any(|known| known.index == link.index) {
                adapter.shown.push(link);
            }
        }
    }
    adapter
}

/// The GUIDs of devices, read from sysfs once for each interface.
#[derive(Debug)]
pub(super) struct Guids {
    sysfs_root: PathBuf,
    read: BTreeMap<u32, (Box<str>, Option<Guid>)>,
}

impl Guids {
    pub(super) fn new(sysfs_root: PathBuf) -> Guids {
        Guids { sysfs_root, read: BTreeMap::new() }
    }

    /// The GUID of the VMBus device behind `link`, if that is one.
    fn of(&mut self, link: &Link) -> Option<Guid> {
        if let Some((_, guid)) = self.read.get(&link.index).filter(|(name, _)| *name == link.name) {
            return *guid;
        }
        let guid = self.look(&link.name);
        self.read.insert(link.index, (link.name.clone(), guid));
        guid
    }

    fn look(&self, name: &str) -> Option<Guid> {
        if name.contains('/') || name == ".." {
            return None;
        }
        let path = self.sysfs_root.join("class/net").join(name).join("device/device_id");
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    /// Forgets all but these.
    fn keep(&mut self, nics: &[(Nic<'_>, Option<Guid>)]) {
        self.read.retain(|index, _| nics.iter().any(|(nic, _)| nic.link.index == *index));
    }
}
