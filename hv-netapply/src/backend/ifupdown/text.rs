//! The text of interfaces(5) as stanzas of `iface` and everything else: what is not changed is written again to the byte.
//!
//! Blank lines and comments that follow a stanza's last option are not the stanza's: whoever changes it leaves them alone.

/// Of stanzas that are new.
const INDENT: &str = "    ";

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A stanza of an interface.
    Iface(Stanza),
    /// Anything else, as it is.
    Other(String),
}

/// `iface NAME FAMILY METHOD` with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The words after `iface`: name, family, method, and what else there is.
    pub words: Vec<String>,
    /// Its first line, as it is.
    pub head: String,
    /// Its other lines.
    pub lines: Vec<Line>,
    /// What is before its first option.
    pub indent: String,
}

/// A line of a stanza, continued lines being one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As it is, with its end.
    pub raw: String,
    /// The option; "" for a comment or a blank line.
    pub key: String,
    /// What follows the option.
    pub value: String,
}

impl Stanza {
    /// A stanza without options.
    #[must_use]
    pub fn new(interface: &str, family: &str, method: &str) -> Self {
        let words = vec![interface.to_owned(), family.to_owned(), method.to_owned()];
        Self {
            head: format!("iface {interface} {family} {method}\n"),
            words,
            lines: Vec::new(),
            indent: INDENT.to_owned(),
        }
    }

    /// Whether it is of that interface and family.
    #[must_use]
    pub fn is_of(&self, interface: &str, family: &str) -> bool {
        self.words.first().is_some_and(|word| word == interface)
            && self.words.get(1).is_some_and(|word| word == family)
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.words.get(2).map_or("", String::as_str)
    }

    /// Gives it another method; the head stays as it is if it has that one.
    pub fn set_method(&mut self, method: &str) {
        if self.method() != method && self.words.len() > 2 {
            method.clone_into(&mut self.words[2]);
            self.head = format!("iface {}\n", self.words.join(" "));
        }
    }

    /// The value of an option.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.key == key).map(|line| line.value.as_str())
    }

    /// A new option, indented as the others.
    #[must_use]
    pub fn option(&self, key: &str, value: &str) -> Line {
        Line { raw: format!("{}{key} {value}\n", self.indent), key: key.to_owned(), value: value.to_owned() }
    }
}

/// Words that begin something else than an option.
fn begins(word: &str) -> bool {
    const WORDS: [&str; 9] = [
        "iface",
        "mapping",
        "auto",
        "source",
        "source-directory",
        "no-auto-down",
        "no-scripts",
        "rename",
        "template",
    ];
    WORDS.contains(&word) || word.starts_with("allow-")
}

/// Reads a file.
#[must_use]
pub fn parse(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    // Blanks and comments of which it is not known yet whether an option follows.
    let mut between: Vec<Line> = Vec::new();
    for line in logical_lines(text) {
        let open = matches!(parts.last(), Some(Part::Iface(_)));
        if line.key.is_empty() && open {
            between.push(line);
            continue;
        }
        let is_option = open && !begins(&line.key);
        match parts.last_mut() {
            Some(Part::Iface(stanza)) if is_option => {
                if stanza.lines.is_empty() {
                    let indent = line.raw.len() - line.raw.trim_start_matches([' ', '\t']).len();
                    line.raw[..indent].clone_into(&mut stanza.indent);
                }
                stanza.lines.append(&mut between);
                stanza.lines.push(line);
            }
            _ => {
                other(&mut parts, between.drain(..).map(|line| line.raw).collect());
                if line.key == "iface" {
                    let words = line.value.split_whitespace().map(str::to_owned).collect();
                    parts.push(Part::Iface(Stanza {
                        words,
                        head: line.raw,
                        lines: Vec::new(),
                        indent: INDENT.to_owned(),
                    }));
                } else {
                    other(&mut parts, line.raw);
                }
            }
        }
    }
    other(&mut parts, between.into_iter().map(|line| line.raw).collect());
    parts
}

fn other(parts: &mut Vec<Part>, text: String) {
    match parts.last_mut() {
        Some(Part::Other(before)) => before.push_str(&text),
        _ if text.is_empty() => {}
        _ => parts.push(Part::Other(text)),
    }
}

/// Writes it. Where something follows a line that had no end, it gets one.
#[must_use]
pub fn write(parts: &[Part]) -> String {
    let mut text = String::new();
    let mut add = |piece: &str| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(piece);
    };
    for part in parts {
        match part {
            Part::Other(piece) => add(piece),
            Part::Iface(stanza) => {
                add(&stanza.head);
                stanza.lines.iter().for_each(|line| add(&line.raw));
            }
        }
    }
    text
}

/// Lines with their ends; one that ends in a backslash goes on in the next, unless it is a comment.
#[must_use]
pub fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut raw = String::new();
    for line in text.split_inclusive('\n') {
        let comment = raw.is_empty() && line.trim_start().starts_with('#');
        raw.push_str(line);
        if comment || !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            lines.push(logical(std::mem::take(&mut raw)));
        }
    }
    if !raw.is_empty() {
        lines.push(logical(raw));
    }
    lines
}

fn logical(raw: String) -> Line {
    let joined = raw.replace("\\\r\n", " ").replace("\\\n", " ");
    let content = joined.trim();
    let content = if content.starts_with('#') { "" } else { content };
    let (key, value) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
    let (key, value) = (key.to_owned(), value.trim().to_owned());
    Line { raw, key, value }
}

#[cfg(test)]
mod tests;
