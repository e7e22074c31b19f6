//! One step of a backend, by hand: a developer's tool for a machine, or a lab, with the manager in question.
//!
//! `backend NAME STEP ADAPTER`: what `hv-netapply serve` does in a transaction, one process for each step; a snapshot goes to
//! standard output and comes from `--snapshot FILE`. Nothing is recorded, and nothing undone but by the step `restore`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use hv_netapply::backend::{Backend, Roots, Target, detect};
use hv_netapply::readback::Reader;
use hv_netapply::saved::Snapshot;
use hv_netapply::state::State;
use hv_netapply::target;
use hv_netapply::world::World;
use hv_utils_core::bus::BusChoice;
use hv_utils_core::daemon::config::{Config, Sources};
use hv_utils_core::netapply::{Injection, NetworkSettings};
use tokio::time::{Instant, timeout};

/// More than the transaction's program gives a step: whoever does steps by hand has no host that waits, so only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// The same for the way back.
const BACK_PATIENCE: Duration = Duration::from_secs(240);
/// How long what was put in force may take to be there.
const READ_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Parser)]
#[command(about = "Does one step of a backend of hv-netapply")]
struct Cli {
    /// The backend: networkmanager, systemd-networkd, …
    name: String,
    /// What to do
    step: Step,
    /// The adapter: a GUID in lower case without braces
    adapter: String,
    /// What the host wants, as JSON (for write and read-back)
    #[arg(long)]
    injection: Option<String>,
    /// What `snapshot` has printed (for write and restore)
    #[arg(long)]
    snapshot: Option<PathBuf>,
    /// Put back in force, too (for restore)
    #[arg(long)]
    live: bool,
    /// sysfs
    #[arg(long, default_value = "/sys")]
    sysfs_root: PathBuf,
    /// What hv-netapply keeps
    #[arg(long, default_value = "/var/lib/hv-utils")]
    state_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    Claim,
    Readiness,
    Snapshot,
    Write,
    Activate,
    ReadBack,
    Commit,
    Restore,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let settings =
        NetworkSettings::read(&mut Config::load(&Sources::new(None, Path::new("/etc"))).table("network"));
    let roots = Roots {
        etc: "/etc".into(),
        run: "/run".into(),
        usr: "/usr".into(),
        sysfs: cli.sysfs_root.clone(),
        proc: "/proc".into(),
        var_lib: "/var/lib".into(),
    };
    let world = Rc::new(World::new(roots, settings, BusChoice::System));
    let state = State::open(&cli.state_dir)?;
    let backend = detect::named(&cli.name, &world, &state).ok_or("there is no such backend")?;
    let mut reader = Reader::open(&cli.sysfs_root)?;
    let target = target::find(&cli.adapter, &cli.sysfs_root, reader.table()?)?;
    let patience = if matches!(cli.step, Step::Restore) { BACK_PATIENCE } else { PATIENCE };
    timeout(patience, perform(&cli, &*backend, &mut reader, &target)).await?
}

async fn perform(
    cli: &Cli,
    backend: &dyn Backend,
    reader: &mut Reader,
    target: &Target,
) -> Result<(), Box<dyn Error>> {
    let snapshot = || -> Result<Snapshot, Box<dyn Error>> {
        let path = cli.snapshot.as_deref().ok_or("--snapshot is missing")?;
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    };
    let injection = || -> Result<Injection, Box<dyn Error>> {
        Ok(serde_json::from_str(cli.injection.as_deref().ok_or("--injection is missing")?)?)
    };
    match cli.step {
        Step::Claim => println!("{:?}", backend.claim(target).await),
        Step::Readiness => println!("{:?}", backend.readiness(target).await),
        Step::Snapshot => println!("{}", serde_json::to_string(&backend.snapshot(target).await?)?),
        Step::Write => backend.write(target, &injection()?, &snapshot()?).await?,
        Step::Activate => backend.activate(target).await?,
        Step::ReadBack => reader.until_there(&injection()?, target, Instant::now() + READ_PATIENCE).await?,
        Step::Commit => backend.commit(target).await?,
        Step::Restore => backend.restore(target, &snapshot()?, cli.live).await?,
    }
    Ok(())
}
