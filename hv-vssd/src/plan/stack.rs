//! How high superblocks stand on each other, and in which words to say so.
//!
//! A superblock stands one higher than the highest frozen one under it; what is not frozen is passed through. Where it cannot
//! be told what one stands on, it is put above all of which it can: one level too many costs a little time, one too few a
//! deadlock. Nothing recurses: who may mount files may stack as many as there are loop devices.

use super::ground::{Ground, Grounds};
use super::mountinfo::Mount;
use super::superblocks::Superblock;
use std::collections::HashMap;

/// Where one superblock stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The longest way down, in frozen superblocks.
    pub(super) level: u16,
    /// Why it is not 0.
    pub(super) order: String,
    /// The frozen superblock on which it stands, if it is known.
    on: Option<usize>,
    /// Of something under it, it cannot be told what that stands on.
    unsure: bool,
}

/// What is known of a superblock while levels are worked out.
enum State {
    /// What it stands on is being worked out. Who comes here again has gone in a circle, which is cut.
    Open(Vec<Ground>),
    Done(Standing),
}

struct Stack<'a> {
    mounts: &'a [Mount],
    superblocks: &'a [Superblock],
    frozen: &'a [bool],
    grounds: Grounds<'a>,
    states: HashMap<usize, State>,
    /// The level of what stands on nobody knows what.
    unsure: u16,
}

/// Where each superblock stands; those that are not frozen on nothing.
pub(super) fn standings(
    mounts: &[Mount],
    superblocks: &[Superblock],
    frozen: &[bool],
    grounds: Grounds<'_>,
) -> Vec<Standing> {
    let mut stack = Stack { mounts, superblocks, frozen, grounds, states: HashMap::new(), unsure: 0 };
    let standings = stack.all();
    if !standings.iter().any(|standing| standing.unsure) {
        return standings;
    }
    let sure = standings.iter().zip(frozen).filter(|(standing, frozen)| **frozen && !standing.unsure);
    stack.unsure = sure.map(|(standing, _)| standing.level.saturating_add(1)).max().unwrap_or(0);
    stack.states.clear();
    stack.all()
}

impl Stack<'_> {
    fn all(&mut self) -> Vec<Standing> {
        let frozen = self.frozen.iter().enumerate();
        frozen
            .map(|(index, frozen)| if *frozen { self.measure(index) } else { Standing::default() })
            .collect()
    }

    /// Works out what is under a superblock, deepest first, and then itself.
    fn measure(&mut self, index: usize) -> Standing {
        let mut open = vec![index];
        while let Some(top) = open.last().copied() {
            match self.enter(top) {
                Some(below) => open.push(below),
                None => {
                    open.pop();
                }
            }
        }
        self.done(index).cloned().unwrap_or_default()
    }

    /// What has to be worked out before this one; if nothing, it is.
    fn enter(&mut self, index: usize) -> Option<usize> {
        let Self { grounds, states, .. } = self;
        let state = states.entry(index).or_insert_with(|| State::Open(grounds.of(index)));
        let State::Open(grounds) = state else { return None };
        let grounds = grounds.clone();
        let unknown = grounds.iter().filter_map(|ground| ground.on).find(|on| !self.states.contains_key(on));
        if unknown.is_none() {
            let standing = self.highest(&grounds);
            self.states.insert(index, State::Done(standing));
        }
        unknown
    }

    fn done(&self, index: usize) -> Option<&Standing> {
        match self.states.get(&index) {
            Some(State::Done(standing)) => Some(standing),
            _ => None,
        }
    }

    fn highest(&self, grounds: &[Ground]) -> Standing {
        let mut highest = Standing::default();
        for ground in grounds {
            let standing = self.upon(ground);
            let unsure = highest.unsure || standing.unsure;
            if standing.level > highest.level {
                highest = standing;
            }
            highest.unsure = unsure;
        }
        highest
    }

    /// Where one stands that has only this ground.
    fn upon(&self, ground: &Ground) -> Standing {
        let Some(below) = ground.on else {
            let order = format!("before all others: {}", ground.how);
            return Standing { level: self.unsure, order, on: None, unsure: true };
        };
        let Some(under) = self.done(below) else { return Standing::default() };
        if self.frozen[below] {
            let order = format!("before {}: {}", self.name(below), ground.how);
            return Standing {
                level: under.level.saturating_add(1),
                order,
                on: Some(below),
                ..under.clone()
            };
        }
        let below = self.name(below);
        let order = match under.on {
            Some(on) => format!("before {}: {}, and {below} stands on that", self.name(on), ground.how),
            None => {
                format!("before all others: {}, and it cannot be told what {below} stands on", ground.how)
            }
        };
        Standing { order, ..under.clone() }
    }

    fn name(&self, index: usize) -> std::path::Display<'_> {
        self.superblocks[index].mount(self.mounts).point.display()
    }
}
