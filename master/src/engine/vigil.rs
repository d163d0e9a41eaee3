//! Looks at the clocks once a second: did this process stand still, and does its time differ from the wall clock?

use windlass_core::model::{CLOCKS_MAY_DIFFER, Duration, UnixMs};

/// Longer between two looks, and the master itself stood still: nobody can be called silent for that time.
const PAUSE: Duration = Duration::from_secs(5);

/// What the last looks saw.
#[derive(Debug)]
pub struct Vigil {
    looked: UnixMs,
    skewed: bool,
    /// The process stood still for so long, and this is not decided yet.
    pub(super) paused_ms: Option<u64>,
}

impl Vigil {
    /// Begins to watch.
    pub fn new(now: UnixMs) -> Self {
        Self { looked: now, skewed: false, paused_ms: None }
    }

    /// Compares the master's time with its last look, and with the wall clock.
    pub(super) fn look(&mut self, now: UnixMs, wall: UnixMs) {
        let gap = now.since(self.looked);
        self.looked = now;
        if gap > PAUSE {
            tracing::warn!(for_ms = gap.ms(), "the master stood still; silence of agents is counted from now");
            self.paused_ms = Some(gap.ms());
        }
        let differ_ms = now.0.abs_diff(wall.0);
        let skewed = differ_ms > CLOCKS_MAY_DIFFER.ms();
        if skewed && !self.skewed {
            tracing::warn!(differ_ms, "the wall clock moved away from the master's own time");
        }
        self.skewed = skewed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_five_seconds_between_two_looks_are_a_pause() {
        let mut vigil = Vigil::new(UnixMs(1_000));
        let rows = [(6_000, None), (11_001, Some(5_001)), (12_000, None)];
        for (now, paused) in rows {
            vigil.look(UnixMs(now), UnixMs(now));
            assert_eq!(vigil.paused_ms.take(), paused, "at {now}");
        }
    }

    #[test]
    fn a_pause_stays_until_it_is_decided() {
        let mut vigil = Vigil::new(UnixMs(0));
        vigil.look(UnixMs(9_000), UnixMs(9_000));
        vigil.look(UnixMs(9_100), UnixMs(9_100));
        assert_eq!(vigil.paused_ms, Some(9_000));
    }

    #[test]
    fn more_than_a_minute_between_the_two_clocks_is_skew_either_way() {
        let mut vigil = Vigil::new(UnixMs(1_000_000));
        for (wall, skewed) in [(1_060_000, false), (1_060_001, true), (1_000_000, false), (1, true)] {
            vigil.look(UnixMs(1_000_000), UnixMs(wall));
            assert_eq!(vigil.skewed, skewed, "{wall}");
        }
    }
}
