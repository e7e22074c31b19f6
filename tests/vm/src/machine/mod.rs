//! A virtual machine at work: the machine itself, the host it has, and the agent in its guest.
//!
//! Everything it leaves behind (console, transcript, the host's events) lies in one directory. Dropping it ends it.

mod events;
mod host;
mod images;
mod monitor;
mod probe;
mod vm;

pub use host::{Answer, Host};
pub use images::Images;
pub use probe::{Way, probe};

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::agent::{Agent, Finished, Pending};
use crate::clock::Look;
use events::Events;
use vm::Vm;

/// What differs between machines.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The guest's kernel, by its name among the images.
    pub kernel: String,
    /// Further arguments of the host.
    pub host: Vec<String>,
    /// Services that the host serves, separated by commas.
    pub served: String,
    /// Whether the guest has a shell for a person.
    pub shell: bool,
    /// Virtual processors of the guest.
    pub vcpus: u32,
    /// A disk of so many bytes for the guest.
    pub disk: Option<u64>,
    /// Whether the guest's "/" is an ext4 on a disk in memory (`/dev/ram0` of eight); otherwise it is the image itself.
    pub root: bool,
    /// Whether the guest's init is systemd, with logind and a bus, and every service on the raw channel.
    pub systemd: bool,
    /// Whether the guest starts anew when it restarts; otherwise that is the machine's end.
    pub reboots: bool,
    /// Memory of the guest, MB.
    pub memory: u32,
    /// Whether every byte of every packet is kept, for fixtures: of a large file, four times as many.
    pub capture: bool,
}

/// Memory of a guest: Linux 6.12 takes 47 MiB for each service on uio_hv_generic.
const MEMORY: u32 = 768;

impl Setup {
    /// A guest with this kernel, one processor, and a host like a real one that says nothing about the time unasked.
    #[must_use]
    pub fn new(kernel: &str) -> Setup {
        Setup {
            kernel: kernel.to_owned(),
            host: Vec::new(),
            served: "kvp,heartbeat,shutdown,timesync,vss".to_owned(),
            shell: false,
            vcpus: 1,
            disk: None,
            root: false,
            systemd: false,
            reboots: false,
            memory: MEMORY,
            capture: true,
        }
    }

    /// The guest's image, by its name.
    fn image(&self) -> String {
        let systemd = if self.systemd { "-systemd" } else { "" };
        format!("{}{systemd}", self.kernel)
    }

    /// What becomes of a machine that its guest resets, as a word for `start-guest`.
    fn reset(&self) -> &'static str {
        if self.reboots { "reboot" } else { "end" }
    }

    /// The same with a host that serves these.
    #[must_use]
    pub fn served(self, services: &str) -> Setup {
        Setup { served: services.to_owned(), ..self }
    }

    /// The same with further arguments of the host.
    #[must_use]
    pub fn host(mut self, arguments: &[&str]) -> Setup {
        self.host.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }
}

/// Only a hang takes longer: a guest has been seen to take 37 s on a busy machine, and 411 s on one with 13 processes for each
/// processor. A hang must leave a run the time for a second play.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// The same for one script in the guest.
const SCRIPT_LIMIT: Duration = Duration::from_secs(400);
/// The same for what is told of something that has happened already.
const EVENT_LIMIT: Duration = Duration::from_secs(60);
/// Seconds of the guest in which something becomes true there that is waited for.
const UNTIL_SECS: u32 = 120;
/// Distance between two looks at something that has no event.
const LOOK: Duration = Duration::from_millis(100);

/// A running machine.
#[derive(Debug)]
pub struct Machine {
    dir: PathBuf,
    vm: Vm,
    host: Host,
    agent: Agent,
    events: Events,
    booted_in: Duration,
    systemd: bool,
}

impl Machine {
    /// Boots a machine in a directory of its own and waits for the agent in its guest.
    ///
    /// # Errors
    /// A sentence. What is in `dir` by then tells more.
    pub fn boot(images: &Images, setup: &Setup, dir: &Path) -> Result<Machine, String> {
        let began = Instant::now();
        std::fs::create_dir_all(dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
        let host = Host::start(images, dir, setup)?;
        let mut vm = Vm::start(images, setup, dir)?;
        let agent = Agent::new(vm.connect("agent", BOOT_LIMIT)?).map_err(|error| error.to_string())?;
        let events = Events::new(vm.connect("events", BOOT_LIMIT)?).map_err(|error| error.to_string())?;
        let deadline = began + BOOT_LIMIT;
        while !agent.wait_for_hello(1, LOOK) {
            if let Some(status) = vm.ended() {
                return Err(format!("the virtual machine ended while booting: {status}"));
            }
            if Instant::now() > deadline {
                return Err(format!("the guest did not boot within {} s", BOOT_LIMIT.as_secs()));
            }
        }
        Ok(Machine {
            dir: dir.to_owned(),
            vm,
            host,
            agent,
            events,
            booted_in: began.elapsed(),
            systemd: setup.systemd,
        })
    }

    /// Where its console, transcript and events are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How long it took from nothing to the agent.
    #[must_use]
    pub fn booted_in(&self) -> Duration {
        self.booted_in
    }

    /// Whether its guest's init is systemd.
    #[must_use]
    pub fn has_systemd(&self) -> bool {
        self.systemd
    }

    /// The machine's host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Runs a script in the guest and waits for it.
    ///
    /// # Panics
    /// It does not end, or the guest is gone: no case can go on.
    #[track_caller]
    pub fn guest(&self, script: &str) -> Finished {
        let finished = self.agent.start(script).wait(SCRIPT_LIMIT);
        finished.unwrap_or_else(|why| fail(&format!("in the guest: {script}\n{why}")))
    }

    /// Runs a script in the guest that has to succeed, and returns what it printed.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let finished = self.guest(script);
        assert!(finished.code == 0, "in the guest: {script}\nended with {finished:?}");
        finished.stdout
    }

