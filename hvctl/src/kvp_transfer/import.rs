//! `hvctl kvp import`: sets what differs from an exported file.
//!
//! One item at a time through the daemon, whose rules decide; each refusal is reported and the rest goes on.
//! It is not a transaction: what was set before a failure stays set. Only `--dry-run` judges by itself.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::read;
use crate::args::{self, Cli};
use crate::error::{Code, Error, Failure};
use crate::output::{ErrorBody, Item, Output};
use crate::proxies::{Kvp, carriable};
use hv_utils_core::wire::kvp::Pool;

/// What the daemon takes from the guest at most, in UTF-16 units; `--dry-run` foretells refusals with these.
const MAX_KEY_UNITS: usize = 254;
const MAX_VALUE_UNITS: usize = 1022;

/// How to import.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Change nothing.
    pub(crate) dry_run: bool,
    /// Also delete what the file does not have.
    pub(crate) replace: bool,
}

/// `hvctl kvp import [POOL] FILE|-`.
pub(crate) async fn run(
    pool: Option<&str>,
    file: &Path,
    how: How,
    cli: &Cli,
    output: &Output,
) -> Result<(), Failure> {
    let only = pool.map(args::pool).transpose()?;
    let mut content = read(file)?;
    content.items.retain_mut(|item| {
        // A number is as good as a name here too; what is neither is left for the report.
        if let Ok(pool) = args::pool(&item.pool) {
            item.pool = pool.name().to_owned();
        }
        only.is_none_or(|pool| item.pool == pool.name())
    });
    let mut import = Import::new(Kvp::connect(&cli.bus).await?, how);
    import.known =
        import.kvp.list(Pool::Guest).await?.into_iter().map(|item| (item.key, item.value)).collect();
    let before: Vec<String> = import.known.keys().cloned().collect();
    for item in &content.items {
        import.item(item).await.map_err(|error| import.broken_off(error, content.items.len()))?;
    }
    let covered = content.pools.iter().any(|pool| args::pool(pool).is_ok_and(|pool| pool == Pool::Guest))
        || content.items.iter().any(is_guest);
    if how.replace && covered && only.is_none_or(|pool| pool == Pool::Guest) {
        import.remove_others(before, &content.items).await?;
    }
    import.report(output)
}

/// An import under way.
struct Import {
    kvp: Kvp,
    how: How,
    /// Pool guest as it is, or with `--dry-run` as it would be by now.
    known: HashMap<String, String>,
    tally: Tally,
    refused: Vec<(Item, Error)>,
    /// `--replace` has removed nothing, because of the refusals.
    removal_withheld: bool,
}

/// What has been done, or would be.
#[derive(Debug, Default, Serialize)]
struct Tally {
    added: usize,
    changed: usize,
    unchanged: usize,
    removed: usize,
}

impl Import {
    fn new(kvp: Kvp, how: How) -> Import {
        Import {
            kvp,
            how,
            known: HashMap::new(),
            tally: Tally::default(),
            refused: Vec::new(),
            removal_withheld: false,
        }
    }

    /// Sets one item if it differs. An error is one that every further item would meet as well.
    async fn item(&mut self, item: &Item) -> Result<(), Error> {
        let guest = is_guest(item);
        let known = if guest { self.known.get(&item.key) } else { None };
        if known == Some(&item.value) {
            self.tally.unchanged += 1;
            return Ok(());
        }
        let new = known.is_none();
        let result = if self.how.dry_run { foretell(item) } else { self.set(item).await };
        match result {
            Ok(()) if new => self.tally.added += 1,
            Ok(()) => self.tally.changed += 1,
            Err(error) if matches!(error.code, Code::Denied | Code::Unavailable) => return Err(error),
            Err(error) => {
                self.refused.push((item.clone(), error));
                return Ok(());
            }
        }
        if guest {
            self.known.insert(item.key.clone(), item.value.clone());
        }
        Ok(())
    }

