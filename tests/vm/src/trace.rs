//! What a daemon in a guest asks of its kernel: system calls and processes, counted by strace while the host asks.
//!
//! strace is attached for the time of some requests. What it sees at its coming and going (the call that the daemon waits
//! in) is in every count, so a request's share is the difference between many requests and one.

use crate::machine::{Machine, fail};

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Calls {
    /// System calls of all threads and of every process that was made.
    pub(crate) calls: u32,
    /// Processes made.
    pub(crate) processes: u32,
    /// Programs begun.
    pub(crate) programs: u32,
}

/// A watch over a process.
#[derive(Debug)]
pub(crate) struct Watch<'a>(&'a Machine);

/// One line of the trace for a call; a call that another thread interrupts has a second, and signals and ends have theirs.
const COUNT: &str = "awk '/resumed>/ || /[+][+][+] / || /--- SIG/ {next} \
    {calls++} / (clone|clone3|fork|vfork)[(]/ {processes++} / execve[(]/ && !/ENOENT/ {programs++} \
    END {print calls + 0, processes + 0, programs + 0}' /run/trace";

impl<'a> Watch<'a> {
    /// Begins to watch the process whose number is in `pid_file` (or several, with commas), with all threads.
    #[track_caller]
    pub(crate) fn begin(machine: &'a Machine, pid_file: &str) -> Watch<'a> {
        machine.sh(&format!(
            "rm -f /run/trace; setsid strace -f -qq -o /run/trace -p $(cat {pid_file}) >/run/strace.log 2>&1 </dev/null & \
             echo $! >/run/strace.pid"
        ));
        machine.until(&format!(
            "for p in $(tr , ' ' <{pid_file}); do ! grep -q 'TracerPid:.0$' /proc/$p/task/*/status || exit 1; done"
        ));
        Watch(machine)
    }

    /// Ends it.
    #[track_caller]
    pub(crate) fn end(self) -> Calls {
        self.0.sh("kill $(cat /run/strace.pid)");
        self.0.until("! kill -0 $(cat /run/strace.pid) 2>/dev/null");
        let counted = self.0.sh(COUNT);
        let numbers: Vec<u32> = counted.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [calls, processes, programs] = numbers[..] else { fail(&format!("strace counted {counted:?}")) };
        Calls { calls, processes, programs }
    }
}

impl Calls {
    /// The share of each of `more` requests that this count has in addition to `one`.
    pub(crate) fn beyond(self, one: Calls, more: u32) -> Calls {
        let share = |all: u32, one: u32| all.saturating_sub(one).div_ceil(more);
        Calls {
            calls: share(self.calls, one.calls),
            processes: share(self.processes, one.processes),
            programs: share(self.programs, one.programs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;

    #[test]
    fn share_of_a_request_leaves_the_watch_itself_out() {
        let one = Calls { calls: 9, processes: 2, programs: 1 };
        let three = Calls { calls: 23, processes: 6, programs: 3 };
        assert_eq!(three.beyond(one, 2), Calls { calls: 7, processes: 2, programs: 1 });
    }
}
