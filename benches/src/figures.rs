//! What is measured, and the tables.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::kvp::raw::HostRequest;
use tempfile::TempDir;

use crate::host::{self, Host};
use crate::pool;
use crate::process::{Process, Trace, binary};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Sizes of the pool that are compared.
const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// Requests in one measurement of a kind that only reads.
const READS: usize = 2_000;
/// Requests in one measurement of a kind that syncs to disk.
const WRITES: usize = 200;
/// Further requests of each kind under the tracer.
const TRACED: usize = 100;

/// A directory, a bus and a listening host.
struct Rig {
    dir: TempDir,
    bus: String,
    _bus: Process2,
    listener: Listener,
}

/// A program that is not ours.
struct Process2(std::process::Child);

impl Drop for Process2 {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Rig {
    fn new() -> Result<Rig> {
        let dir = tempfile::tempdir()?;
        let socket = dir.path().join("bus.sock");
        let config = dir.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>custom</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/><allow user=\"*\"/>\
             </policy></busconfig>",
            socket.display()
        );
        std::fs::write(&config, text)?;
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--nofork").arg(format!("--config-file={}", config.display()));
        daemon.stdin(Stdio::null()).stderr(Stdio::null());
        let daemon = Process2(daemon.spawn().map_err(|error| format!("dbus-daemon: {error}"))?);
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let listener = Host::listen(&dir.path().join("kvp.sock"))?;
        Ok(Rig { bus: format!("unix:path={}", socket.display()), dir, _bus: daemon, listener })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arguments(&self, name: &str) -> Vec<String> {
        let path = |part: &str| self.path(&format!("{name}-{part}")).display().to_string();
        let socket = format!("sim:{}", self.path("kvp.sock").display());
        let pairs = [
            ("--channel", socket),
            ("--bus", self.bus.clone()),
            ("--pool-dir", path("pools")),
            ("--state-dir", path("state")),
            ("--run-dir", path("run")),
            ("--log-level", "warn".to_owned()),
        ];
        pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// A daemon over a pool of `items` items, and the host that is connected to it.
    async fn daemon(&self, name: &str, items: usize) -> Result<(Process, Host)> {
        pool::write(&self.path(&format!("{name}-pools")), items)?;
        let daemon = Process::start("hv-kvpd", self.arguments(name))?;
        Ok((daemon, Host::accept(&self.listener).await?))
    }
}

/// Everything, in the order of the page.
pub(crate) async fn all() -> Result<()> {
    let rig = Rig::new()?;
    println!("{}", machine());
    sizes()?;
    start(&rig).await?;
    idle(&rig).await?;
    memory(&rig).await?;
    requests(&rig).await
}

fn machine() -> String {
    let uname = rustix::system::uname();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Linux {} {}, {cpus} CPUs\n",
        uname.release().to_string_lossy(),
        uname.machine().to_string_lossy()
    )
}

fn sizes() -> Result<()> {
    println!("## Size\n\n| program | stripped bytes |\n| --- | --- |");
    for name in ["hv-kvpd", "hvctl", "hv-testhost", "bare"] {
        println!("| {name} | {} |", std::fs::metadata(binary(name)?)?.len());
    }
    Ok(())
}

async fn start(rig: &Rig) -> Result<()> {
    println!("\n## Start to READY (20 starts, ms)\n\n| | median | longest |\n| --- | --- | --- |");
    for items in [0, 10_000] {
        let name = format!("start{items}");
        pool::write(&rig.path(&format!("{name}-pools")), items)?;
        let mut times = Vec::new();
        for _ in 0..20 {
            let socket = rig.path("notify.sock");
            let (daemon, time) = Process::start_notifying("hv-kvpd", rig.arguments(&name), &socket)?;
            drop(daemon);
            drop(Host::accept(&rig.listener).await);
            times.push(time);
        }
        let (median, longest) = (median(&mut times), times.iter().max().copied().unwrap_or_default());
        println!("| {items} items | {} | {} |", millis(median), millis(longest));
    }
    Ok(())
}

async fn idle(rig: &Rig) -> Result<()> {
    let (daemon, mut host) = rig.daemon("idle", 10).await?;
    host.exchange(&host::enumerate(0, 0)).await?;
    // What follows a start (readiness, signals on the bus) is over after a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (switches, cpu) = (daemon.switches()?, daemon.cpu()?);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (switches, cpu) = (daemon.switches()? - switches, daemon.cpu()? - cpu);
    println!("\n## Idle, 30 s, connected\n\n{switches} wake-ups, {} µs of CPU time", cpu.as_micros());
    Ok(())
}

async fn memory(rig: &Rig) -> Result<()> {
    println!(
        "\n## Memory (KiB)\n\n| | RSS | PSS | private dirty | anonymous |\n| --- | --- | --- | --- | --- |"
    );
    let bare = Process::start("bare", [&rig.bus])?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    row("bare tokio + zbus service", &bare)?;
    drop(bare);
    for items in [10, 10_000] {
        let (daemon, mut host) = rig.daemon(&format!("memory{items}"), items).await?;
        row(&format!("hv-kvpd, {items} items, after start"), &daemon)?;
        for index in 0..10_000 {
            let index = u32::try_from(index % items)?;
            host.exchange(&host::enumerate(0, index)).await?;
        }
        row(&format!("hv-kvpd, {items} items, after 10,000 exchanges"), &daemon)?;
    }
    Ok(())
}

fn row(name: &str, process: &Process) -> Result<()> {
    let memory = process.memory()?;
    println!(
        "| {name} | {} | {} | {} | {} |",
        memory.rss, memory.pss, memory.private_dirty, memory.anonymous
    );
    Ok(())
}

async fn requests(rig: &Rig) -> Result<()> {
    println!(
        "\n## Requests (median µs; req/s and CPU µs over the whole run; system calls per request)\n\n\
         | | items | median | p99 | req/s | CPU | system calls |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    let guest = Process::start("null_guest", [rig.path("kvp.sock")])?;
    let mut host = Host::accept(&rig.listener).await?;
    measure("floor: a guest that answers at once", 0, &guest, &mut host, READS, rig, |index| {
        host::enumerate(0, u32::try_from(index).unwrap_or(0))
    })
    .await?;
    drop((guest, host));
    for items in SIZES {
        let (daemon, mut host) = rig.daemon(&format!("requests{items}"), items).await?;
        every_kind(rig, &daemon, &mut host, items).await?;
    }
    Ok(())
}

async fn every_kind(rig: &Rig, daemon: &Process, host: &mut Host, items: usize) -> Result<()> {
    let spread = move |index: usize| (index * 7919) % items;
    measure("ENUMERATE", items, daemon, host, READS, rig, move |index| {
        host::enumerate(0, u32::try_from(spread(index)).unwrap_or(0))
    })
    .await?;
    measure("GET", items, daemon, host, READS, rig, move |index| host::get(0, &pool::key(spread(index))))
        .await?;
    measure("ENUMERATE auto", items, daemon, host, READS, rig, |index| {
        host::enumerate(2, u32::try_from(index % 10).unwrap_or(0))
    })
    .await?;
    measure("SET existing", items, daemon, host, WRITES, rig, move |index| {
        host::set(0, &pool::key(spread(index)), &pool::value(index))
    })
    .await?;
    measure("SET new", items, daemon, host, WRITES, rig, |index| {
        host::set(0, &format!("new{index}"), "value")
    })
    .await?;
    let added = WRITES + TRACED;
    measure("DELETE last", items, daemon, host, added, rig, |index| {
        host::delete(0, &format!("new{}", added.saturating_sub(1 + index)))
    })
    .await?;
    measure("DELETE missing", items, daemon, host, WRITES, rig, |_| host::delete(0, "missing")).await?;
    let few = 5.min(items);
    measure("DELETE first", items, daemon, host, few, rig, |index| host::delete(0, &pool::key(index))).await
}

/// One row: times without a tracer, then some further requests under one.
async fn measure(
    name: &str,
    items: usize,
    process: &Process,
    host: &mut Host,
    count: usize,
    rig: &Rig,
    request: impl Fn(usize) -> HostRequest,
) -> Result<()> {
    let requests: Vec<HostRequest> = (0..count).map(&request).collect();
    let (cpu, begun) = (process.cpu()?, Instant::now());
    let mut times = Vec::with_capacity(count);
    for request in &requests {
        let sent = Instant::now();
        host.exchange(request).await?;
        times.push(sent.elapsed());
    }
    let (whole, cpu) = (begun.elapsed(), process.cpu()? - cpu);
    let rate = requests.len() as f64 / whole.as_secs_f64();
    let cpu = cpu.as_secs_f64() * 1e6 / requests.len() as f64;
    // Other requests than before: to set what is there already is less work.
    let further: Vec<HostRequest> = (count..count + TRACED.min(count)).map(&request).collect();
    let calls = traced(process, host, rig.dir.path(), &further).await?;
    let (median, p99) = (median(&mut times), times[(times.len() * 99 / 100).min(times.len() - 1)]);
    println!(
        "| {name} | {items} | {:.0} | {:.0} | {rate:.0} | {cpu:.0} | {calls} |",
        median.as_secs_f64() * 1e6,
        p99.as_secs_f64() * 1e6
    );
    Ok(())
}

/// System calls per request; deletions are not traced, there is nothing left to delete.
async fn traced(process: &Process, host: &mut Host, dir: &Path, requests: &[HostRequest]) -> Result<String> {
    if requests.iter().any(|request| matches!(request, HostRequest::Delete { .. })) {
        return Ok("–".into());
    }
    let Some(trace) = Trace::attach(process, dir.join("strace.log")) else { return Ok("no strace".into()) };
    for request in requests {
        host.exchange(request).await?;
    }
    let (calls, _) = trace.finish()?;
    Ok(format!("{:.1}", calls as f64 / requests.len() as f64))
}

/// The median; sorts.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}
