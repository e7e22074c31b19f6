//! A developer's tool: one step of one backend, by hand, on this machine.
//!
//! usage: `backend NAME STEP INTERFACE [FILE [INJECTION]]`
//!
//! NAME as in the configuration. STEP: `claim` and `readiness` print what they find; `snapshot` writes FILE; `write` reads it
//! and an injection (JSON); `activate`; `restore` and `restore-live` read FILE; `apply` is snapshot, write and activate.
//! Without the transaction around it: nothing is read back, and nothing goes back by itself. `HV_SYSFS` stands for `/sys`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use hv_netapply::backend::{
    Backend, Roots, Target, ifupdown::Ifupdown, netplan::Netplan, networkd::Networkd,
};
use hv_netapply::saved::Snapshot;
use hv_netapply::world::World;
use hv_utils_core::bus::BusChoice;
use hv_utils_core::netapply::{BackendChoice, Injection, NetworkSettings};
use hv_utils_core::network::Selection;

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(std::env::args().skip(1).collect()))
}

async fn run(words: Vec<String>) -> Done {
    let [name, step, interface, rest @ ..] = words.as_slice() else {
        return Err("usage: backend NAME STEP INTERFACE [FILE [INJECTION]]".into());
    };
    let world = world();
    let target = target(&world.roots, interface)?;
    let backend = backend(name, &world).ok_or("no such backend")?;
    let file = rest.first().map(PathBuf::from);
    let kept = || -> Result<Snapshot, Box<dyn Error>> {
        Ok(serde_json::from_slice(&std::fs::read(file.as_ref().ok_or("FILE is missing")?)?)?)
    };
    match step.as_str() {
        "claim" => println!("{:?}", backend.claim(&target).await),
        "readiness" => println!("{:?}", backend.readiness(&target).await),
        "snapshot" | "apply" => {
            let snapshot = backend.snapshot(&target).await?;
            std::fs::write(file.as_ref().ok_or("FILE is missing")?, serde_json::to_vec(&snapshot)?)?;
            if step == "apply" {
                backend.write(&target, &injection(rest)?, &snapshot).await?;
                backend.activate(&target).await?;
            }
        }
        "write" => backend.write(&target, &injection(rest)?, &kept()?).await?,
        "activate" => backend.activate(&target).await?,
        "restore" => backend.restore(&target, &kept()?, false).await?,
        "restore-live" => backend.restore(&target, &kept()?, true).await?,
        _ => return Err("no such step".into()),
    }
    Ok(())
}

fn backend(name: &str, world: &Rc<World>) -> Option<Box<dyn Backend>> {
    let choice = BackendChoice::WORDS.iter().find(|(word, _)| *word == name)?.1;
    Some(match choice {
        BackendChoice::Networkd => Box::new(Networkd::new(world.clone())),
        BackendChoice::Netplan => Box::new(Netplan::new(world.clone())),
        BackendChoice::Ifupdown => Box::new(Ifupdown::new(world.clone())),
        _ => return None,
    })
}

fn world() -> Rc<World> {
    let roots = Roots {
        etc: "/etc".into(),
        run: "/run".into(),
        usr: "/usr".into(),
        sysfs: std::env::var_os("HV_SYSFS").map_or_else(|| "/sys".into(), PathBuf::from),
        proc: "/proc".into(),
        var_lib: "/var/lib".into(),
    };
    let settings = NetworkSettings {
        selection: Selection::new(Vec::new(), Vec::new()),
        host_may_configure: true,
        backend: BackendChoice::Auto,
        apply_timeout: Duration::from_secs(15),
        script: PathBuf::new(),
        hook_timeout: Duration::from_secs(5),
        disable_cloud_init: false,
    };
    Rc::new(World::new(roots, settings, BusChoice::System))
}

fn target(roots: &Roots, interface: &str) -> Result<Target, Box<dyn Error>> {
    let device = roots.sysfs.join("class/net").join(interface);
    let read =
        |name: &str| std::fs::read_to_string(device.join(Path::new(name))).map(|text| text.trim().to_owned());
    let adapter = read("device/device_id").unwrap_or_default().trim_matches(['{', '}']).to_owned();
    Ok(Target {
        interface: interface.to_owned(),
        index: read("ifindex")?.parse()?,
        mac: read("address").unwrap_or_default(),
        adapter,
    })
}

fn injection(rest: &[String]) -> Result<Injection, Box<dyn Error>> {
    Ok(serde_json::from_str(rest.get(1).ok_or("INJECTION is missing")?)?)
}
