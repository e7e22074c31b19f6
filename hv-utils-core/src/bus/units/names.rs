//! Names of units as they are in object paths. No IO.

/// Object paths of units, before the name.
const PREFIX: &str = "/org/freedesktop/systemd1/unit/";

/// The object of a unit.
#[must_use]
pub fn path(id: &str) -> String {
    let mut path = PREFIX.to_owned();
    for (at, byte) in id.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => path.push(byte.into()),
            b'0'..=b'9' if at > 0 => path.push(byte.into()),
            _ => path.push_str(&format!("_{byte:02x}")),
        }
    }
    path
}

/// The unit of an object; `None`: it is none.
#[must_use]
pub fn id(path: &str) -> Option<String> {
    let mut parts = path.strip_prefix(PREFIX)?.split('_');
    let mut id = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        id.push(u8::from_str_radix(code, 16).ok()?.into());
        id.push_str(rest);
    }
    // Beyond ASCII there are no names of units.
    (!id.is_empty() && id.is_ascii()).then_some(id)
}

#[cfg(test)]
mod tests;
