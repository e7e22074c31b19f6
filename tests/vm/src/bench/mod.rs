//! Figures of KVP daemons under a real kernel.

use std::path::Path;

use crate::machine::Images;

/// Measures.
///
/// # Errors
/// A sentence.
pub fn run(_images: &Images, _kernel: &str, _dir: &Path) -> Result<(), String> {
    Ok(())
}
