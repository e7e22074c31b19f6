//! Patterns for names and paths in the configuration: `*` any characters, `?` exactly one, all else itself.
//!
//! No sets (`[0-9]`): a bracket is a legal character of an interface's name and of a path. `*` also stands for `/`.

/// Whether the whole of `name` fits `pattern`.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star, and what it has taken so far.
    let mut retry: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at, seen));
                at += 1;
            }
            Some(b'?') => (at, seen) = (at + 1, seen + 1),
            Some(byte) if *byte == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    (at, seen) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, fits) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("eth0", "eth", false),
            ("eth?", "eth0", true),
            ("eth?", "eth", false),
            ("eth?", "eth10", false),
            ("eth*", "eth", true),
            ("eth*", "eth10.7", true),
            ("*", "", true),
            ("", "", true),
            ("", "lo", false),
            ("*.7", "eth10.7", true),
            ("*.7", "eth10.77", false),
            ("v*t*b", "vethb", true),
            ("v*t*b", "vetb1", false),
            ("**0", "wg0", true),
            ("eth[0]", "eth0", false),
            ("eth[0]", "eth[0]", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} on {name}");
        }
    }

    #[test]
    fn many_stars_against_a_name_that_does_not_fit_end_soon() {
        let pattern = "*a".repeat(40);
        assert!(!matches(&pattern, &"a".repeat(39)));
        assert!(matches(&pattern, &"a".repeat(41)));
    }
}
