//! `[network]`: the table that hv-kvpd and hv-netapply both read, so that no key is unknown to either.

use std::path::PathBuf;
use std::time::Duration;

use crate::daemon::config::Table;
use crate::network::Selection;

/// Where Debian's and Fedora's C daemon has its script.
const SCRIPT: &str = "/usr/libexec/hypervkvpd/hv_set_ifconfig";

/// Who is to configure links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// Whoever owns the link.
    #[default]
    Auto,
    /// NetworkManager, over D-Bus.
    NetworkManager,
    /// systemd-networkd, by a file of our own.
    Networkd,
    /// netplan, by its own command.
    Netplan,
    /// ifupdown, by its `interfaces` file.
    Ifupdown,
    /// The kernel itself; kept in our own state.
    Netlink,
    /// `hv_set_ifconfig` of a distribution or an administrator.
    Script,
}

impl BackendChoice {
    /// The words of the configuration, and of D-Bus.
    pub const WORDS: [(&'static str, BackendChoice); 7] = [
        ("auto", BackendChoice::Auto),
        ("networkmanager", BackendChoice::NetworkManager),
        ("systemd-networkd", BackendChoice::Networkd),
        ("netplan", BackendChoice::Netplan),
        ("ifupdown", BackendChoice::Ifupdown),
        ("netlink", BackendChoice::Netlink),
        ("script", BackendChoice::Script),
    ];
}

/// What the administrator says about the network.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// Interfaces that the host is shown (`include`, `exclude`).
    pub selection: Selection,
    /// Whether the host may configure adapters at all (`host-may-configure`).
    pub host_may_configure: bool,
    /// Who configures them (`backend`).
    pub backend: BackendChoice,
    /// How long a configuration may take to come into force (`apply-timeout-secs`).
    pub apply_timeout: Duration,
    /// The script of `backend = "script"`.
    pub script: PathBuf,
    /// How long one hook in `ip.d` may take (`hook-timeout-secs`).
    pub hook_timeout: Duration,
    /// Whether cloud-init is told to leave the network alone once the host has configured it
    /// (`disable-cloud-init-network`).
    pub disable_cloud_init: bool,
}

impl NetworkSettings {
    /// Reads `[network]`; what is wrong is reported through the table.
    pub fn read(table: &mut Table<'_>) -> Self {
        let include = table.strings("include").unwrap_or_default();
        let exclude = table.strings("exclude").unwrap_or_default();
        Self {
            selection: Selection::new(include, exclude),
            host_may_configure: table.boolean("host-may-configure").unwrap_or(true),
            backend: table.one_of("backend", &BackendChoice::WORDS).unwrap_or_default(),
            apply_timeout: table.duration("apply-timeout-secs", 5..=18).unwrap_or(Duration::from_secs(15)),
            script: table.path("script").unwrap_or_else(|| PathBuf::from(SCRIPT)),
            hook_timeout: table.duration("hook-timeout-secs", 1..=20).unwrap_or(Duration::from_secs(5)),
            disable_cloud_init: table.boolean("disable-cloud-init-network").unwrap_or(false),
        }
    }
}
