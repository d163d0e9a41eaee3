//! The record of an attempt that was changed behind everybody's back, and what is concluded from it.

use std::path::Path;

use fastrand::Rng;
use windlass_agent::attempts::read_lines;
use windlass_core::attempt::{Concluder, Conclusion, Evidence, Line, LineBody, Lock, conclude};
use windlass_core::model::{
    Attempt, Duration, Envelope, Failure, Fence, JobKey, Outcome, ProjectName, RunId, StepOutcome, Workspace,
};
use windlass_disk::record::RecordWriter;
use windlass_disk::{Disk, FaultyDisk, Open};

use super::mutate::mutate;

const BOOT: &str = "5f2b1a34-0000-4000-8000-000000000001";

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    let disk = FaultyDisk::new();
    let path = Path::new("/record");
    let written = lines(rng);
    let mut record = RecordWriter::new(disk.open(path, Open::CreateNew).expect("a sound disk")).expect("it is empty");
    for line in &written {
        record.append(&serde_json::to_vec(line).expect("a line is JSON")).expect("a sound disk takes a line");
    }
    disk.damage(path, |bytes| mutate(rng, bytes));
    let found = read_lines(&disk.read(path).expect("it can be read"));
    if let Some(other) = found.whole.iter().find(|line| !written.contains(line)) {
        return Err(format!("a line that nobody wrote: {other:?}"));
    }
    let has_gone = written.iter().any(|line| line.body == LineBody::Go);
    let conclusion = conclude(Evidence {
        lock: Lock::Free,
        lines: &found.whole,
        end: found.end.as_evidence(),
        step_log: has_gone,
        boot_id: BOOT,
        cancelled: rng.bool(),
        by: if rng.bool() { Concluder::Start } else { Concluder::ShimGone },
    });
    judge(&written, has_gone, conclusion)
}

/// A command that may have run is never concluded as not started, and an outcome is the one that was written or `unknown`.
fn judge(written: &[Line], has_gone: bool, conclusion: Conclusion) -> Result<(), String> {
    match conclusion {
        Conclusion::ReAttach => Err("a shim lives although the lock is free".to_owned()),
        Conclusion::Delete | Conclusion::AppendVoid(_) if has_gone => {
            Err(format!("GO was written, and what is concluded is {conclusion:?}"))
        }
        Conclusion::Delete | Conclusion::AppendVoid(_) | Conclusion::AppendExit { .. } => Ok(()),
        Conclusion::AsItSays(outcome) => {
            let says = |line: &Line| match &line.body {
                LineBody::Void { outcome: said } | LineBody::Exit { outcome: said, .. } => *said == outcome,
                LineBody::Accepted { .. }
                | LineBody::Go
                | LineBody::StepStarted { .. }
                | LineBody::StepEnded { .. }
                | LineBody::Stuck { .. } => false,
            };
            if written.iter().any(says) { Ok(()) } else { Err(format!("nobody wrote the outcome {outcome}")) }
        }
    }
}

/// The record of an attempt, up to any of its lines.
fn lines(rng: &mut Rng) -> Vec<Line> {
    let fence = Fence(rng.u64(1..u64::MAX));
    let outcome = match rng.u8(0..3) {
        0 => Outcome::Succeeded,
        1 => Outcome::TimedOut,
        _ => Outcome::Failed { how: Failure::Code(rng.u8(1..)) },
    };
    let mut bodies = vec![LineBody::Accepted { fence, envelope: Box::new(envelope()), boot_id: BOOT.to_owned() }];
    if rng.u8(0..5) == 0 {
        bodies.push(LineBody::Void { outcome: Outcome::Cancelled });
    } else {
        bodies.push(LineBody::Go);
        for step in 1..rng.u32(1..4) {
            bodies.push(LineBody::StepStarted { step });
            let outputs = [("BYTES".to_owned(), step.to_string())].into();
            bodies.push(LineBody::StepEnded { step, outcome: StepOutcome::Succeeded, outputs });
        }
        bodies.push(LineBody::Exit { outcome, logs: Vec::new(), cancel_too_late: rng.bool() });
    }
    bodies.truncate(rng.usize(1..=bodies.len()));
    let line = |(index, body)| Line { format: 1, index, boottime_ns: rng.u64(..), wall_ms: 0, body };
    (1..).zip(bodies).map(line).collect()
}

fn envelope() -> Envelope {
    Envelope {
        run: RunId { project: "shop".parse::<ProjectName>().expect("a name"), number: 7 },
        job: "build".parse::<JobKey>().expect("a key"),
        attempt: Attempt(1),
        env: [("CI".to_owned(), "true".to_owned())].into(),
        steps: Vec::new(),
        timeout: Duration::from_secs(60),
        silent_timeout: Duration::from_secs(0),
        grace: Duration::from_secs(30),
        cleanup: Duration::from_secs(60),
        log_quota_bytes: 1024,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}
