//! Which lines of which records the master has not had in this session.

use std::collections::BTreeMap;

use windlass_core::model::Fence;
use windlass_proto::convert::report;
use windlass_proto::v1;

use crate::work::Holdings;

/// How many lines of each record were sent.
#[derive(Debug, Default)]
pub struct Pending {
    sent: BTreeMap<Fence, usize>,
}

impl Pending {
    /// What the Welcome says is known: lines up to an index.
    pub fn after(acked: &BTreeMap<Fence, u32>, holdings: &Holdings) -> Self {
        let known = |fence: &Fence, index: u32| {
            let attempt = holdings.attempts.get(fence)?;
            Some(attempt.lines.iter().take_while(|line| line.index <= index).count())
        };
        let sent = acked.iter().filter_map(|(fence, index)| Some((*fence, known(fence, *index)?))).collect();
        Self { sent }
    }

    /// The next report, old attempts first; it counts as sent.
    pub fn next(&mut self, holdings: &Holdings) -> Option<v1::Report> {
        for (fence, attempt) in &holdings.attempts {
            let sent = self.sent.entry(*fence).or_default();
            if let Some(line) = attempt.lines.get(*sent) {
                *sent += 1;
                return Some(report::to_wire(*fence, line));
            }
        }
        None
    }

    /// Whether all was sent; forgets what is no longer held.
    pub fn is_empty(&mut self, holdings: &Holdings) -> bool {
        self.sent.retain(|fence, _| holdings.attempts.contains_key(fence));
        let sent = |fence| self.sent.get(fence).copied().unwrap_or(0);
        holdings.attempts.iter().all(|(fence, attempt)| sent(fence) >= attempt.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use windlass_core::attempt::{Line, LineBody};

    use super::*;
    use crate::attempts::AttemptDir;
    use crate::work::Attempt;

    fn holdings(lines: &[(u64, u32)]) -> Holdings {
        let mut holdings = Holdings::default();
        for (fence, count) in lines {
            let line = |index| Arc::new(Line { format: 1, index, boottime_ns: 0, wall_ms: 0, body: LineBody::Go });
            let lines = (1..=*count).map(line).collect();
            let dir = AttemptDir::new(Path::new("/a"));
            holdings
                .attempts
                .insert(Fence(*fence), Arc::new(Attempt { fence: Fence(*fence), dir, lines, grouped: false }));
        }
        holdings
    }

    #[test]
    fn each_line_is_sent_once_per_session_from_the_acknowledged_index_on() {
        let held = holdings(&[(1, 3), (2, 1)]);
        let mut pending = Pending::after(&BTreeMap::from([(Fence(1), 2), (Fence(9), 4)]), &held);
        let sent: Vec<(u64, u32)> =
            std::iter::from_fn(|| pending.next(&held)).map(|report| (report.fence, report.index)).collect();
        assert_eq!(sent, [(1, 3), (2, 1)]);
        assert!(pending.is_empty(&held));
        let more = holdings(&[(1, 4)]);
        assert!(!pending.is_empty(&more));
        assert_eq!(pending.next(&more).map(|report| report.index), Some(4));
        assert!(pending.next(&more).is_none());
    }
}
