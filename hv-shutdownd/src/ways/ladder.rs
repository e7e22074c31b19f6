//! Which ways there are for an order on this machine, best first, and taking one of them.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

use hv_utils_core::wire::shutdown::Action;

use super::follow::Trail;
use super::{Order, Ways, init, kernel, logind, manager};

/// Who has the guest go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nobody: it is only said.
    Print,
    /// systemd-logind or elogind: inhibitors are heard, everybody is told.
    Logind,
    /// systemd's manager, in order: services are stopped.
    Systemd,
    /// systemd's manager, at once: processes are ended and filesystems unmounted, services are not asked.
    SystemdAtOnce,
    /// The command of another init.
    Init,
    /// This daemon, when the time has come: there is no logind that could be told the time.
    Later,
    /// The system call, after a sync.
    Kernel,
}

impl Way {
    /// Its name, in sentences.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Print => "nobody",
            Self::Logind => "logind",
            Self::Systemd => "systemd",
            Self::SystemdAtOnce => "systemd at once",
            Self::Init => "init",
            Self::Later => "this daemon",
            Self::Kernel => "the kernel",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What somebody who was asked has said.
pub(super) enum Answer {
    /// He does it; and how it is known what becomes of it.
    Yes(Trail),
    /// It must not be done, by nobody: a sentence.
    Never(String),
    /// He does not: a sentence.
    No(String),
}

/// The ways for an order, best first.
pub(super) fn ways(root: &Path, order: &Order) -> VecDeque<Way> {
    if order.action == Action::Hibernate {
        return [Way::Logind, Way::Systemd].into();
    }
    // As sd_booted(3) does it.
    let systemd = root.join("run/systemd/system").is_dir();
    let mut ways: VecDeque<Way> = [Way::Logind, if systemd { Way::Systemd } else { Way::Init }].into();
    if order.force {
        ways.extend(systemd.then_some(Way::SystemdAtOnce));
        ways.push_back(Way::Kernel);
    }
    ways
}

/// Asks one of them.
pub(super) async fn ask(ways: &Ways, way: Way, order: &Order) -> Answer {
    let options = &ways.inner.options;
    let bus = ways.bus();
    match way {
        Way::Logind => match bus {
            Some(bus) => logind::ask(&bus, order).await,
            None => Answer::No("there is no bus to ask logind over".to_owned()),
        },
        Way::Systemd => manager::start(bus, &options.root, order).await,
        Way::SystemdAtOnce => manager::at_once(bus, &options.root, order).await,
        Way::Init => match init::run(options, order).await {
            Ok(left) => {
                *super::lock(&ways.inner.left) = left;
                Answer::Yes(Trail::None)
            }
            Err(why) => Answer::No(why),
        },
        Way::Kernel => kernel::call(&ways.inner.kernel, order.action).await,
        Way::Print | Way::Later => Answer::No("that is no way".to_owned()),
    }
}
