//! The logs of an attempt whose shim is gone, and how much is spooled.

use windlass_core::attempt::LogEnd;
use windlass_core::model::{Digest, UnknownReason};
use windlass_disk::Disk;
use windlass_disk::log::{GapReason, LogWriter};

use super::{AttemptDir, Result, Store};

/// Ends the logs of an attempt that nobody writes any more: each is cut at its last whole chunk and gets a gap, because any may lack bytes,
/// and all are synced. Asked again it says the same, and nothing twice. One entry per step up to the last that has a log.
pub fn end_logs(store: &Store, dir: &AttemptDir, reason: UnknownReason) -> Result<Vec<Option<LogEnd>>> {
    let steps = store.steps_with_log(dir)?;
    let last = steps.last().copied().unwrap_or(0);
    let mut ends = vec![None; last as usize];
    for step in steps {
        let end = end_log(store, dir, step, gap_of(reason))?;
        if let Some(place) = step.checked_sub(1).and_then(|at| ends.get_mut(at as usize)) {
            *place = Some(end);
        }
    }
    Ok(ends)
}

/// Also of a step that was over: what its last bytes were may have lain in its pipes still, or what it left running wrote more.
fn gap_of(reason: UnknownReason) -> GapReason {
    match reason {
        UnknownReason::Reboot => GapReason::PowerLost,
        UnknownReason::ShimLost
        | UnknownReason::AgentLost
        | UnknownReason::AgentLostState
        | UnknownReason::AgentRemoved
        | UnknownReason::EvidenceDamaged
        | UnknownReason::Restored => GapReason::ShimLost,
    }
}

fn end_log(store: &Store, dir: &AttemptDir, step: u32, gap: GapReason) -> Result<LogEnd> {
    let (mut writer, cut) = LogWriter::open(store.disk(), &dir.log(step))?;
    if cut != windlass_disk::log::Cut::default() {
        tracing::warn!(dir = %dir.path().display(), step, bytes = cut.bytes, "a log was cut at its last whole chunk");
    }
    // It is said already if a full disk or a crash cut this short before.
    if !writer.ends_with_gap(gap)? {
        writer.gap(0, gap, 0)?;
    }
    let total = writer.sync()?;
    Ok(LogEnd { total, digest: Some(Digest(writer.digest()?)) })
}

/// Bytes of record and logs of an attempt. What vanishes meanwhile counts as nothing.
pub fn spool_bytes(disk: &dyn Disk, dir: &AttemptDir) -> u64 {
    let Ok(paths) = disk.read_dir(dir.path()) else { return 0 };
    paths.iter().filter_map(|path| disk.size(path).ok()?).sum()
}
