//! Feeds an NTP daemon with samples that all have the same offset, as hv-timesyncd would: for tests/ntp.
//!
//! usage: `feed PATH|UNIT OFFSET_NS [none|insert|delete|unsynchronised]`
//!
//! PATH: chrony's SOCK. UNIT: NTP's shared memory. Two samples a second until it is killed. What became of a sample is
//! printed when it is something else than before: `taken`, or why not. Clocks are only read.
#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hv_timesyncd::refclock::{Feed, SharedClock, Socket};
use hv_timesyncd::sample::Leap;
use rustix::time::{ClockId, clock_gettime};

enum Client {
    Sock(Socket),
    Shm(SharedClock),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((to, offset, leap)) = parse(&arguments) else {
        eprintln!("usage: feed PATH|UNIT OFFSET_NS [none|insert|delete|unsynchronised]");
        return ExitCode::from(64);
    };
    let mut client = match to.parse() {
        Ok(unit) => Client::Shm(SharedClock::new(unit)),
        Err(_) => Client::Sock(Socket::new(to.into())),
    };
    let mut before = String::new();
    loop {
        let sample = Feed { real: now(), offset, error: 1000, leap };
        let became = word(match &mut client {
            Client::Sock(socket) => socket.feed(&sample),
            Client::Shm(shared) => shared.feed(&sample),
        });
        if became != before {
            println!("{became}");
            before = became;
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn parse(arguments: &[String]) -> Option<(&str, i64, Leap)> {
    let (to, offset, leap) = match arguments {
        [to, offset] => (to, offset, "none"),
        [to, offset, leap] => (to, offset, leap.as_str()),
        _ => return None,
    };
    let leap = match leap {
        "none" => Leap::None,
        "insert" => Leap::Insert,
        "delete" => Leap::Delete,
        "unsynchronised" => Leap::Unsynchronised,
        _ => return None,
    };
    Some((to, offset.parse().ok()?, leap))
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn word(result: io::Result<()>) -> String {
    result.err().map_or_else(|| "taken".to_owned(), |error| error.to_string())
}
