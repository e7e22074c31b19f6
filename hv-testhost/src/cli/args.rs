//! The program's arguments. What they mean together is in [`super`].

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use hv_utils_core::wire::{Ic, Version};

use crate::capture::Capture;
use crate::host::kvp::items::HostItems;
use crate::host::{DEFAULT_RING_BYTES, HostOptions, OFFERABLE, Place, TransactionIds, timesync};
use crate::record::Records;
use crate::scenario::cli::RunOptions;
use crate::sim::failed;
use crate::ticks::Ticks;
use crate::transcript::Transcript;
use crate::verb::{self, Verb};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
A host that stays, and commands to it:
  hv-testhost --sim /run/hvtest --control /run/hvtest/control --ic kvp,heartbeat
  hv-testhost --control /run/hvtest/control get-guest-intrinsic-items
A virtual machine's own kernel as the guest, behind sockets where the machine listens:
  hv-testhost --packet-link /run/machine --ic kvp,heartbeat
One command, with a host that lives for it alone:
  hv-testhost --sim /run/hvtest add-kvp colour blue
PowerShell's spelling is understood too:
  hv-testhost --sim /run/hvtest Copy-VMFile -SourcePath notes.txt -DestinationPath /var/lib/hv-utils/incoming/ -Force
A console: the same without a command. `help` lists what it understands.
A guest that misbehaving hosts must not disturb:
  hv-testhost --sim /run/hvtest run scenarios/*.toml

Exit codes: 0 done, and the guest's status was 0; 1 the guest refused (its status is printed), a rule forbids it, or
a scenario failed; 3 no guest within --timeout, or no answer; 64 usage; 69 sockets or host not available; 130 or 143
SIGINT or SIGTERM came first.";

/// A small Hyper-V host for tests, demos and development
#[derive(Debug, Parser)]
#[command(name = "hv-testhost", version, after_help = EXAMPLES, subcommand_value_name = "VERB",
          subcommand_help_heading = "Verbs", infer_subcommands = false, max_term_width = 110)]
pub(super) struct Arguments {
    /// Directory in which to listen: DIR/NAME.sock for each service, where daemons connect with --channel sim:PATH
    #[arg(long, value_name = "DIR")]
    pub(super) sim: Option<PathBuf>,

    /// Directory of a virtual machine's sockets: connect to DIR/NAME.sock for each service, instead of --sim
    #[arg(long, value_name = "DIR", conflicts_with_all = ["sim", "ring"])]
    pub(super) packet_link: Option<PathBuf>,

    /// With --sim or --packet-link: listen here for commands and stay until told to quit. Alone: send the command there
    #[arg(long, value_name = "SOCK")]
    pub(super) control: Option<PathBuf>,

    /// Services to offer: kvp, heartbeat, shutdown, timesync, vss, fcopy [default: kvp; for one command the service it needs]
    #[arg(long = "ic", value_name = "LIST", value_delimiter = ',', value_parser = verb::service)]
    ics: Vec<Ic>,

    /// Bytes of one ring with its 4096-byte control page: a multiple of 4096, at least 8192
    #[arg(long, value_name = "BYTES", value_parser = ring, default_value_t = DEFAULT_RING_BYTES)]
    pub(super) ring: u32,

    /// Message versions to offer instead of a real host's: kvp=1.0,3.0 (may be given once for each service)
    #[arg(long, value_name = "NAME=LIST", value_parser = versions)]
    pub(super) versions: Vec<(Ic, Vec<Version>)>,

    /// Seconds to wait for the host behind --control, for a guest, and for each of its answers [default: 10, for the
    /// answer to set-ip 30, for a freeze and for copy-vmfile 120; with run: what each scenario says]
    #[arg(long, value_name = "SECS", value_parser = seconds, global = true)]
    timeout: Option<Duration>,

    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// Do not tell guests about the host (16 items of pool 3) after each negotiation
    #[arg(long)]
    pub(super) no_host_items: bool,

    /// Name of the virtual machine that guests are told
    #[arg(long, value_name = "NAME")]
    pub(super) vm_name: Option<String>,

    /// Make a new device of KVP's channel whenever it closes, as real hosts do
    #[arg(long)]
    pub(super) reoffer_on_close: bool,

    /// Give each request transaction ids of its own instead of 0: shows whether a guest echoes them
    #[arg(long)]
    pub(super) rising_ids: bool,

    /// Send no time to guests but by sync-time and sample-time
    #[arg(long)]
    pub(super) no_time_samples: bool,

    /// Milliseconds from a guest's answer to the next time sample [default: 5000]
    #[arg(long, value_name = "MS", value_parser = milliseconds, conflicts_with = "no_time_samples")]
    pub(super) sample_period: Option<Duration>,

    /// Seconds by which this host's clock is ahead of this machine's; may be negative and have decimals
    #[arg(long, value_name = "SECS", value_parser = timesync::offset, allow_hyphen_values = true,
          default_value_t = Ticks(0))]
    pub(super) time_offset: Ticks,

    /// Write what each packet says to this file, a line each
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) transcript: Option<PathBuf>,

    /// Write each packet whole to this file, a line each, for programs that replay it
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) capture: Option<PathBuf>,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Verb(Verb),
    /// Play scenarios to a guest and report each step (format: SCENARIOS.md)
    Run {
        /// TOML files, played one after the other
        #[arg(required = true, value_name = "SCENARIO.toml")]
        scenarios: Vec<PathBuf>,
    },
}

impl Arguments {
    /// Reads a command line, the program's name included.
    ///
    /// # Errors
    /// clap's, or what it cannot find.
    pub(super) fn read(words: &[OsString]) -> Result<Arguments, clap::Error> {
        let mut arguments = Arguments::try_parse_from(words)?;
        arguments.command = match arguments.command {
            Some(Command::Verb(verb)) => Some(Command::Verb(verb.checked(Arguments::command())?)),
            other => other,
        };
        Ok(arguments)
    }

    /// Time for the host, for a guest, and for each of its answers.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    /// The same for one verb, where it was said or the verb has a time of its own; otherwise it is the host's.
    pub(super) fn timeout_of(&self, verb: &Verb) -> Option<Duration> {
        self.timeout.or_else(|| verb.patience())
    }

    /// What was said about it.
    pub(super) fn timeout_said(&self) -> Option<Duration> {
        self.timeout
    }

    /// Where guests are to be met, if anywhere.
    pub(super) fn place(&self) -> Option<Place> {
        let sim = self.sim.as_ref().map(|dir| Place::Sim { dir: dir.clone(), ring_bytes: self.ring });
        sim.or_else(|| self.packet_link.as_ref().map(Place::packet_link))
    }

    /// The services to offer: those that were named, or the one that the only verb needs.
    fn ics(&self, verb: Option<&Verb>) -> Vec<Ic> {
        match self.ics.as_slice() {
            [] => vec![verb.and_then(Verb::target).unwrap_or(Ic::Kvp)],
            named => named.to_vec(),
        }
    }

    /// The host's options in a place, for one verb or for as many as come.
    ///
    /// # Errors
    /// The transcript or the capture cannot be made.
    pub(super) fn host_options(&self, place: &Place, verb: Option<&Verb>) -> io::Result<HostOptions> {
        let mut options = HostOptions::at(place.clone());
        options.ics = OFFERABLE.iter().copied().filter(|ic| self.ics(verb).contains(ic)).collect();
        options.versions.clone_from(&self.versions);
        options.timeout = self.timeout();
        options.ids = if self.rising_ids { TransactionIds::Rising } else { TransactionIds::Zero };
        let mut items = HostItems::default();
        items.vm_name = self.vm_name.clone().unwrap_or(items.vm_name);
        options.host_items = (!self.no_host_items).then_some(items);
        options.reoffer_on_close = self.reoffer_on_close;
        let period = self.sample_period.or(options.time_period);
        options.time_period = period.filter(|_| !self.no_time_samples);
        options.time_offset = self.time_offset;
        options.records = self.records()?;
        Ok(options)
    }

    /// How scenarios are played in `dir`.
    ///
    /// # Errors
    /// The transcript or the capture cannot be made.
    pub(super) fn run_options(&self, dir: &Path) -> io::Result<RunOptions> {
        Ok(RunOptions { dir: dir.to_owned(), records: self.records()?, timeout: self.timeout })
    }

    fn records(&self) -> io::Result<Records> {
        let transcript = self.transcript.as_ref().map(|path| {
            Transcript::to_file(path).map_err(|error| failed("write the transcript", path, &error))
        });
        let capture = self
            .capture
            .as_ref()
            .map(|path| Capture::to_file(path).map_err(|error| failed("write the capture", path, &error)));
        Ok(Records { transcript: transcript.transpose()?, capture: capture.transpose()? })
    }
}

fn ring(text: &str) -> Result<u32, String> {
    ring_size(text.parse().map_err(|_| "not a number of bytes".to_owned())?)
}

/// Whether a ring can have so many bytes.
pub(crate) fn ring_size(bytes: u32) -> Result<u32, String> {
    // Two rings of 64 MiB are far beyond what any host gives an IC.
    if bytes.is_multiple_of(4096) && (8192..=64 << 20).contains(&bytes) {
        Ok(bytes)
    } else {
        Err("a ring is a multiple of 4096 bytes, from 8192 to 67108864 with its control page".to_owned())
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err("from 0.001 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let milliseconds: u64 = text.parse().map_err(|_| "not a whole number of milliseconds".to_owned())?;
    match milliseconds {
        1..=86_400_000 => Ok(Duration::from_millis(milliseconds)),
        _ => Err("from 1 to 86400000 milliseconds".to_owned()),
    }
}

fn versions(text: &str) -> Result<(Ic, Vec<Version>), String> {
    let (name, list) = text.split_once('=').ok_or("write NAME=LIST, for example kvp=3.0,4.0")?;
    let ic = verb::service(name)?;
    let list: Result<Vec<Version>, _> = list.split(',').map(str::parse).collect();
    list.map(|list| (ic, list)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