    /// The guest's clocks.
    ///
    /// # Panics
    /// It does not answer: no case can go on.
    #[track_caller]
    #[must_use]
    pub fn look(&self) -> Look {
        self.agent.look(SCRIPT_LIMIT).unwrap_or_else(|why| fail(&why))
    }

    /// Starts a script in the guest.
    #[must_use]
    pub fn start(&self, script: &str) -> Pending {
        self.agent.start(script)
    }

    /// Asks the host to do something.
    #[track_caller]
    pub fn ask(&self, verb: &[&str]) -> Answer {
        self.host.ask(verb)
    }

    /// Waits until the guest says so: `script` is run until it succeeds.
    ///
    /// # Panics
    /// It never does.
    #[track_caller]
    pub fn until(&self, script: &str) -> String {
        // The loop is the guest's: each round trip from here costs more than a look. So is the time, and not by the clock, which
        // some cases move.
        let looped = format!(
            "now() {{ cut -d. -f1 /proc/uptime; }}; end=$(($(now) + {UNTIL_SECS})); \
             until ( {script} ); do [ $(now) -lt $end ] || exit 1; sleep 0.2; done"
        );
        let finished = self.guest(&looped);
        assert!(finished.code == 0, "in the guest, never true: {script}\n{finished:?}");
        finished.stdout
    }

    /// Stops the machine for a while: nothing of it runs, none of its counters counts, and it does not learn of it.
    ///
    /// # Panics
    /// QEMU does not do it. Ends the case as not played where the machine has no monitor: where it runs in this
    /// machine's KVM.
    #[track_caller]
    pub fn pause(&self, how_long: Duration) {
        let socket = self.dir.join("monitor.sock");
        if !socket.exists() {
            skip("a machine without a monitor is not stopped");
        }
        for (name, then) in [("stop", how_long), ("cont", Duration::ZERO)] {
            monitor::command(&socket, name).unwrap_or_else(|why| fail(&why));
            std::thread::sleep(then);
        }
    }

    /// Waits until the machine is off by itself.
    ///
    /// # Panics
    /// It stays on.
    #[track_caller]
    pub fn wait_off(&mut self) {
        let deadline = Instant::now() + BOOT_LIMIT;
        while self.vm.ended().is_none() {
            assert!(Instant::now() < deadline, "the machine stayed on");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the machine is off, however long a person takes.
    pub fn wait_off_patiently(&mut self) {
        while self.vm.ended().is_none() {
            std::thread::sleep(LOOK);
        }
    }

    /// What QEMU has told of the guest so far, a word and a reason each: `SHUTDOWN guest-shutdown`, `RESET guest-reset`.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.events.told()
    }

    /// Waits until QEMU has told this of the guest so often.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn wait_for_event(&self, event: &str, times: usize) {
        assert!(
            self.events.wait_for(event, times, EVENT_LIMIT),
            "not told {times} times: {event}: {:?}",
            self.events()
        );
    }

    /// Waits until the consoles have shown this so often, and returns all that they have shown. What a guest writes there takes
    /// another way than its agent's word.
    ///
    /// # Panics
    /// They do not show it.
    #[track_caller]
    pub fn wait_for_console(&self, text: &str, times: usize) -> String {
        let deadline = Instant::now() + EVENT_LIMIT;
        loop {
            let console = self.console();
            if console.matches(text).count() >= times {
                return console;
            }
            assert!(Instant::now() < deadline, "not shown {times} times: {text:?}: {console}");
            std::thread::sleep(LOOK);
        }
    }

    /// How often an agent has said that it is there: once for each boot of the guest.
    #[must_use]
    pub fn hellos(&self) -> u32 {
        self.agent.hellos()
    }

    /// Waits until the guest has started anew since it had said so often that it is there.
    ///
    /// # Panics
    /// It does not come back.
    #[track_caller]
    pub fn wait_for_boot(&mut self, hellos: u32) {
        let deadline = Instant::now() + BOOT_LIMIT;
        while !self.agent.wait_for_hello(hellos + 1, LOOK) {
            assert!(self.vm.ended().is_none(), "the machine has ended");
            assert!(Instant::now() < deadline, "the guest does not come back");
        }
    }

    /// What the consoles have shown so far.
    #[must_use]
    pub fn console(&self) -> String {
        std::fs::read(self.dir.join("console")).map_or_else(
            |error| format!("no console: {error}"),
            |bytes| String::from_utf8_lossy(&bytes).replace('\r', ""),
        )
    }
}

/// A command that ends with this process, however that ends: nothing of a run is left behind.
pub(crate) fn dying_with_us(program: &Path) -> Command {
    // util-linux, which every Debian has.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Why a case is not played to its end.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

/// Ends a case that cannot be judged.
#[expect(clippy::panic, reason = "a case is a test: the runner catches it and reports")]
pub(crate) fn skip(why: &str) -> ! {
    std::panic::panic_any(Skip(why.to_owned()))
}

/// Ends a case.
#[expect(clippy::panic, reason = "a case is a test: the runner catches it and reports")]
#[track_caller]
pub(crate) fn fail(why: &str) -> ! {
    std::panic::panic_any(why.to_owned())
}
