//! The console: a verb a line, from a person at a terminal or from a pipe.
//!
//! On a terminal there is a prompt and what happens is told meanwhile; on a pipe only results are printed, and
//! the exit code at the end is that of the first line that failed.

use std::io::{self, BufRead};
use std::rc::Rc;

use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver};

use super::screen::Screen;
use super::{Executor, is_terminal};
use crate::failure::{Failure, exit};
use crate::output::{Rendered, render_failure};
use crate::words;

/// A console.
pub(super) struct Console {
    executor: Rc<dyn Executor>,
    json: bool,
    screen: Screen,
}

impl Console {
    /// A console on the standard streams.
    pub(super) fn new(executor: Rc<dyn Executor>, json: bool) -> Console {
        let screen = Screen::new(Box::new(io::stdout()), Box::new(io::stderr()), is_terminal());
        Console { executor, json, screen }
    }

    /// Carries out lines until there are no more or one ends it; `told` is printed on the error output.
    pub(super) async fn run(
        &mut self,
        mut lines: Receiver<String>,
        told: &mut UnboundedReceiver<String>,
    ) -> Rendered {
        let mut first = exit::OK;
        self.screen.prompt();
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some(line) = line else { break };
                    self.screen.entered();
                    if line.trim() == "exit" {
                        break;
                    }
                    let rendered = self.line(&line, told).await;
                    first = if first == exit::OK { rendered.exit } else { first };
                    self.screen.answer(&rendered);
                    if line.trim() == "quit" {
                        break;
                    }
                    self.screen.prompt();
                }
                Some(event) = told.recv() => self.screen.tell(&event),
            }
        }
        self.screen.ended();
        Rendered { exit: if self.screen.is_terminal() { exit::OK } else { first }, ..Rendered::default() }
    }

    /// Carries one line out; what happens meanwhile is told, and all of it before the answer.
    async fn line(&mut self, line: &str, told: &mut UnboundedReceiver<String>) -> Rendered {
        let words = match words::split(line) {
            Ok(words) if words.is_empty() || words[0].starts_with('#') => return Rendered::default(),
            Ok(words) => words,
            Err(error) => return render_failure(Failure::Usage(error.to_string().into()), self.json),
        };
        let executor = self.executor.clone();
        let mut run = executor.run(words, None, self.json);
        let rendered = loop {
            tokio::select! {
                rendered = &mut run => break rendered,
                Some(event) = told.recv() => self.screen.tell(&event),
            }
        };
        while let Ok(event) = told.try_recv() {
            self.screen.tell(&event);
        }
        rendered
    }
}

/// The console of a host that also has a control socket: without a terminal it only tells, and the host stays.
pub(super) async fn beside_control(mut console: Console, told: &mut UnboundedReceiver<String>) {
    if console.screen.is_terminal() {
        console.run(lines(), told).await;
        return;
    }
    while let Some(event) = told.recv().await {
        console.screen.tell(&event);
    }
    std::future::pending::<()>().await;
}

/// Lines of standard input, read by a thread of its own: a terminal cannot be waited for otherwise everywhere.
pub(super) fn lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests;
