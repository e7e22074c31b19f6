//! cloud-init writes the network's configuration at each boot of a new instance: where the administrator says so, it is told
//! to leave it alone once the host has spoken (`[network] disable-cloud-init-network`).

use std::path::Path;

use hv_utils_core::daemon::replace;

const FILE: &str = "cloud/cloud.cfg.d/99-hv-utils-network.cfg";
const TEXT: &str = "# Written by hv-netapply: the Hyper-V host has configured an adapter. See hv-utils.toml(5),\n\
                    # disable-cloud-init-network. Remove this file to let cloud-init do so again.\n\
                    network: {config: disabled}\n";

/// Writes the file, where cloud-init is.
pub(crate) fn disable(etc_root: &Path) {
    let path = etc_root.join(FILE);
    if path.exists() || !path.parent().is_some_and(Path::is_dir) {
        return;
    }
    match replace(&path, TEXT.as_bytes(), 0o644) {
        Ok(()) => tracing::info!("{} written: cloud-init leaves the network alone", path.display()),
        Err(error) => tracing::warn!("{error}"),
    }
}
