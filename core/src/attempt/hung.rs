//! Whether a shim hangs, seen from the agent that started or found it. Asked every second for each attempt that is not over.
//!
//! A shim has clocks of its own and needs nobody. These are for one that the kernel, a debugger or a fault of ours holds up: it is
//! killed, its lock is free then, and the evidence table concludes what its record says, also if GO came at the last moment.

use crate::model::Duration;

/// How long a shim may take from ACCEPTED to GO.
const GO_WITHIN_MS: u64 = 30_000;

/// What a shim gets after a cancel beyond the job's own times.
const PATIENCE_MS: u64 = 60_000;

/// What its record says and what was asked. Times are milliseconds of the boot clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When it was accepted, or found.
    pub accepted_ms: u64,
    /// GO is there.
    pub go: bool,
    /// When STUCK was written last.
    pub stuck_ms: Option<u64>,
    /// A cancel.
    pub asked: Option<Asked>,
    /// The kernel keeps its job in a cgroup.
    pub grouped: bool,
}

/// A cancel that was given to the shim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When; a later force counts anew.
    pub at_ms: u64,
    /// Without grace and clean-up.
    pub force: bool,
}

/// What the agent does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Kill the shim; nothing was executed, or the table finds GO.
    KillShim,
    /// Kill all processes of the job, then the shim.
    KillJobThenShim,
    /// Wake a person: without a cgroup the job's processes cannot be told from others once the shim is gone.
    Alarm,
}

/// Decides; the first that holds.
///
/// | record | asked | since | then |
/// |---|---|---|---|
/// | no GO | – | 30 s after ACCEPTED | kill the shim |
/// | GO, STUCK after it was asked | cancel | – | nothing: it is at work, and says so |
/// | GO | cancel | grace + cleanup + 60 s | cgroup: kill the job, then the shim; group: alarm |
/// | GO | force | 60 s | the same |
/// | any | – | – | nothing: absence stops nothing |
pub fn hung(now_ms: u64, seen: &Seen, grace: Duration, cleanup: Duration) -> Option<Remedy> {
    if !seen.go {
        return (now_ms >= seen.accepted_ms.saturating_add(GO_WITHIN_MS)).then_some(Remedy::KillShim);
    }
    let asked = seen.asked?;
    if seen.stuck_ms.is_some_and(|stuck_ms| stuck_ms >= asked.at_ms) {
        return None;
    }
    let own_times = if asked.force { 0 } else { grace.ms().saturating_add(cleanup.ms()) };
    let until_ms = asked.at_ms.saturating_add(own_times).saturating_add(PATIENCE_MS);
    let remedy = if seen.grouped { Remedy::KillJobThenShim } else { Remedy::Alarm };
    (now_ms >= until_ms).then_some(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_decides() {
        let accepted = Seen { accepted_ms: 1_000, go: false, stuck_ms: None, asked: None, grouped: true };
        let running = Seen { go: true, ..accepted };
        let asked = |force| Seen { asked: Some(Asked { at_ms: 5_000, force }), ..running };
        let in_group = |seen: Seen| Seen { grouped: false, ..seen };
        let table = [
            ("before GO", accepted, 30_999, None),
            ("before GO, too long", accepted, 31_000, Some(Remedy::KillShim)),
            ("in a process group too", in_group(accepted), 31_000, Some(Remedy::KillShim)),
            ("running for ever", running, u64::MAX, None),
            ("cancelled", asked(false), 84_999, None),
            ("cancelled, too long", asked(false), 85_000, Some(Remedy::KillJobThenShim)),
            ("the same without a cgroup", in_group(asked(false)), 85_000, Some(Remedy::Alarm)),
            ("forced", asked(true), 64_999, None),
            ("forced, too long", asked(true), 65_000, Some(Remedy::KillJobThenShim)),
            ("stuck since", Seen { stuck_ms: Some(5_000), ..asked(true) }, u64::MAX, None),
            ("stuck before", Seen { stuck_ms: Some(4_999), ..asked(true) }, 65_000, Some(Remedy::KillJobThenShim)),
        ];
        for (row, seen, now_ms, expected) in table {
            let found = hung(now_ms, &seen, Duration::from_secs(15), Duration::from_secs(5));
            assert_eq!(found, expected, "{row}");
        }
    }
}
