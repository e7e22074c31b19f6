//! The console: a verb a line, from a person at a terminal or from a pipe.
//!
//! On a terminal there is a prompt and what happens is told meanwhile; on a pipe only results are printed, and
//! the exit code at the end is that of the first line that failed.

use std::io::BufRead;
use std::rc::Rc;

use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{Executor, emit, is_terminal, render_failure, say};
use crate::outcome::{Failure, exit};
use crate::output::Rendered;
use crate::words;

const PROMPT: &str = "hv> ";

/// A console on standard input.
pub(super) struct Console {
    executor: Rc<dyn Executor>,
    json: bool,
    terminal: bool,
}

impl Console {
    pub(super) fn new(executor: Rc<dyn Executor>, json: bool) -> Console {
        Console { executor, json, terminal: is_terminal() }
    }

    /// Reads lines until there are no more or one says `quit`; `told` is printed on the error output.
    pub(super) async fn run(&self, mut told: UnboundedReceiver<String>) -> Rendered {
        let mut lines = lines();
        let mut first = exit::OK;
        self.prompt();
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some(line) = line else { break };
                    let rendered = self.line(&line, &mut told).await;
                    first = if first == exit::OK { rendered.exit } else { first };
                    emit(&rendered);
                    if is_quit(&line) {
                        break;
                    }
                    self.prompt();
                }
                Some(event) = told.recv() => self.tell(&event),
            }
        }
        Rendered { exit: if self.terminal { exit::OK } else { first }, ..Rendered::default() }
    }

    /// Carries one line out; what happens meanwhile is told.
    async fn line(&self, line: &str, told: &mut UnboundedReceiver<String>) -> Rendered {
        let words = match words::split(line) {
            Ok(words) if words.is_empty() || words[0].starts_with('#') => return Rendered::default(),
            Ok(words) => words,
            Err(error) => return render_failure(Failure::Usage(error.to_string()), self.json),
        };
        let mut run = self.executor.run(words, None, self.json);
        loop {
            tokio::select! {
                rendered = &mut run => return rendered,
                Some(event) = told.recv() => self.tell(&event),
            }
        }
    }

    fn prompt(&self) {
        if self.terminal {
            say(PROMPT);
        }
    }

    fn tell(&self, event: &str) {
        let event = crate::hex::printable(event);
        say(&if self.terminal { format!("\r-- {event}\n{PROMPT}") } else { format!("-- {event}\n") });
    }
}

/// The console of a host that also has a control socket: when the input ends, the host stays.
pub(super) async fn beside_control(console: Console, told: UnboundedReceiver<String>) {
    if console.terminal {
        console.run(told).await;
        return;
    }
    let mut told = told;
    while let Some(event) = told.recv().await {
        console.tell(&event);
    }
    std::future::pending::<()>().await;
}

fn is_quit(line: &str) -> bool {
    line.trim() == "quit"
}

/// Lines of standard input, read by a thread of its own: a terminal cannot be waited for otherwise everywhere.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
