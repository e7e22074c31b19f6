//! What `netplan get` prints of one definition: YAML as netplan itself writes it, in blocks, always with the same indents.
//!
//! That is all the YAML that is understood here, and no more of it than keys and the items of lists: what is kept is written
//! again as it was printed. Files of administrators are read by netplan alone.

/// A mapping: keys and the lines that belong to each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    entries: Vec<(String, String, Vec<String>)>,
}

/// An item of a list, as its lines without the list's indent; the first begins with `- `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item(pub Vec<String>);

impl Definition {
    /// Reads what was printed; `null` is an empty one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::of(text.lines().map(str::to_owned))
    }

    fn of(lines: impl Iterator<Item = String>) -> Self {
        let mut entries: Vec<(String, String, Vec<String>)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '-']) {
                if let Some((_, _, lines)) = entries.last_mut() {
                    lines.push(line);
                }
            } else if let Some((key, value)) = split(&line) {
                entries.push((key, value, Vec::new()));
            }
        }
        Self { entries }
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A scalar, without quotes.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|(_, value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self, key: &str) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for line in self.entry(key).into_iter().flat_map(|(_, _, lines)| lines) {
            match items.last_mut() {
                Some(item) if !line.starts_with("- ") => item.0.push(line.clone()),
                _ => items.push(Item(vec![line.clone()])),
            }
        }
        items
    }

    /// A mapping within.
    #[must_use]
    pub fn nested(&self, key: &str) -> Self {
        let lines = self.entry(key).into_iter().flat_map(|(_, _, lines)| lines);
        Self::of(lines.map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()))
    }

    /// All lines of a key, with its own; none if it is not there.
    #[must_use]
    pub fn lines(&self, key: &str) -> Vec<String> {
        let Some((key, value, lines)) = self.entry(key) else { return Vec::new() };
        let first = if value.is_empty() { format!("{key}:") } else { format!("{key}: {value}") };
        std::iter::once(first).chain(lines.iter().cloned()).collect()
    }

    fn entry(&self, key: &str) -> Option<&(String, String, Vec<String>)> {
        self.entries.iter().find(|(name, _, _)| name == key)
    }
}

impl Item {
    /// An item that is one word.
    #[must_use]
    pub fn word(word: &str) -> Self {
        Self(vec![format!("- \"{word}\"")])
    }

    /// The word of an item, or the key of one that has something to say of its key.
    #[must_use]
    pub fn head(&self) -> String {
        let first = self.0.first().and_then(|line| line.strip_prefix("- ")).unwrap_or_default().trim();
        match first.strip_suffix(':') {
            Some(key) => plain(key),
            None => plain(first),
        }
    }

    /// A value of an item that is a mapping.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<String> {
        let lines = self.0.iter().filter_map(|line| line.strip_prefix("- ").or(line.strip_prefix("  ")));
        lines.filter_map(split).find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// `key: value`, both without quotes.
fn split(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
    Some((plain(key), plain(value)))
}

fn plain(text: &str) -> String {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests;
