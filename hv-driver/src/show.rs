//! How the components are shown: a row each, as a table for a person, as JSON, as a structure on D-Bus.

use serde::Serialize;
use zbus::Type;

use crate::components::Component;
use crate::engine::{Choice, Decision};
use crate::sysfs::Found;

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Row {
    /// Its name.
    pub service: String,
    /// Its device's instance; empty: the host does not offer it.
    pub instance: String,
    /// The driver that has it; empty: none.
    pub driver: String,
    /// `auto`, `uio` or `hv_utils`.
    pub choice: String,
    /// The driver it should have by that choice; empty: none, or whichever it has.
    pub wanted: String,
    /// Why, as a sentence.
    pub reason: String,
    /// The choice ends with this boot.
    pub runtime: bool,
    /// Bytes of all its memory maps, if it is on raw VMBus.
    pub mapped_bytes: u64,
}

impl Row {
    pub(crate) fn new(
        component: Component,
        found: Option<&Found>,
        choice: Choice,
        decision: Option<Decision>,
        runtime: bool,
    ) -> Self {
        let vmbus = found.map(|found| &found.vmbus);
        let (goal, reason) = match decision {
            Some(decision) => (decision.goal, decision.reason),
            None => (None, "the host does not offer it".to_owned()),
        };
        Self {
            service: component.name.to_owned(),
            instance: vmbus.map(|device| device.instance.clone()).unwrap_or_default(),
            driver: vmbus.and_then(|device| device.driver.clone()).unwrap_or_default(),
            choice: choice.word().to_owned(),
            wanted: goal.map(|goal| goal.driver().to_owned()).unwrap_or_default(),
            reason,
            runtime,
            mapped_bytes: vmbus.map_or(0, hv_utils_core::channel::sysfs::VmbusDevice::mapped_bytes),
        }
    }

    fn cells(&self) -> [String; 4] {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let until = if self.runtime { " (until the next boot)" } else { "" };
        let owed = !self.instance.is_empty() && !self.wanted.is_empty() && self.wanted != self.driver;
        let reason = if owed { format!("{}: {}", self.wanted, self.reason) } else { self.reason.clone() };
        [self.service.clone(), or_dash(&self.driver), format!("{}{until}", self.choice), reason]
    }
}

/// A table with aligned columns.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut cells = vec![["SERVICE", "DRIVER", "CHOICE", "REASON"].map(str::to_owned)];
    cells.extend(rows.iter().map(Row::cells));
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [service, driver, choice, reason] in &cells {
        let [first, second, third] = widths;
        text += &format!("{service:first$}  {driver:second$}  {choice:third$}  {reason}\n");
    }
    text
}

/// One JSON object, as `hvctl --json driver` prints it; `kind` is `driver-show` or `driver-use`.
#[must_use]
pub fn json(kind: &str, rows: &[Row]) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        schema: u32,
        kind: &'a str,
        items: &'a [Row],
    }
    let answer = Answer { schema: 1, kind, items: rows };
    serde_json::to_string(&answer).expect("plain texts and numbers") + "\n"
}
