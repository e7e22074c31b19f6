//! `hvctl kvp list|get|set|delete`: one look or one change.
//!
//! Watching and waiting are in `kvp_watch`, export and import in `kvp_transfer`.
//! The rules (which pool may be written, how long a value may be) are the daemon's; hvctl passes on its answer.

use std::io::Read as _;

use serde::Serialize;

use crate::args::{self, Cli, Kvp as Verb};
use crate::error::{Code, Error, Failure};
use crate::kvp_transfer::{self, import};
use crate::kvp_watch;
use crate::output::{Cell, Item, Output};
use crate::proxies::Kvp;
use crate::text::escape;

/// The most that `set … -` takes from standard input. A value has at most 1023 UTF-16 units, so this only keeps
/// memory bounded; the daemon gives the exact answer.
const MAX_STDIN_BYTES: u64 = 64 * 1024;

/// Runs a verb of `hvctl kvp`.
pub(crate) async fn run(verb: &Verb, cli: &Cli, output: &Output) -> Result<(), Failure> {
    match verb {
        Verb::List { pool } => list(pool.as_deref(), cli, output).await,
        Verb::Get { pool, key } => get(pool, key, cli, output).await,
        Verb::Set { pool, key, value } => set(pool, key, value, cli, output).await,
        Verb::Delete { pool, key } => delete(pool, key, cli, output).await,
        Verb::Watch { pool } => kvp_watch::watch(pool.as_deref(), cli, output).await,
        Verb::Wait { pool, key, timeout } => kvp_watch::wait(pool, key, *timeout, cli, output).await,
        Verb::Export { pool, output: file } => {
            kvp_transfer::export(pool.as_deref(), file.as_deref(), cli, output).await
        }
        Verb::Import { pool, file, dry_run, replace } => {
            let how = import::How { dry_run: *dry_run, replace: *replace };
            import::run(pool.as_deref(), file, how, cli, output).await
        }
    }
}

/// Prints a value that was asked for by name (`get`, `wait`).
pub(crate) fn print_value(kind: &str, item: &Item, output: &Output) -> Result<(), Failure> {
    if output.json {
        output.object(kind, item)
    } else if output.terminal {
        output.line(&escape(&item.value))
    } else {
        output.line(&item.value)
    }
}

async fn list(pool: Option<&str>, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let pools = args::pools(pool)?;
    let kvp = Kvp::connect(&cli.bus).await?;
    let mut items = Vec::new();
    for pool in pools {
        items.extend(kvp.list(pool).await?);
    }
    if output.json {
        return output.object("kvp-list", &Items { items: &items });
    }
    if items.is_empty() {
        output.note("no items");
        return Ok(());
    }
    let row = |item: &Item| vec![Cell::new(&item.pool), Cell::value(&item.key), Cell::value(&item.value)];
    output.table(&["POOL", "KEY", "VALUE"], &items.iter().map(row).collect::<Vec<_>>())
}

/// `"items":[…]`.
#[derive(Debug, Serialize)]
struct Items<'a> {
    items: &'a [Item],
}

async fn get(pool: &str, key: &str, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let pool = args::pool(pool)?;
    let value = Kvp::connect(&cli.bus).await?.get(pool, key).await?;
    print_value("kvp-get", &Item { pool: pool.name().to_owned(), key: key.to_owned(), value }, output)
}

async fn set(pool: &str, key: &str, value: &str, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let pool = args::pool(pool)?.name().to_owned();
    let value = if value == "-" { value_from_stdin()? } else { value.to_owned() };
    Kvp::connect(&cli.bus).await?.set(&pool, key, &value).await?;
    if output.json {
        output.object("kvp-set", &Item { pool, key: key.to_owned(), value })?;
    }
    Ok(())
}

async fn delete(pool: &str, key: &str, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let pool = args::pool(pool)?.name();
    Kvp::connect(&cli.bus).await?.delete(pool, key).await?;
    if output.json {
        #[derive(Serialize)]
        struct Deleted<'a> {
            pool: &'a str,
            key: &'a str,
        }
        output.object("kvp-delete", &Deleted { pool, key })?;
    }
    Ok(())
}

/// Standard input as a value: text, without the one newline that `echo` and editors put at its end.
fn value_from_stdin() -> Result<String, Error> {
    let mut bytes = Vec::new();
    let refuse = |name: &str, why: String| Error::new(Code::Failed, name, why);
    std::io::stdin().take(MAX_STDIN_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        refuse("Failed", format!("cannot read the value from standard input: {error}"))
            .hint("give the value on the command line instead")
    })?;
    if bytes.len() as u64 > MAX_STDIN_BYTES {
        return Err(refuse(
            "TooLong",
            "the value on standard input is longer than any value may be".to_owned(),
        )
        .hint("a value has at most 1022 UTF-16 units: shorten it"));
    }
    let mut value = String::from_utf8(bytes).map_err(|_| {
        refuse("InvalidArgument", "the value on standard input is not UTF-8 text".to_owned())
            .hint("encode binary data first, for example with base64")
    })?;
    if value.ends_with('\n') {
        value.pop();
    }
    Ok(value)
}
