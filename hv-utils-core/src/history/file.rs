//! The file of a history: `{"version": 1, "LIST": […]}`, readable for all.
//!
//! Only its daemon writes it, but something else may have been left there: it is read with bounds ([`read_small`]), and what
//! cannot be used is renamed, since a person may still find something in it.

use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Remembered;
use crate::daemon::{Failure, read_small, replace};

/// The version of the document. Another one is another program's.
const VERSION: u32 = 1;

/// The rows in the file; none without a file, and none if it cannot be used, which is then set aside.
pub(super) fn open<R: Remembered>(path: &Path) -> Vec<Arc<R>> {
    match read(path) {
        Ok(rows) => rows,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            set_aside(path, &error);
            Vec::new()
        }
    }
}

/// Replaces the file; durable when this returns.
pub(super) fn write<R: Remembered>(path: &Path, rows: &[Arc<R>]) -> Result<(), Failure> {
    let text = serde_json::to_vec(&Written(rows))
        .map_err(|error| Failure::internal(format!("cannot write {}: {error}", path.display())))?;
    replace(path, &text, 0o644)
}

fn read<R: Remembered>(path: &Path) -> io::Result<Vec<Arc<R>>> {
    let text = read_small(path)?;
    let head: Head = serde_json::from_slice(&text)?;
    if head.version != VERSION {
        return Err(io::Error::other(format!("its version is {}, not {VERSION}", head.version)));
    }
    let Body(rows) = serde_json::from_slice(&text)?;
    Ok(rows.into_iter().map(Arc::new).collect())
}

fn set_aside(path: &Path, error: &io::Error) {
    let aside = path.with_extension("damaged");
    let shown = path.display();
    match fs::rename(path, &aside) {
        Ok(()) => tracing::warn!(
            "{shown} cannot be used ({error}): it is now {}, and the history begins anew",
            aside.display()
        ),
        Err(second) => tracing::warn!(
            "{shown} cannot be used ({error}) nor set aside ({second}): the history begins anew"
        ),
    }
}

/// The whole document.
struct Written<'a, R>(&'a [Arc<R>]);

impl<R: Remembered> Serialize for Written<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<&R> = self.0.iter().map(AsRef::as_ref).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry(R::LIST, &rows)?;
        map.end()
    }
}

/// What is looked at first: a document of another version may have other rows.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// The rows; whatever else the document has is not looked at.
struct Body<R>(Vec<R>);

impl<'de, R: Remembered> Deserialize<'de> for Body<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body<R>, D::Error> {
        deserializer.deserialize_map(ListOf(PhantomData))
    }
}

struct ListOf<R>(PhantomData<R>);

impl<'de, R: Remembered> Visitor<'de> for ListOf<R> {
    type Value = Body<R>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a document with {}", R::LIST)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<R>, A::Error> {
        let mut rows = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != R::LIST {
                map.next_value::<IgnoredAny>()?;
            } else if rows.replace(map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field(R::LIST));
            }
        }
        rows.map(Body).ok_or_else(|| A::Error::missing_field(R::LIST))
    }
}
