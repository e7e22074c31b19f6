//! How high superblocks stand on each other, and in which words to say so.
//!
//! A superblock stands one higher than the highest frozen one under it; what is not frozen is passed through. Where it cannot
//! be told what one stands on, it is put above all of which it can, and no two of that sort side by side, since one may stand
//! on the other: one level too many costs a little time, one too few a deadlock. Nothing recurses, and each superblock is
//! looked at once: who may mount files may stack as many as there are loop devices.

use super::ground::{Ground, Grounds, Under};
use super::mountinfo::Mount;
use super::superblocks::Superblock;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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

/// What is reached from frozen superblocks.
struct Reached {
    /// What each stands on.
    grounds: HashMap<usize, Vec<Ground>>,
    /// All of them, each after those that it stands on. Who comes back to itself has gone in a circle, which is cut.
    order: Vec<usize>,
}

/// Where each superblock stands; those that are not frozen on nothing.
pub(super) fn standings(
    mounts: &[Mount],
    superblocks: &[Superblock],
    frozen: &[bool],
    grounds: &Grounds<'_>,
) -> Vec<Standing> {
    let Reached { grounds, mut order } = reached(frozen, grounds);
    let ranks = ranks(&grounds, &order);
    // Each still after those that it stands on, whose ranks are not higher.
    order.sort_by_key(|index| ranks[index]);
    let mut stack = Stack { mounts, superblocks, frozen, done: HashMap::new(), floor: 0 };
    let (mut rank, mut top) = (0, 0);
    for index in order {
        if ranks[&index] > rank {
            (rank, stack.floor) = (ranks[&index], top);
        }
        let standing = stack.highest(&grounds[&index]);
        if frozen[index] {
            top = top.max(standing.level.saturating_add(1));
        }
        stack.done.insert(index, standing);
    }
    let mut standing = |(index, frozen): (usize, &bool)| stack.done.remove(&index).filter(|_| *frozen);
    frozen.iter().enumerate().map(|each| standing(each).unwrap_or_default()).collect()
}

/// Goes down from every frozen superblock.
fn reached(frozen: &[bool], grounds: &Grounds<'_>) -> Reached {
    let mut reached = Reached { grounds: HashMap::new(), order: Vec::new() };
    for index in (0..frozen.len()).filter(|index| frozen[*index]) {
        // With how many of the things that it stands on have been gone down to.
        let mut open = Vec::new();
        let enter = |index: usize, reached: &mut Reached, open: &mut Vec<(usize, usize)>| {
            if let Entry::Vacant(new) = reached.grounds.entry(index) {
                new.insert(grounds.of(index));
                open.push((index, 0));
            }
        };
        enter(index, &mut reached, &mut open);
        while let Some((top, next)) = open.last_mut() {
            let (index, ground) = (*top, reached.grounds[top].get(*next).map(|ground| ground.on));
            *next += 1;
            match ground {
                Some(Under::Superblock(below)) => enter(below, &mut reached, &mut open),
                Some(Under::SomeDisks | Under::Anything) => {}
                None => {
                    reached.order.push(index);
                    open.pop();
                }
            }
        }
    }
    reached
}

/// Who has to be above whom where it is not known: of each superblock the highest number of those under it that stand on
/// nobody knows what. First those whose disks are unknown, mostly real ones; then the files that may lie on any of them.
fn ranks(grounds: &HashMap<usize, Vec<Ground>>, order: &[usize]) -> HashMap<usize, usize> {
    let has = |index: &usize, what: Under| grounds[index].iter().any(|ground| ground.on == what);
    let mut unsure: Vec<(bool, usize)> = order
        .iter()
        .filter(|index| has(index, Under::SomeDisks) || has(index, Under::Anything))
        .map(|index| (has(index, Under::Anything), *index))
        .collect();
    unsure.sort_unstable();
    let own: HashMap<usize, usize> = (1..).zip(unsure).map(|(rank, (_, index))| (index, rank)).collect();
    let mut ranks = HashMap::new();
    for index in order {
        let below = grounds[index].iter().filter_map(|ground| match ground.on {
            Under::Superblock(below) => ranks.get(&below),
            Under::SomeDisks | Under::Anything => own.get(index),
        });
        let rank = below.copied().max().unwrap_or(0);
        ranks.insert(*index, rank);
    }
    ranks
}

struct Stack<'a> {
    mounts: &'a [Mount],
    superblocks: &'a [Superblock],
    frozen: &'a [bool],
    done: HashMap<usize, Standing>,
    /// One more than the highest of all that have lower ranks.
    floor: u16,
}

impl Stack<'_> {
    fn highest(&self, grounds: &[Ground]) -> Standing {
        let mut highest = Standing::default();
        for ground in grounds {
            let level = self.level_upon(ground);
            if level > highest.level {
                highest = self.upon(ground, level);
            }
        }
        highest
    }

    /// How high one stands that has only this ground.
    fn level_upon(&self, ground: &Ground) -> u16 {
        let Under::Superblock(below) = ground.on else { return self.floor };
        let level = self.done.get(&below).map(|under| under.level.saturating_add(self.frozen[below].into()));
        level.unwrap_or(0)
    }

    /// The same in words.
    fn upon(&self, ground: &Ground, level: u16) -> Standing {
        let unknown = "before all of which more is known";
        let Under::Superblock(below) = ground.on else {
            return Standing { level, order: format!("{unknown}: {}", ground.how), on: None };
        };
        if self.frozen[below] {
            let order = format!("before {}: {}", self.name(below), ground.how);
            return Standing { level, order, on: Some(below) };
        }
        let on = self.done.get(&below).and_then(|under| under.on);
        let below = self.name(below);
        let order = match on {
            Some(on) => format!("before {}: {}, and {below} stands on that", self.name(on), ground.how),
            None => format!("{unknown}: {}, and it cannot be told what {below} stands on", ground.how),
        };
        Standing { level, order, on }
    }

    fn name(&self, index: usize) -> std::path::Display<'_> {
        self.superblocks[index].mount(self.mounts).point.display()
    }
}
