//! Groups of processes that belong to no open attempt. Asked every second by an agent whose kernel keeps jobs in cgroups.
//!
//! None should be there: a shim writes EXIT when its group is empty, and the agent sweeps after a lost one. One that is there all the
//! same (a record was lost with its disk, say) would run for ever, unseen.

use std::collections::BTreeMap;

use crate::model::Fence;

/// How long a group may live without an attempt.
const KILL_AFTER_MS: u64 = 60_000;

/// Since when each is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    since_ms: BTreeMap<Fence, u64>,
}

/// The group of a job as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Whose.
    pub fence: Fence,
    /// Its attempt is held and has not ended.
    pub open: bool,
    /// Nobody is in it.
    pub empty: bool,
}

/// What to do with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tidy {
    /// Remove it: it is empty.
    Remove(Fence),
    /// Kill what is in it, and wake a person.
    Kill(Fence),
}

impl Strays {
    /// Decides, for all groups there are.
    ///
    /// | attempt | group | then |
    /// |---|---|---|
    /// | open | any | nothing |
    /// | not open | empty | remove |
    /// | not open | populated for less than 60 s | nothing yet |
    /// | not open | populated for longer | kill; again after another 60 s |
    pub fn look(&mut self, now_ms: u64, groups: &[Group]) -> Vec<Tidy> {
        let is_stray = |fence: &Fence| groups.iter().any(|it| it.fence == *fence && !it.open && !it.empty);
        self.since_ms.retain(|fence, _| is_stray(fence));
        groups.iter().filter_map(|group| self.tidy(now_ms, *group)).collect()
    }

    fn tidy(&mut self, now_ms: u64, group: Group) -> Option<Tidy> {
        if group.open {
            return None;
        }
        if group.empty {
            return Some(Tidy::Remove(group.fence));
        }
        let since_ms = self.since_ms.entry(group.fence).or_insert(now_ms);
        if now_ms < since_ms.saturating_add(KILL_AFTER_MS) {
            return None;
        }
        *since_ms = now_ms;
        Some(Tidy::Kill(group.fence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_decides() {
        let group = |fence, open, empty| Group { fence: Fence(fence), open, empty };
        let (open, empty, stray) = (group(1, true, false), group(2, false, true), group(3, false, false));
        let mut strays = Strays::default();
        assert_eq!(strays.look(1_000, &[open, empty, stray]), [Tidy::Remove(Fence(2))]);
        assert_eq!(strays.look(60_999, &[open, stray]), []);
        assert_eq!(strays.look(61_000, &[open, stray]), [Tidy::Kill(Fence(3))]);
        assert_eq!(strays.look(62_000, &[open, stray]), [], "it takes its time to die");
        assert_eq!(strays.look(121_000, &[open, stray]), [Tidy::Kill(Fence(3))]);
    }

    #[test]
    fn what_was_open_or_empty_meanwhile_is_counted_anew() {
        let stray = Group { fence: Fence(3), open: false, empty: false };
        for meanwhile in [Group { open: true, ..stray }, Group { empty: true, ..stray }] {
            let mut strays = Strays::default();
            strays.look(0, &[stray]);
            strays.look(1, &[meanwhile]);
            assert_eq!(strays.look(60_000, &[stray]), [], "{meanwhile:?}");
        }
    }
}
