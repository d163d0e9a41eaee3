//! What a directory proves whose lock is free, written into its record.

use std::sync::Arc;

use windlass_core::attempt::{Concluder, Conclusion, Evidence, Line, LineBody, Lock, conclude as decide};
use windlass_core::model::Fence;
use windlass_disk::{DiskFile, Open};

use super::record::{Ending, Lines, OwnRecord, read_lines};
use super::{AttemptDir, Error, Result, Store, Unproven, place_of};

/// What became of a directory.
#[derive(Debug)]
pub enum Concluded {
    /// A shim lives.
    Live,
    /// Nothing was promised: the directory is deleted.
    Deleted,
    /// It ended; all lines, the last being VOID or EXIT.
    Ended(Vec<Arc<Line>>),
    /// What its lost shim left behind is to be ended first.
    Unproven(Box<Unproven>),
}

/// Looks whether the lock of an attempt is free, and if so concludes it.
pub fn conclude(store: &Store, fence: Fence, boot_id: &str, by: Concluder) -> Result<Concluded> {
    let dir = store.dir().attempt(fence);
    if !store.disk().exists(&dir.record())? {
        store.forget(fence)?;
        return Ok(Concluded::Deleted);
    }
    let file = store.disk().open(&dir.record(), Open::Write)?;
    if !file.try_flock()? {
        return Ok(Concluded::Live);
    }
    let found = read_lines(&file.read_all()?);
    if let Ending::Newer { format } = found.end {
        return Err(Error::NewerRecord { path: dir.record(), format });
    }
    let conclusion = decide(Evidence {
        lock: Lock::Free,
        lines: &found.whole,
        end: found.end.as_evidence(),
        step_log: store.has_step_log(&dir)?,
        boot_id,
        cancelled: store.disk().exists(&dir.cancel())?,
        by,
    });
    let concluded = carry_out(store, fence, &dir, file, found, conclusion)?;
    if let Concluded::Ended(_) = concluded {
        // An agent that was killed before it synced them leaves names that a power cut would take, after they were reported.
        store.sync(fence)?;
    }
    Ok(concluded)
}

fn carry_out(
    store: &Store,
    fence: Fence,
    dir: &AttemptDir,
    file: Box<dyn DiskFile>,
    found: Lines,
    conclusion: Conclusion,
) -> Result<Concluded> {
    match conclusion {
        Conclusion::ReAttach => Ok(Concluded::Live),
        Conclusion::Delete => {
            store.forget(fence)?;
            Ok(Concluded::Deleted)
        }
        Conclusion::AsItSays(_) => {
            file.fdatasync()?;
            Ok(Concluded::Ended(all_lines(found)))
        }
        Conclusion::AppendVoid(outcome) => {
            tracing::info!(%fence, %outcome, "concluded");
            let index = u32::try_from(found.whole.len() + 1).expect("a record has few lines");
            append(store, file, found, index, LineBody::Void { outcome })
        }
        Conclusion::AppendExit { sweep, reason } => {
            let groups = if sweep { place_of(store.disk(), dir).and_then(|place| place.cgroups) } else { None };
            // In a process group what a lost shim left behind cannot be told from others.
            tracing::error!(%fence, ?reason, survivors_possible = sweep && groups.is_none(), "concluded without proof");
            let about = (reason, groups.map(|groups| groups.job));
            let mut unproven = Unproven::take(store, dir, file, found, about)?;
            if unproven.group().is_some() {
                return Ok(Concluded::Unproven(Box::new(unproven)));
            }
            Ok(Concluded::Ended(unproven.conclude(store)?))
        }
    }
}

/// Appends the last line behind what is whole; damage stays as it is.
fn append(store: &Store, file: Box<dyn DiskFile>, found: Lines, index: u32, body: LineBody) -> Result<Concluded> {
    match found.end {
        Ending::Clean | Ending::Newer { .. } => {}
        Ending::Torn => _ = windlass_disk::record::cut_torn_tail(&*file)?,
        Ending::Damaged { .. } => end_the_line(&*file)?,
    }
    let mut record = OwnRecord::new(file, store.shared_host())?;
    let last = record.append(index, body)?;
    let mut lines: Vec<_> = found.whole.into_iter().map(Arc::new).collect();
    lines.push(last);
    Ok(Concluded::Ended(lines))
}

/// Damage may lack its line feed, and would swallow what is appended.
pub(super) fn end_the_line(file: &dyn DiskFile) -> Result<()> {
    let len = file.len()?;
    if len > 0 && file.read_range(len - 1, 1)? != b"\n" {
        file.append(b"\n")?;
    }
    Ok(())
}

fn all_lines(found: Lines) -> Vec<Arc<Line>> {
    let mut lines: Vec<_> = found.whole.into_iter().map(Arc::new).collect();
    match found.end {
        Ending::Damaged { last: Some(last) } => lines.push(Arc::from(last)),
        Ending::Clean | Ending::Torn | Ending::Damaged { last: None } | Ending::Newer { .. } => {}
    }
    lines
}
