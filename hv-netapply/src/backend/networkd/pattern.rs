//! Shell patterns as in fnmatch(3), for names of interfaces and files: `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash.
//!
//! hv-utils' own patterns have no sets; those of systemd and of ifupdown's `source` do.

/// Whether the whole of `name` fits `pattern`.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star, and what it has taken so far.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            retry = Some((at, seen));
            at += 1;
        } else if seen == name.len() && at == pattern.len() {
            return true;
        } else if let Some(next) = name.get(seen).and_then(|found| one(&pattern, at, *found)) {
            (at, seen) = (next, seen + 1);
        } else {
            match retry {
                Some((star, taken)) if taken < name.len() => {
                    retry = Some((star, taken + 1));
                    (at, seen) = (star + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

/// Where the pattern goes on if its element at `at` fits this character.
fn one(pattern: &[char], at: usize, found: char) -> Option<usize> {
    match *pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => match set(&pattern[at + 1..], found) {
            Some((fits, length)) => fits.then_some(at + 1 + length),
            // Without an end it is a bracket.
            None => (found == '[').then_some(at + 1),
        },
        '\\' => (pattern.get(at + 1) == Some(&found)).then_some(at + 2),
        same => (same == found).then_some(at + 1),
    }
}

/// Whether a set, of which `pattern` is what follows its bracket, has the character, and how long it is with its end.
fn set(pattern: &[char], found: char) -> Option<(bool, usize)> {
    let inverted = matches!(pattern.first(), Some('!' | '^'));
    let first = usize::from(inverted);
    let end = first + 1 + pattern.get(first + 1..)?.iter().position(|c| *c == ']')?;
    let members = &pattern[first..end];
    let (mut at, mut has) = (0, false);
    while at < members.len() {
        if at + 2 < members.len() && members[at + 1] == '-' {
            has |= (members[at]..=members[at + 2]).contains(&found);
            at += 3;
        } else {
            has |= members[at] == found;
            at += 1;
        }
    }
    Some((has != inverted, end + 1))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("eth*", "eth10", true),
            ("*", "", true),
            ("e*h?", "eth0", true),
            ("eth[0-3]", "eth2", true),
            ("eth[0-3]", "eth4", false),
            ("eth[!0-3]", "eth4", true),
            ("eth[]a]", "eth]", true),
            ("eth[0", "eth[0", true),
            ("eth\\*", "eth*", true),
            ("eth\\*", "eth0", false),
            ("", "", true),
            ("", "a", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn many_stars_end_soon() {
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
    }
}
