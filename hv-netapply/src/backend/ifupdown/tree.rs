//! The files that ifupdown reads: `etc/network/interfaces`, and what it sources, in that order.
//!
//! Files are found here; what is in them is told by whoever asks, so that a tree can be walked as it was or will be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::text::logical_lines;
use crate::backend::Roots;
use crate::backend::networkd::pattern::fits;

/// How deep files may source files.
const MOST_DEPTH: usize = 8;

/// What a walk finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The files, in the order in which they are read.
    pub files: Vec<PathBuf>,
    /// All of them as one text, without the lines that source others.
    pub flat: String,
    /// Patterns that were sourced, as paths here.
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Files(PathBuf),
    Directory(PathBuf),
}

/// The main file.
#[must_use]
pub fn main_file(roots: &Roots) -> PathBuf {
    roots.etc.join("network/interfaces")
}

/// Walks the tree; `read` gives a file's text. `more` is a file that may not be there yet.
pub fn walk(roots: &Roots, more: Option<&Path>, read: &dyn Fn(&Path) -> Option<String>) -> Tree {
    let mut walk = Walk { roots, more, read, seen: BTreeSet::new(), tree: Tree::default() };
    walk.file(&main_file(roots), 0);
    walk.tree
}

impl Tree {
    /// Whether a file would be read if it were there.
    #[must_use]
    pub fn would_read(&self, path: &Path) -> bool {
        self.patterns.iter().any(|pattern| pattern.fits(path))
    }
}

impl Pattern {
    fn fits(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match self {
            // A name with a dot at its front is only found by who says so.
            Self::Files(pattern) => {
                let last = pattern.file_name().and_then(|last| last.to_str()).unwrap_or_default();
                pattern.parent() == path.parent()
                    && fits(last, name)
                    && name.starts_with('.') == last.starts_with('.')
            }
            Self::Directory(directory) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                path.parent() == Some(directory) && !name.is_empty() && name.chars().all(plain)
            }
        }
    }

    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Files(pattern) => pattern.parent(),
            Self::Directory(directory) => Some(directory),
        }
    }
}

struct Walk<'a> {
    roots: &'a Roots,
    more: Option<&'a Path>,
    read: &'a dyn Fn(&Path) -> Option<String>,
    seen: BTreeSet<PathBuf>,
    tree: Tree,
}

impl Walk<'_> {
    fn file(&mut self, path: &Path, depth: usize) {
        if depth > MOST_DEPTH || !self.seen.insert(path.to_owned()) {
            return;
        }
        let Some(text) = (self.read)(path) else { return };
        self.tree.files.push(path.to_owned());
        for line in logical_lines(&text) {
            match line.key.as_str() {
                "source" | "source-directory" => {
                    for word in line.value.split_whitespace() {
                        self.source(&line.key, word, path, depth);
                    }
                }
                _ => self.tree.flat.push_str(&line.raw),
            }
        }
        if !self.tree.flat.ends_with('\n') {
            self.tree.flat.push('\n');
        }
    }

    fn source(&mut self, key: &str, word: &str, from: &Path, depth: usize) {
        let place = match word.strip_prefix("/etc/") {
            Some(below) => self.roots.etc.join(below),
            None => from.parent().unwrap_or(Path::new("/")).join(word),
        };
        let pattern = match key {
            "source" => Pattern::Files(place),
            _ => Pattern::Directory(place),
        };
        let entries = pattern.directory().and_then(|directory| fs::read_dir(directory).ok());
        let found = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let found = found.chain(self.more.map(Path::to_owned)).filter(|path| pattern.fits(path));
        let found: BTreeSet<_> = found.collect();
        self.tree.patterns.push(pattern);
        for path in found {
            self.file(&path, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests;