    async fn set(&self, item: &Item) -> Result<(), Error> {
        let pool = args::pool(&item.pool)?;
        self.kvp.set(pool.name(), &item.key, &item.value).await
    }

    /// `--replace`: deletes the keys of pool guest that were there before and are not in the file. Not if an
    /// item of that pool was refused: then the file's content is not all there, and nothing may be lost.
    async fn remove_others(&mut self, before: Vec<String>, items: &[Item]) -> Result<(), Failure> {
        if self.refused.iter().any(|(item, _)| is_guest(item)) {
            self.removal_withheld = true;
            return Ok(());
        }
        let kept: HashSet<&str> =
            items.iter().filter(|item| is_guest(item)).map(|item| item.key.as_str()).collect();
        for key in before.into_iter().filter(|key| !kept.contains(key.as_str())) {
            if !self.how.dry_run {
                match self.kvp.delete(Pool::Guest.name(), &key).await {
                    // Someone else was quicker: it is gone, as it should be.
                    Err(error) if error.code == Code::NotFound => continue,
                    result => result?,
                }
            }
            self.tally.removed += 1;
        }
        Ok(())
    }

    /// An error in the middle, with how far the import had got.
    fn broken_off(&self, mut error: Error, total: usize) -> Error {
        let done = self.tally.added + self.tally.changed;
        if done > 0 {
            error.message = format!("{} ({done} of {total} items had been set before)", error.message);
        }
        error
    }

    fn report(&self, output: &Output) -> Result<(), Failure> {
        if output.json {
            self.report_json(output)?;
        } else {
            self.report_text(output)?;
        }
        if self.refused.is_empty() { Ok(()) } else { Err(Failure::Reported(Code::Failed)) }
    }

    fn report_json(&self, output: &Output) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Refused<'a> {
            pool: &'a str,
            key: &'a str,
            error: ErrorBody<'a>,
        }
        #[derive(Serialize)]
        struct Report<'a> {
            dry_run: bool,
            #[serde(flatten)]
            tally: &'a Tally,
            refused: Vec<Refused<'a>>,
        }
        let refused = self
            .refused
            .iter()
            .map(|(item, error)| Refused { pool: &item.pool, key: &item.key, error: error.into() })
            .collect();
        output.object("kvp-import", &Report { dry_run: self.how.dry_run, tally: &self.tally, refused })
    }

    fn report_text(&self, output: &Output) -> Result<(), Failure> {
        for (item, error) in &self.refused {
            output.note(&format!("refused {} {}: {}", item.pool, item.key, error.message));
        }
        if self.removal_withheld {
            output.note("nothing was removed: not all of the file's items of pool guest could be set");
        }
        let Tally { added, changed, unchanged, removed } = &self.tally;
        let refused = self.refused.len();
        let would = if self.how.dry_run { "would be: " } else { "" };
        output.line(&format!(
            "{would}{added} added, {changed} changed, {unchanged} unchanged, {removed} removed, {refused} refused"
        ))
    }
}

fn is_guest(item: &Item) -> bool {
    item.pool == Pool::Guest.name()
}

/// What the daemon would say, for `--dry-run`.
fn foretell(item: &Item) -> Result<(), Error> {
    let pool = args::pool(&item.pool)?;
    carriable(&item.key)?;
    carriable(&item.value)?;
    if pool != Pool::Guest {
        let message = format!("pool {} is not for the guest to write", pool.name());
        return Err(Error::new(Code::Failed, "ReadOnlyPool", message));
    }
    if item.key.is_empty() {
        return Err(Error::new(Code::Failed, "InvalidArgument", "the key is empty"));
    }
    for (what, text, limit) in [("key", &item.key, MAX_KEY_UNITS), ("value", &item.value, MAX_VALUE_UNITS)] {
        let units = text.encode_utf16().count();
        if units > limit {
            let message = format!("the {what} has {units} UTF-16 units, {limit} are allowed");
            return Err(Error::new(Code::Failed, "TooLong", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
