//! What is wrong with the master, or with clocks: nothing, on a good day.

use windlass_core::model::CLOCKS_MAY_DIFFER;
use windlass_proto::api::{Agent, DiskLevel, LostRuns, Master};

use crate::text::{size, span};

/// Of a master that does not know the question.
const OLDER: &str = "this master is older than this client: it does not say whether its disk fills up, its clock is wrong or runs were lost\nhint: install the same version on both";

/// One sentence each, with the way out below it.
pub fn warnings(master: Option<&Master>, agents: &[Agent]) -> Vec<String> {
    let mut out = master.map_or_else(|| vec![OLDER.to_owned()], of_master);
    out.extend(agents.iter().filter_map(|agent| {
        let skew = skew(agent.clock_ahead_ms)?;
        Some(format!(
            "the clock of {} is {skew} the master's\nhint: set both by NTP; nothing is decided by it",
            agent.name
        ))
    }));
    out
}

fn of_master(master: &Master) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(then) = then(master.disk.level) {
        let free = master.disk.free_bytes.map_or_else(String::new, |free| format!(", {} free", size(free)));
        out.push(format!(
            "the master's disk fills up{free}: {then}\nhint: make room on the volume of its data directory"
        ));
    }
    if let Some(skew) = skew(Some(master.clock_ahead_ms)) {
        out.push(format!(
            "the master's wall clock is {skew} its own time, which never steps\nhint: a restart takes the clock as it is then, if it is ahead"
        ));
    }
    for LostRuns { project, first, last } in &master.lost_runs {
        let runs = if first == last { format!("{project}#{first}") } else { format!("{project}#{first} to #{last}") };
        out.push(format!("damage of the journal took {runs} from the history; the master's own log names the file"));
    }
    if let Some(stop) = &master.stop_all {
        let by = stop.by.as_deref().map_or_else(String::new, |by| format!(" by {by}"));
        out.push(format!(
            "everything is stopped{by}: {}: no target is changed by itself, forward or back\nhint: windlass stop-all --lift --reason …",
            stop.why
        ));
    }
    if let Some(first) = master.stopped.first() {
        let all = master.stopped.join(", ");
        out.push(format!(
            "the master was restored: nothing of {all} is placed\nhint: windlass projects start {first} --reason …"
        ));
    }
    out
}

/// `1 m 30 s ahead of`; none if nobody has to know.
pub fn skew(ahead_ms: Option<i64>) -> Option<String> {
    let ahead_ms = ahead_ms.filter(|ahead| ahead.unsigned_abs() > CLOCKS_MAY_DIFFER.ms())?;
    let word = if ahead_ms > 0 { "ahead of" } else { "behind" };
    Some(format!("{} {word}", span(ahead_ms.unsigned_abs())))
}

fn then(level: DiskLevel) -> Option<&'static str> {
    match level {
        DiskLevel::Plenty => None,
        DiskLevel::Low => Some("nothing is given up yet"),
        DiskLevel::Tight => Some("no new runs, and agents keep their logs"),
        DiskLevel::Stop => Some("only reports, cancels and what operators do"),
    }
}
