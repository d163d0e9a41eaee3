//! One line of a record, as a numbered statement of an agent about its work.
//!
//! The wire says less than the record: ACCEPTED carries the digest of the envelope instead of the envelope, and no boot id; EXIT carries
//! lengths without digests, which come with each log's seal.

use std::collections::BTreeMap;

use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::model::{Digest, Envelope, Fence, Outcome};

use super::fields::{at_most, counted, digest, fence, map, pairs, required};
use super::{Error, OUTPUTS_MAX_BYTES, Result, STEPS_MAX, envelope_digest, outcome};
use crate::v1::{self, report::Body};

/// The format of the lines that this program writes and makes of reports.
pub const LINE_FORMAT: u16 = 1;

/// A line as it travels.
pub fn to_wire(fence: Fence, line: &Line) -> v1::Report {
    let body = match &line.body {
        LineBody::Accepted { fence: _, envelope, boot_id: _ } => {
            Body::Accepted(v1::Accepted { envelope_blake3: envelope_digest(envelope).0.to_vec() })
        }
        LineBody::Go => Body::Started(v1::Started {}),
        LineBody::StepStarted { step } => Body::StepStarted(v1::StepStarted { step: *step }),
        LineBody::StepEnded { step, outcome, outputs } => Body::StepEnded(v1::StepEnded {
            step: *step,
            outcome: Some(outcome::step_to_wire(outcome)),
            outputs: pairs(outputs),
        }),
        LineBody::Stuck { survivors, at } => Body::Stuck(v1::Stuck { survivors: *survivors, r#where: at.clone() }),
        LineBody::Void { outcome } => Body::Ended(v1::Ended {
            outcome: Some(outcome::to_wire(outcome)),
            log_total: Vec::new(),
            cancel_too_late: false,
            empty_logs: Vec::new(),
        }),
        LineBody::Exit { outcome, logs, cancel_too_late } => Body::Ended(v1::Ended {
            outcome: Some(outcome::to_wire(outcome)),
            log_total: logs.iter().map(|log| log.map_or(0, |end| end.total)).collect(),
            cancel_too_late: *cancel_too_late,
            empty_logs: (1..).zip(logs).filter_map(|(step, log)| (log.as_ref()?.total == 0).then_some(step)).collect(),
        }),
    };
    let Line { format: _, index, boottime_ns, wall_ms, body: _ } = *line;
    v1::Report { fence: fence.0, index, boottime_ns, wall_ms, body: Some(body) }
}

/// The line that a report stands for. `envelope_of` gives the envelope that the receiver has placed under a fence and its digest;
/// a report about another envelope, or about a fence it does not know, is wrong.
pub fn from_wire(
    wire: v1::Report,
    envelope_of: impl FnOnce(Fence) -> Option<(Digest, Envelope)>,
) -> Result<(Fence, Line)> {
    let fence = fence("report.fence", wire.fence)?;
    let body = match required("report.body", wire.body)? {
        Body::Accepted(accepted) => accepted_body(fence, &accepted, envelope_of)?,
        Body::Started(v1::Started {}) => LineBody::Go,
        Body::StepStarted(started) => LineBody::StepStarted { step: step(started.step)? },
        Body::StepEnded(ended) => LineBody::StepEnded {
            step: step(ended.step)?,
            outcome: outcome::step_from_wire(&required("step_ended.outcome", ended.outcome)?)?,
            outputs: outputs(ended.outputs)?,
        },
        Body::Stuck(stuck) => LineBody::Stuck { survivors: stuck.survivors, at: stuck.r#where },
        Body::Ended(ended) => ended_body(ended)?,
    };
    let index = counted("report.index", wire.index)?;
    Ok((fence, Line { format: LINE_FORMAT, index, boottime_ns: wire.boottime_ns, wall_ms: wire.wall_ms, body }))
}

fn accepted_body(
    fence: Fence,
    accepted: &v1::Accepted,
    envelope_of: impl FnOnce(Fence) -> Option<(Digest, Envelope)>,
) -> Result<LineBody> {
    let field = "accepted.envelope_blake3";
    let confirmed = digest(field, &accepted.envelope_blake3)?;
    match envelope_of(fence) {
        Some((placed, envelope)) if placed == confirmed => {
            Ok(LineBody::Accepted { fence, envelope: Box::new(envelope), boot_id: String::new() })
        }
        Some(_) => Err(Error::invalid(field, format!("another envelope was placed as {fence}"))),
        None => Err(Error::invalid(field, format!("nothing was placed as {fence}"))),
    }
}

/// VOID has no logs and says that nothing was executed; everything else is EXIT.
fn ended_body(ended: v1::Ended) -> Result<LineBody> {
    at_most("ended.log_total", ended.log_total.len(), STEPS_MAX)?;
    let outcome = outcome::from_wire(&required("ended.outcome", ended.outcome)?)?;
    let is_void = match &outcome {
        Outcome::NotStarted { .. } => true,
        Outcome::Cancelled => ended.log_total.is_empty(),
        Outcome::Succeeded | Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Unknown { .. } => false,
        Outcome::Skipped { .. } => return Err(Error::invalid("ended.outcome", "an attempt is never skipped")),
    };
    if is_void {
        return Ok(LineBody::Void { outcome });
    }
    at_most("ended.empty_logs", ended.empty_logs.len(), STEPS_MAX)?;
    let log = |(step, total): (u32, u64)| {
        let is_there = total > 0 || ended.empty_logs.contains(&step);
        is_there.then_some(LogEnd { total, digest: None })
    };
    let logs = (1..).zip(ended.log_total).map(log).collect();
    Ok(LineBody::Exit { outcome, logs, cancel_too_late: ended.cancel_too_late })
}

fn step(number: u32) -> Result<u32> {
    at_most("report.step", usize::try_from(number).unwrap_or(usize::MAX), STEPS_MAX)?;
    counted("report.step", number)
}

fn outputs(pairs: Vec<v1::Pair>) -> Result<BTreeMap<String, String>> {
    let bytes = pairs.iter().map(|pair| pair.name.len() + pair.value.len()).sum();
    at_most("step_ended.outputs", bytes, OUTPUTS_MAX_BYTES)?;
    map("step_ended.outputs", pairs)
}
