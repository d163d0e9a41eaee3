//! From what a step writes to its log: the shipped masker in between.

use windlass_core::model::Fence;
use windlass_shim::parts::{Chunk, Stream};

use super::super::model::Model;
use super::super::steps::is_stderr;
use super::{Job, Lost, Running};

/// Everything that lies in the pipes.
pub(super) fn read(
    job: &mut Job,
    running: &mut Running,
    fence: Fence,
    until: u64,
    model: &mut Model,
) -> Result<(), Lost> {
    while let Some((at, data)) =
        running.script.writes.get(running.written).filter(|(at, _)| running.began_ns + at <= until)
    {
        let stderr = is_stderr(running.written);
        running.written += 1;
        let mut seen = Vec::new();
        running.maskers[usize::from(stderr)].push(data, &mut |bytes| seen.extend_from_slice(bytes));
        append(job, (fence, running.step), stderr, *at, seen, model)?;
    }
    Ok(())
}

/// The streams are over: what was held back goes on.
pub(super) fn finish(
    job: &mut Job,
    running: &mut Running,
    fence: Fence,
    until: u64,
    model: &mut Model,
) -> Result<(), Lost> {
    for stderr in [false, true] {
        let mut seen = Vec::new();
        running.maskers[usize::from(stderr)].finish(&mut |bytes| seen.extend_from_slice(bytes));
        append(job, (fence, running.step), stderr, until.saturating_sub(running.began_ns), seen, model)?;
    }
    Ok(())
}

fn append(
    job: &mut Job,
    (fence, step): (Fence, u32),
    stderr: bool,
    at_ns: u64,
    data: Vec<u8>,
    model: &mut Model,
) -> Result<(), Lost> {
    if data.is_empty() {
        return Ok(());
    }
    model.wrote(fence, step, &data);
    let stream = if stderr { Stream::Stderr } else { Stream::Stdout };
    match job.logs.get_mut(step as usize - 1) {
        Some(Some(log)) => log.append(Chunk { step, stream, at_ns, data }, &mut job.quota).map_err(|_| Lost),
        Some(None) | None => Ok(()),
    }
}
