//! What a START says about its place, as text: which root, which components below it, which name.
//!
//! Only text is looked at here. The checks are the host's part of the rules; what is on the disk is judged elsewhere.

use super::{Refusal, denied};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use std::path::PathBuf;

/// Longest component, bytes (`NAME_MAX`).
const NAME_BYTES: usize = 255;
/// Longest path, bytes (`PATH_MAX` without its NUL).
const PATH_BYTES: usize = 4095;

/// A place that may be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// One of the roots.
    pub(super) root: PathBuf,
    /// The directories below it.
    pub(super) below: Vec<String>,
    /// The file.
    pub(super) name: String,
    /// The last directory may turn out to be the file itself.
    pub(super) may_be_file: bool,
}

impl Wanted {
    pub(super) fn read(start: &Start, roots: &[PathBuf]) -> Result<Wanted, Refusal> {
        if start.path.len() + 1 + start.name.len() > PATH_BYTES {
            return Err(Refusal::new(Status::NAME_TOO_LONG, "the path is longer than 4095 bytes"));
        }
        let mut components = components(&start.path)?;
        let named = !start.name.is_empty();
        let name = if named {
            check_name(&start.name)?;
            start.name.clone()
        } else {
            // A file without a directory, or nothing at all.
            components.pop().ok_or_else(|| invalid("there is no file name"))?.to_owned()
        };
        let (root, depth) = longest(roots, &components).ok_or_else(|| {
            let slash = named && is_root(roots, &components, &name);
            let slash = if slash { ": the directory itself has a \"/\" at its end" } else { "" };
            denied(format!(
                "the path is outside of the directories that files may be copied into ([file-copy] roots){slash}"
            ))
        })?;
        let below: Vec<String> = components[depth..].iter().map(|&component| component.to_owned()).collect();
        let may_be_file = named && !below.is_empty();
        Ok(Wanted { root: root.clone(), below, name, may_be_file })
    }

    /// The path that is the directory of the file, to be shown.
    pub(super) fn directory(&self) -> String {
        let path = self.below.iter().fold(self.root.clone(), |path, component| path.join(component));
        path.to_string_lossy().into_owned()
    }
}

/// Whether the directory and the name are a root, which a host makes of a path without a slash at its end.
fn is_root(roots: &[PathBuf], directory: &[&str], name: &str) -> bool {
    let whole: Vec<&str> = directory.iter().copied().chain([name]).collect();
    // It is in no root, so what it begins with is none.
    longest(roots, &whole).is_some()
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(Status::INVALID_NAME, why)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if matches!(name, "." | "..") || name.contains(['/', '\0']) {
        return Err(invalid("the file name is \".\" or \"..\", or has a \"/\" or NUL in it"));
    }
    check_length(name)
}

fn check_length(component: &str) -> Result<(), Refusal> {
    if component.len() > NAME_BYTES {
        return Err(Refusal::new(Status::NAME_TOO_LONG, "a name in it is longer than 255 bytes"));
    }
    Ok(())
}

/// The path's components; that slashes are doubled, or stand at its end, means nothing.
fn components(path: &str) -> Result<Vec<&str>, Refusal> {
    if !path.starts_with('/') {
        return Err(invalid("the path does not begin with \"/\""));
    }
    let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
    for component in &components {
        if matches!(*component, "." | "..") {
            return Err(denied("the path has \".\" or \"..\" in it"));
        }
        if component.contains('\0') {
            return Err(invalid("the path has a NUL in it"));
        }
        check_length(component)?;
    }
    Ok(components)
}

/// The root that the path is in, and how many components that is; the longest of several.
fn longest<'a>(roots: &'a [PathBuf], path: &[&str]) -> Option<(&'a PathBuf, usize)> {
    let depth = |root: &PathBuf| {
        let components: Vec<&str> =
            root.to_str()?.split('/').filter(|component| !component.is_empty()).collect();
        path.starts_with(&components).then_some(components.len())
    };
    roots.iter().filter_map(|root| Some((root, depth(root)?))).max_by_key(|(_, depth)| *depth)
}
