//! `[kvp]`, `[network]` and the arguments of this daemon: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's.

use std::path::PathBuf;
use std::time::Duration;

use hv_utils_core::daemon::CommonArgs;
use hv_utils_core::daemon::config::Table;
use hv_utils_core::wire::kvp::Pool;

use crate::bus::{FULL_UNITS, SAFE_UNITS};
use crate::engine::Engine;
use crate::intrinsic;
use crate::pool::PoolOptions;
use hv_utils_core::netapply::NetworkSettings;

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the pool files are; other software reads and writes them by this path
    #[arg(long, value_name = "DIR", default_value = "/var/lib/hyperv")]
    pub pool_dir: PathBuf,
}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory of the pool files.
    pub pool_dir: PathBuf,
    /// Pools in which the host may set and delete items (`host-writable-pools`).
    pub host_writable: Vec<Pool>,
    /// Items a pool may hold before a new one is refused (`max-items`).
    pub max_items: u32,
    /// How long another program's lock on a pool is waited for (`lock-timeout-secs`).
    pub lock_timeout: Duration,
    /// UTF-16 units that programs in the guest may write in a key and in a value (`full-length-items`).
    pub limits: (usize, usize),
    /// Where the administrator keeps intrinsic items of their own (`intrinsic-dir`).
    pub intrinsic_dir: PathBuf,
    /// Which network interfaces the host is shown, and whether it may configure them (`[network]`).
    pub network: NetworkSettings,
}

/// Pools that the C daemon lets the host write; the default.
const HOST_WRITABLE: [Pool; 4] = [Pool::External, Pool::Guest, Pool::AutoExternal, Pool::AutoInternal];

impl Settings {
    /// Reads `[kvp]` and `[network]`; what is wrong is reported through the table.
    pub fn read(kvp: &mut Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        let writable =
            "external, guest, auto-external or auto-internal (the auto pool holds facts about the guest)";
        let most = u64::from(PoolOptions::HIGHEST_MAX_ITEMS);
        let max_items = kvp.integer("max-items", 1..=most).and_then(|items| u32::try_from(items).ok());
        let full_length = kvp.boolean("full-length-items").unwrap_or(false);
        let intrinsic_dir = kvp.path("intrinsic-dir");
        Settings {
            pool_dir: args.pool_dir.clone(),
            host_writable: kvp
                .list("host-writable-pools", writable, writable_pool)
                .unwrap_or_else(|| HOST_WRITABLE.to_vec()),
            max_items: max_items.unwrap_or(PoolOptions::DEFAULT_MAX_ITEMS),
            lock_timeout: kvp.duration("lock-timeout-secs", 1..=25).unwrap_or(Duration::from_secs(5)),
            limits: if full_length { FULL_UNITS } else { SAFE_UNITS },
            intrinsic_dir: intrinsic_dir.unwrap_or_else(|| common.etc_root.join("hv-utils/kvp/intrinsic.d")),
            network: NetworkSettings::read(&mut kvp.also("network")),
        }
    }

    /// The rules that follow from it.
    pub fn engine(&self) -> Engine {
        Engine::new(&self.host_writable).with_configuration(self.network.host_may_configure)
    }

    /// What the pool store needs to know; `state_dir` is the daemon's own.
    pub fn pool_options(&self, common: &CommonArgs, state_dir: PathBuf) -> PoolOptions {
        PoolOptions {
            sysfs_root: common.sysfs_root.clone(),
            proc_root: common.proc_root.clone(),
            etc_root: common.etc_root.clone(),
            max_items: self.max_items,
            lock_timeout: self.lock_timeout,
            ..PoolOptions::new(&self.pool_dir, state_dir)
        }
    }

    /// What the auto pool needs to know.
    pub fn intrinsic_options(&self, common: &CommonArgs) -> intrinsic::Options {
        intrinsic::Options {
            etc_root: common.etc_root.clone(),
            proc_root: common.proc_root.clone(),
            sysfs_root: common.sysfs_root.clone(),
            directory: self.intrinsic_dir.clone(),
            selection: self.network.selection.clone(),
            ..intrinsic::Options::default()
        }
    }
}

fn writable_pool(name: &str) -> Option<Pool> {
    HOST_WRITABLE.into_iter().find(|pool| pool.name() == name)
}
