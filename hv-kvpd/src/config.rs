//! `[kvp]`, `[network]` and the arguments of this daemon: from what was written to what is meant.
//!
//! The reading and merging of files, and the report of everything that is wrong in them, is the core's.

use std::path::PathBuf;
use std::time::Duration;

use hv_utils_core::daemon::config::Table;
use hv_utils_core::daemon::{CommonArgs, clap};
use hv_utils_core::wire::kvp::Pool;

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the pool files are. Other software reads and writes them by this path.
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
    /// How long to wait for another program's lock on a pool (`lock-timeout-secs`).
    pub lock_timeout: Duration,
    /// Whether guests' programs may write keys and values of the wire's full length (`full-length-items`).
    pub full_length_items: bool,
    /// Where the administrator keeps intrinsic items of their own (`intrinsic-dir`).
    pub intrinsic_dir: PathBuf,
    /// Interfaces that are shown to the host though they would not be (`[network] include`).
    pub include: Vec<String>,
    /// Interfaces that are never shown to the host (`[network] exclude`).
    pub exclude: Vec<String>,
}

/// Pools that the C daemon lets the host write; the default.
const HOST_WRITABLE: [Pool; 4] = [Pool::External, Pool::Guest, Pool::AutoExternal, Pool::AutoInternal];

impl Settings {
    /// Reads `[kvp]`; what is wrong is reported through the table.
    pub fn read(kvp: &mut Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        Settings {
            pool_dir: args.pool_dir.clone(),
            host_writable: host_writable(kvp),
            max_items: kvp.integer("max-items", 1..=65_536, 16_384),
            lock_timeout: Duration::from_secs(kvp.integer("lock-timeout-secs", 1..=25, 5).into()),
            full_length_items: kvp.boolean("full-length-items", false),
            intrinsic_dir: kvp.path("intrinsic-dir", &common.etc_root.join("hv-utils/kvp/intrinsic.d")),
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

fn host_writable(kvp: &mut Table<'_>) -> Vec<Pool> {
    let key = "host-writable-pools";
    let Some(names) = kvp.strings(key) else { return HOST_WRITABLE.to_vec() };
    let mut pools = Vec::new();
    for name in names {
        match name.parse::<Pool>() {
            Ok(Pool::Auto) => kvp.report(key, "the auto pool holds facts about the guest and cannot be written"),
            Ok(pool) => pools.push(pool),
            Err(_) => kvp.report(
                key,
                &format!("no pool is called {name:?}: external, guest, auto-external or auto-internal"),
            ),
        }
    }
    pools
}
