//! The configuration of all daemons: TOML files in, typed settings and findings out.
//!
//! Three stages. *Fragments*: each file is parsed by itself (`source`, `value`). *Inputs*: they are merged
//! here, table by table and key by key, the later file winning. *Settings*: a daemon reads its own tables through
//! [`Table`], which checks each value and knows its file and line. Nothing stops at the first finding, and
//! tables of other daemons are not looked into: one file serves them all.

mod finding;
mod nearest;
mod source;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Place, Severity};
pub use source::Sources;
pub use table::Table;

use nearest::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use value::{Item, Keyed, Top};

/// Every table of the project. Another name is a mistake.
pub const TABLES: [&str; 9] =
    ["kvp", "network", "vss", "timesync", "shutdown", "heartbeat", "file-copy", "driver", "log"];

/// What a key holds, and where.
#[derive(Debug)]
struct Entry {
    item: Item,
    place: Place,
    /// Where files read before set the same key.
    earlier: Vec<Place>,
}

/// The merged configuration, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Config {
    tables: BTreeMap<String, BTreeMap<String, Entry>>,
    /// The keys asked for, by table: what a daemon knows.
    asked: BTreeMap<&'static str, BTreeSet<&'static str>>,
    findings: Vec<Finding>,
}

impl Config {
    /// Reads and merges all files. Never fails: what is wrong is among the findings.
    #[must_use]
    pub fn load(sources: &Sources) -> Self {
        let mut config = Self::default();
        for text in source::read_all(sources, &mut config.findings) {
            config.add(&text);
        }
        config
    }

    /// The reader of one table, which the daemon from now on is held to know fully.
    pub fn table(&mut self, name: &'static str) -> Table<'_> {
        self.asked.entry(name).or_default();
        Table::new(self, name)
    }

    /// Ends the reading: reports what stands in the tables read but was never asked for, and returns all findings
    /// in the order of files and lines.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        for (name, asked) in &self.asked {
            for (key, entry) in self.tables.get(*name).into_iter().flatten() {
                if !asked.contains(key.as_str()) {
                    let text = unknown_key(name, key, asked);
                    let places = entry.earlier.iter().chain([&entry.place]);
                    self.findings.extend(
                        places.map(|place| error(place.clone(), format!("{name}.{key}"), text.clone())),
                    );
                }
            }
        }
        finding::sort(&mut self.findings);
        self.findings
    }

    fn add(&mut self, text: &source::Text) {
        let place = |line| Place { file: Rc::clone(&text.file), line, order: text.order };
        let tops = match value::parse(&text.text) {
            Ok(tops) => tops,
            Err(errors) => {
                let errors =
                    errors.into_iter().map(|(line, message)| error(place(line), String::new(), message));
                return self.findings.extend(errors);
            }
        };
        for (name, (line, top)) in tops {
            match top {
                Top::Table(keys) if TABLES.contains(&name.as_str()) => self.merge(name, keys, place),
                Top::Table(_) => {
                    self.findings.push(error(place(line), format!("[{name}]"), unknown_table(&name)));
                }
                Top::Misplaced(what) => {
                    let text = format!("is {what}: settings stand below a heading such as [kvp]");
                    self.findings.push(error(place(line), name, text));
                }
            }
        }
    }

    fn merge(&mut self, table: String, keys: Vec<Keyed>, place: impl Fn(u32) -> Place) {
        let entries = self.tables.entry(table).or_default();
        for Keyed { key, item } in keys {
            let mut entry = Entry { place: place(item.line), item, earlier: Vec::new() };
            if let Some(old) = entries.remove(&key) {
                entry.earlier = old.earlier;
                entry.earlier.push(old.place);
            }
            entries.insert(key, entry);
        }
    }
}

/// Whether a daemon can run with these findings.
#[must_use]
pub fn usable(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

fn error(place: Place, key: String, text: String) -> Finding {
    Finding { severity: Severity::Error, place: Some(place), key, text }
}

fn unknown_key(table: &str, key: &str, asked: &BTreeSet<&'static str>) -> String {
    match nearest(key, asked.iter().copied()) {
        Some(meant) => format!("unknown key, did you mean \"{meant}\"?"),
        None if asked.is_empty() => format!("unknown key, [{table}] has none: remove it"),
        None => format!("unknown key, remove it; [{table}] has: {}", join(asked.iter().copied())),
    }
}

fn unknown_table(name: &str) -> String {
    match nearest(name, TABLES) {
        Some(meant) => format!("unknown table, did you mean [{meant}]?"),
        None => format!("unknown table, remove it; there are: {}", join(TABLES)),
    }
}

/// Names in one line, for a person.
fn join<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    names.join(", ")
}
