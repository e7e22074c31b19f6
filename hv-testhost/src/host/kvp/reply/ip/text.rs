//! The string form, messages up to 4.0: a text for each list, with `;` between its entries or behind each of them.

use super::{Lists, Odd, characters};
use crate::host::problem::Problem;

pub(super) fn read(body: &[u8], odd: &mut Odd<'_>) -> Result<Lists, Problem> {
    Ok(Lists {
        addresses: list("IPAddresses", &body[260..2308], odd)?,
        subnets: list("Subnets", &body[2308..4356], odd)?,
        gateways: list("DefaultGateways", &body[4356..5380], odd)?,
        dns: list("DNSServers", &body[5380..7428], odd)?,
        origins: None,
    })
}

fn list(what: &'static str, field: &[u8], odd: &mut Odd<'_>) -> Result<Vec<String>, Problem> {
    let (text, size) = characters(field);
    let Some(rest) = field.get(size..) else {
        return Err(Problem::Item { what, why: format!("no NUL in the {} bytes of its field", field.len()) });
    };
    odd.check(rest.iter().all(|byte| *byte == 0), what, || {
        "bytes that are not zero behind the NUL".to_owned()
    });
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.strip_suffix(';').unwrap_or(&text);
    let entries: Vec<String> =
        text.split(';').map(|entry| entry.trim_start_matches(' ').to_owned()).collect();
    Ok(entries)
}
