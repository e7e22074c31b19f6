//! A pool that came from another machine: keeping a copy of it, or not serving it at all.

use std::path::PathBuf;

use super::{Files, Store};
use crate::pool::aside::{self, Aside};
use crate::pool::error::PoolError;
use crate::pool::record::RECORD;
use crate::pool::shared::Seen;

impl Store {
    /// Serves an empty pool from now on, because what the file has must not be told and cannot be cleared.
    pub(crate) fn hide(&mut self, why: &PoolError) {
        self.files = Files::Hidden { why: why.clone() };
        *self.shared.seen() = Seen::default();
    }

    /// Keeps a copy of the whole file in `copies`, if it has records that `stays` does not want.
    pub(crate) fn keep_clone(
        &self,
        copies: &Aside,
        stays: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<PathBuf>, PoolError> {
        let Some(file) = self.files.pool() else { return Ok(None) };
        self.check_length(self.shared.seen().stat.len)?;
        let nothing = {
            let seen = self.shared.seen();
            let index = &seen.index;
            let all_stay = (0..index.records()).all(|record| stays(index.record(record).key));
            all_stay && seen.stat.len == u64::from(index.records()) * RECORD
        };
        if nothing {
            return Ok(None);
        }
        let digest = aside::digest(file).map_err(|errno| PoolError::io("read", &self.paths.pool, errno))?;
        copies.keep(self.pool, file, digest).map(Some)
    }
}
