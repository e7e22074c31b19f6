//! A file in the form that GLib calls a key file, changed in place: what is not changed stays to the byte.
//!
//! Pure. NetworkManager's profiles (`*.nmconnection`) and its configuration (`*.conf`) have this form: `[section]`, `key=value`,
//! comments after `#`. A section may come again, and of a key that is there twice the last one holds.

/// A key file as lines with their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyfile {
    lines: Vec<String>,
}

/// What a line is.
enum Line<'a> {
    Section(&'a str),
    Pair(&'a str, &'a str),
    Other,
}

fn read(line: &str) -> Line<'_> {
    let line = line.trim();
    if line.starts_with('#') {
        return Line::Other;
    }
    if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
        return Line::Section(name);
    }
    match line.split_once('=') {
        Some((key, value)) => Line::Pair(key.trim_end(), value.trim_start()),
        None => Line::Other,
    }
}

impl Keyfile {
    /// Any text is one.
    pub(super) fn parse(text: &str) -> Self {
        Self { lines: text.split_inclusive('\n').map(str::to_owned).collect() }
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.lines.concat()
    }

    /// All pairs in their order: section, key, value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let mut section = "";
        self.lines.iter().filter_map(move |line| match read(line) {
            Line::Section(name) => {
                section = name;
                None
            }
            Line::Pair(key, value) => Some((section, key, value)),
            Line::Other => None,
        })
    }

    /// The value that holds.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        let found = self.pairs().filter(|pair| pair.0 == section && pair.1 == key).last();
        found.map(|pair| pair.2)
    }

    /// Takes the pairs of a section away for which `goes` says so.
    pub(super) fn remove(&mut self, section: &str, mut goes: impl FnMut(&str, &str) -> bool) {
        let mut inside = false;
        self.lines.retain(|line| match read(line) {
            Line::Section(name) => {
                inside = name == section;
                true
            }
            Line::Pair(key, value) => !(inside && goes(key, value)),
            Line::Other => true,
        });
    }

    /// Takes a section away, with everything up to the next one.
    pub(super) fn remove_section(&mut self, section: &str) {
        let mut inside = false;
        self.lines.retain(|line| {
            if let Line::Section(name) = read(line) {
                inside = name == section;
            }
            !inside
        });
    }

    /// Gives a key its value: where it is, or at the end of its section, which is made if need be.
    pub(super) fn set(&mut self, section: &str, key: &str, value: &str) {
        let pair = format!("{key}={value}\n");
        if let Some(at) = self.position(section, key) {
            self.lines[at] = pair;
            return;
        }
        let at = self.end_of(section);
        self.end_line_before(at);
        self.lines.insert(at, pair);
    }

    /// The line that holds for a key.
    fn position(&self, section: &str, key: &str) -> Option<usize> {
        let mut inside = false;
        let mut found = None;
        for (at, line) in self.lines.iter().enumerate() {
            match read(line) {
                Line::Section(name) => inside = name == section,
                Line::Pair(name, _) if inside && name == key => found = Some(at),
                _ => {}
            }
        }
        found
    }

    /// Where a section can go on: after its last pair, or after its head. One that is not there is begun.
    fn end_of(&mut self, section: &str) -> usize {
        let mut inside = false;
        let mut end = None;
        for (at, line) in self.lines.iter().enumerate() {
            match read(line) {
                Line::Section(name) => {
                    inside = name == section;
                    if inside {
                        end = Some(at + 1);
                    }
                }
                Line::Pair(..) if inside => end = Some(at + 1),
                _ => {}
            }
        }
        end.unwrap_or_else(|| {
            self.end_line_before(self.lines.len());
            if self.lines.last().is_some_and(|line| !line.trim().is_empty()) {
                self.lines.push("\n".to_owned());
            }
            self.lines.push(format!("[{section}]\n"));
            self.lines.len()
        })
    }

    /// The last line of a file may lack its end.
    fn end_line_before(&mut self, at: usize) {
        let line = at.checked_sub(1).and_then(|before| self.lines.get_mut(before));
        if let Some(line) = line.filter(|line| !line.ends_with('\n')) {
            line.push('\n');
        }
    }
}

#[cfg(test)]
mod tests;
