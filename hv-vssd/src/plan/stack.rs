//! How high superblocks stand on each other, and in which words to say so.
//!
//! A superblock stands one higher than the highest frozen one under it; what is not frozen is passed through. Where it cannot
//! be told what one stands on, it is put above all that stand on nothing: one level too many costs a little time, one too
//! few a deadlock.

use super::ground::{Ground, Grounds};
use super::mountinfo::Mount;
use super::superblocks::Superblock;
use std::collections::HashMap;

/// More than the kernel would ever stack; what is deeper is a circle, or not true.
const DEEPEST: u16 = 64;

/// Where one superblock stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The longest way down, in frozen superblocks.
    pub(super) level: u16,
    /// Why it is not 0.
    pub(super) order: String,
    /// The frozen superblock on which it stands, if it is known.
    on: Option<usize>,
}

/// Works levels out, each once.
pub(super) struct Stack<'a> {
    mounts: &'a [Mount],
    superblocks: &'a [Superblock],
    frozen: &'a [bool],
    grounds: Grounds<'a>,
    /// What is known already; `None` while it is being worked out, which cuts circles.
    known: HashMap<usize, Option<Standing>>,
    /// Whether anything that is frozen stands on nothing.
    any_plain: Option<bool>,
}

impl<'a> Stack<'a> {
    pub(super) fn new(
        mounts: &'a [Mount],
        superblocks: &'a [Superblock],
        frozen: &'a [bool],
        grounds: Grounds<'a>,
    ) -> Self {
        Self { mounts, superblocks, frozen, grounds, known: HashMap::new(), any_plain: None }
    }

    /// Where the superblock with this index stands.
    pub(super) fn standing(&mut self, index: usize) -> Standing {
        self.measure(index, 0).unwrap_or_default()
    }

    /// `None` at the end of a circle.
    fn measure(&mut self, index: usize, depth: u16) -> Option<Standing> {
        if let Some(known) = self.known.get(&index) {
            return known.clone();
        }
        if depth > DEEPEST {
            return None;
        }
        self.known.insert(index, None);
        let mut highest = Standing::default();
        for ground in self.grounds.of(index) {
            let standing = self.upon(&ground, depth);
            if standing.level > highest.level {
                highest = standing;
            }
        }
        self.known.insert(index, Some(highest.clone()));
        Some(highest)
    }

    /// Where one stands that has only this ground.
    fn upon(&mut self, ground: &Ground, depth: u16) -> Standing {
        let Some(below) = ground.on else { return self.upon_unknown(&ground.how) };
        let Some(under) = self.measure(below, depth + 1) else { return Standing::default() };
        let name = |index: usize| self.superblocks[index].mount(self.mounts).point.display().to_string();
        if self.frozen[below] {
            let order = format!("before {}: {}", name(below), ground.how);
            return Standing { level: under.level.saturating_add(1), order, on: Some(below) };
        }
        let order = match under.on {
            Some(on) => format!("before {}: {}, and {} stands on that", name(on), ground.how, name(below)),
            None => {
                format!("before what stands on disks: {}, and of {} {}", ground.how, name(below), UNKNOWN)
            }
        };
        Standing { order, ..under }
    }

    fn upon_unknown(&mut self, how: &str) -> Standing {
        let level = u16::from(self.any_plain());
        Standing { level, order: format!("before what stands on disks: {how}, {UNKNOWN_WHERE}"), on: None }
    }

    fn any_plain(&mut self) -> bool {
        let (frozen, grounds) = (self.frozen, &self.grounds);
        let plain = || (0..frozen.len()).any(|index| frozen[index] && grounds.of(index).is_empty());
        *self.any_plain.get_or_insert_with(plain)
    }
}

const UNKNOWN: &str = "it cannot be told what it stands on";
const UNKNOWN_WHERE: &str = "and it cannot be told where that is";
