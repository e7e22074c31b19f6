//! What a console shows and where: answers, what happens meanwhile, and on a terminal a prompt.
//!
//! The one rule is that a prompt is the last thing on a terminal while a line is awaited, and is not there while one is
//! carried out: what happens then stands on lines of its own, before the answer.

use std::io::Write;

use crate::output::Rendered;

const PROMPT: &str = "hv> ";
/// Back to the start of the line, and nothing of what stood there stays.
const CLEAR_LINE: &str = "\r\x1b[K";

/// A console's two outputs. A reader that went away is no reason to fail.
pub(super) struct Screen {
    out: Box<dyn Write>,
    error: Box<dyn Write>,
    terminal: bool,
    prompted: bool,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write>, error: Box<dyn Write>, terminal: bool) -> Screen {
        Screen { out, error, terminal, prompted: false }
    }

    /// Whether somebody sits there.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A line is awaited.
    pub(super) fn prompt(&mut self) {
        if self.terminal {
            self.say(PROMPT);
            self.prompted = true;
        }
    }

    /// A line has come: its end was typed, and the prompt is above.
    pub(super) fn entered(&mut self) {
        self.prompted = false;
    }

    /// There are no more lines.
    pub(super) fn ended(&mut self) {
        if std::mem::take(&mut self.prompted) {
            self.say("\n");
        }
    }

    /// Something happened.
    pub(super) fn tell(&mut self, event: &str) {
        let event = crate::hex::printable(event);
        if self.prompted {
            self.say(&format!("{CLEAR_LINE}-- {event}\n{PROMPT}"));
        } else {
            self.say(&format!("-- {event}\n"));
        }
    }

    /// The answer to a line.
    pub(super) fn answer(&mut self, rendered: &Rendered) {
        self.say(&rendered.stderr);
        let _ = self.out.write_all(rendered.stdout.as_bytes()).and_then(|()| self.out.flush());
    }

    fn say(&mut self, text: &str) {
        let _ = self.error.write_all(text.as_bytes()).and_then(|()| self.error.flush());
    }
}
