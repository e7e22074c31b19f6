//! Where this QEMU keeps the parts of its VMBus device class.
//!
//! The numbers come from `layouts`, a line per version; whether they are right for the QEMU that runs is checked by
//! whoever uses them.

/// Bytes from the start of a `VMBusDeviceClass`, and the size of a `VMBusDevice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) device_size: usize,
    pub(crate) class_id: usize,
    pub(crate) instance_id: usize,
    pub(crate) flags: usize,
    pub(crate) realize: usize,
    pub(crate) open: usize,
    pub(crate) close: usize,
    pub(crate) notify: usize,
}

impl Layout {
    /// Reads the eight numbers of a line.
    pub(crate) fn parse(line: &str) -> Option<Layout> {
        let numbers: Vec<usize> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let &[device_size, class_id, instance_id, flags, realize, open, close, notify] = numbers.as_slice()
        else {
            return None;
        };
        Some(Layout { device_size, class_id, instance_id, flags, realize, open, close, notify })
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn each_line_of_the_table_is_a_version_and_a_layout() {
        let lines = include_str!("../layouts").lines().filter(|line| !line.starts_with('#'));
        let mut versions = 0;
        for line in lines {
            let (version, numbers) = line.split_once(' ').expect("a version and numbers");
            assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{line}");
            let layout = Layout::parse(numbers).expect("eight numbers");
            assert!(layout.class_id < layout.instance_id && layout.realize < layout.open, "{line}");
            versions += 1;
        }
        assert!(versions > 0);
    }

    #[test]
    fn line_with_a_number_too_few_or_too_many_is_refused() {
        assert_eq!(Layout::parse("1 2 3 4 5 6 7"), None);
        assert_eq!(Layout::parse("1 2 3 4 5 6 7 8 9"), None);
        assert_eq!(Layout::parse("1 2 3 4 5 6 7 x"), None);
    }
}
