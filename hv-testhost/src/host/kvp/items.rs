//! What a Hyper-V host tells every guest about itself and about the virtual machine: pool 3.
//!
//! Sixteen items in alphabetical order, as public dumps of guests show them; all sent as text. The names are
//! what guests' programs look for, the values describe a host that does not exist.

/// The values that differ from host to host and machine to machine; the rest is fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostItems {
    /// Short name of the host.
    pub host_name: String,
    /// Name of the host with its domain.
    pub host_name_fully_qualified: String,
    /// Name of the virtual machine in Hyper-V Manager.
    pub vm_name: String,
    /// Id of the virtual machine: a GUID, upper case, without braces.
    pub vm_id: String,
}

impl Default for HostItems {
    fn default() -> HostItems {
        HostItems {
            host_name: "HV-TESTHOST".to_owned(),
            host_name_fully_qualified: "hv-testhost.example".to_owned(),
            vm_name: "testguest".to_owned(),
            vm_id: "5DA8D2C7-6E1F-4B7E-9C35-0D3B6F1A2E48".to_owned(),
        }
    }
}

impl HostItems {
    /// The items in the order in which a host sends them.
    pub fn items(&self) -> [(&'static str, String); 16] {
        let fixed = str::to_owned;
        [
            ("HostName", self.host_name.clone()),
            ("HostingSystemEditionId", fixed("8")),
            ("HostingSystemNestedLevel", fixed("0")),
            ("HostingSystemOsMajor", fixed("10")),
            ("HostingSystemOsMinor", fixed("0")),
            ("HostingSystemProcessorArchitecture", fixed("9")),
            ("HostingSystemProcessorIdleStateMax", fixed("0")),
            ("HostingSystemProcessorThrottleMax", fixed("100")),
            ("HostingSystemProcessorThrottleMin", fixed("5")),
            ("HostingSystemSpMajor", fixed("0")),
            ("HostingSystemSpMinor", fixed("0")),
            ("PhysicalHostName", self.host_name.clone()),
            ("PhysicalHostNameFullyQualified", self.host_name_fully_qualified.clone()),
            ("VirtualMachineDynamicMemoryBalancingEnabled", fixed("0")),
            ("VirtualMachineId", self.vm_id.clone()),
            ("VirtualMachineName", self.vm_name.clone()),
        ]
    }
}
