//! The typed reader of one table.
//!
//! Every getter returns `None` both for a key that is not there and for one that is wrong; the latter leaves a
//! finding. So a daemon reads all its keys with its defaults at hand, and whoever wrote the file sees every
//! mistake at once. A key asked for is a key known: what is never asked for is reported by [`Config::finish`].

use super::value::{Item, Value};
use super::{Config, Entry, Finding, Place, Severity, join};
use crate::wire::Version;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Reads the keys of one table.
#[derive(Debug)]
pub struct Table<'a> {
    config: &'a mut Config,
    name: &'static str,
}

/// Units a key's name may end in, with their length in microseconds.
const UNITS: [(&str, &str, u64); 6] = [
    ("-us", "microseconds", 1),
    ("-ms", "milliseconds", 1_000),
    ("-secs", "seconds", 1_000_000),
    ("-mins", "minutes", 60_000_000),
    ("-hours", "hours", 3_600_000_000),
    ("-days", "days", 86_400_000_000),
];

impl<'a> Table<'a> {
    pub(super) fn new(config: &'a mut Config, name: &'static str) -> Self {
        Self { config, name }
    }

    /// The reader of another table, for a daemon that has two (`[kvp]` and `[network]`).
    pub fn also(&mut self, name: &'static str) -> Table<'_> {
        self.config.table(name)
    }

    /// Whether the key is set at all, rightly or wrongly.
    pub fn is_set(&mut self, key: &'static str) -> bool {
        self.item(key).is_some()
    }

    /// Text.
    pub fn string(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "text in quotes", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// True or false.
    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        })
    }

    /// A whole number within `range`.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let must = format!("a number from {} to {}", range.start(), range.end());
        self.read(key, &must, |value| within(value, &range))
    }

    /// A duration in the unit that the key's name ends in (`-us`, `-ms`, `-secs`, `-mins`, `-hours`, `-days`),
    /// with `range` in the same unit.
    pub fn duration(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        let unit = UNITS.iter().find(|(suffix, ..)| key.ends_with(suffix));
        debug_assert!(unit.is_some(), "the name of a duration's key ends in its unit: {key}");
        let (_, plural, micros) = unit.copied().unwrap_or(("", "seconds", 1_000_000));
        let must = format!("{} to {} {plural}", range.start(), range.end());
        let amount = self.read(key, &must, |value| within(value, &range))?;
        Some(Duration::from_micros(amount.saturating_mul(micros)))
    }

    /// A list of texts; a single text is no list.
    pub fn strings(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.list(key, "text in quotes", |text| Some(text.to_owned()))
    }

    /// A list whose texts `parse` understands; `must` says what each has to be. Every wrong item is reported.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        must: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let must_be_list = format!("a list, each item {must}, such as [\"…\", \"…\"]");
        let items = self.read(key, &must_be_list, |value| match value {
            Value::List(items) => Some(items.clone()),
            _ => None,
        })?;
        let mut parsed = Vec::with_capacity(items.len());
        let mut wrong = false;
        for Item { value, line } in &items {
            match text_of(value).and_then(&parse) {
                Some(item) => parsed.push(item),
                None => {
                    wrong = true;
                    self.report(key, Some(*line), Severity::Error, must_not(must, value));
                }
            }
        }
        (!wrong).then_some(parsed)
    }

    /// A version such as `"4.0"`.
    pub fn version(&mut self, key: &'static str) -> Option<Version> {
        self.parsed(key, "a version in quotes, such as \"4.0\"", |text| text.parse().ok())
    }

    /// An absolute path.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.parsed(key, "a path in quotes that begins with /", |text| {
            Some(PathBuf::from(text)).filter(|path| path.is_absolute() && !text.contains('\0'))
        })
    }

    /// One of a few words, each with its meaning.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let must = format!("one of: {}", join(choices.iter().map(|(word, _)| *word)));
        self.parsed(key, &must, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
        })
    }

    /// A text that `parse` understands; `must` says what it has to be.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        must: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(key, must, |value| text_of(value).and_then(parse))
    }

    /// Reports a key whose value is right by itself but cannot be used: `what` says why and what to do.
    pub fn reject(&mut self, key: &'static str, what: impl Into<String>) {
        self.report(key, None, Severity::Error, what.into());
    }

    /// Reports a key whose value can be used but should be looked at.
    pub fn warn(&mut self, key: &'static str, what: impl Into<String>) {
        self.report(key, None, Severity::Warning, what.into());
    }

    fn read<T>(&mut self, key: &'static str, must: &str, get: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = &self.item(key)?.item.value;
        let got = get(value);
        if got.is_none() {
            let text = must_not(must, value);
            self.report(key, None, Severity::Error, text);
        }
        got
    }

    fn item(&mut self, key: &'static str) -> Option<&Entry> {
        self.config.asked.entry(self.name).or_default().insert(key);
        self.config.tables.get(self.name)?.get(key)
    }

    fn report(&mut self, key: &'static str, line: Option<u32>, severity: Severity, text: String) {
        let place = self
            .item(key)
            .map(|entry| Place { line: line.unwrap_or(entry.place.line), ..entry.place.clone() });
        let key = format!("{}.{key}", self.name);
        self.config.findings.push(Finding { severity, place, key, text });
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn within(value: &Value, range: &RangeInclusive<u64>) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok().filter(|number| range.contains(number)),
        _ => None,
    }
}

/// "must be …, not …": the value itself where it is short enough to recognise.
fn must_not(must: &str, value: &Value) -> String {
    match value {
        Value::Text(text) if text.len() <= 80 => format!("must be {must}, not {text:?}"),
        Value::Integer(number) => format!("must be {must}, not {number}"),
        Value::Boolean(value) => format!("must be {must}, not {value}"),
        other => format!("must be {must}, not {}", other.kind()),
    }
}
