//! The text of a `.network` file as sections of keys, in their order: as much of systemd.syntax(7) as copying one needs.
//!
//! A section may come more than once and a key too; both mean something, so nothing is merged or sorted. Comments are not
//! kept: in a copy they would speak of what is no longer there.

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name without brackets.
    pub name: String,
    /// Keys with their values, trimmed, continued lines joined by a blank; an empty value takes back what was said before.
    pub entries: Vec<(String, String)>,
}

impl Section {
    /// A section without keys.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), entries: Vec::new() }
    }

    /// Adds a key.
    pub fn push(&mut self, key: &str, value: impl Into<String>) {
        self.entries.push((key.to_owned(), value.into()));
    }

    /// The last value of a key; an empty one is none.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        let found = self.entries.iter().rfind(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Reads a file. What is before the first section is ignored, as systemd does.
#[must_use]
pub fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in logical_lines(text) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section::new(name));
        } else if let (Some(section), Some((key, value))) = (sections.last_mut(), line.split_once('=')) {
            section.push(key.trim(), value.trim());
        }
    }
    sections
}

/// Writes sections; those without keys are left out.
#[must_use]
pub fn write(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.entries.is_empty()) {
        text += &format!("\n[{}]\n", section.name);
        for (key, value) in &section.entries {
            text += &format!("{key}={value}\n");
        }
    }
    text
}

/// Lines without comments; one that ends in a backslash goes on in the next, comments between the two do not end it.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun: Option<String> = None;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && begun.is_none()) {
            continue;
        }
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        let whole = begun.take().map_or_else(|| line.to_owned(), |begun| format!("{begun} {line}"));
        if goes_on {
            begun = Some(whole);
        } else {
            lines.push(whole);
        }
    }
    lines.extend(begun);
    lines
}

#[cfg(test)]
mod tests;
