//! What must hold at agents and shims: the second half of the [`model`](super::model).

use std::path::PathBuf;

use windlass_agent::attempts::AttemptDir;
use windlass_agent::work::Holdings;
use windlass_core::attempt::line::INDEX_LAST;
use windlass_core::attempt::{Line, LineBody};
use windlass_core::model::{AgentId, Fence, Outcome};
use windlass_disk::record::read_record;
use windlass_disk::{Disk, FaultyDisk};

use super::agent::SLOTS;
use super::event::HostId;
use super::model::Model;
use super::steps::End;

/// What an attempt may take besides its logs.
const SPOOL_SLACK_BYTES: u64 = 1024 * 1024;

impl Model {
    /// An agent obeys a master.
    pub fn obeyed(&mut self, agent: AgentId, epoch: u64) {
        let before = self.epochs.insert(agent, epoch).unwrap_or(0);
        if epoch < before {
            self.complain(format!("I7: an agent obeys epoch {epoch} after {before}"));
        }
    }

    /// A shim is spawned.
    pub fn spawned(&mut self, fence: Fence, dir: &AttemptDir, disk: &FaultyDisk) {
        let lines = synced_lines(disk, dir);
        let life = self.lives.entry(fence).or_default();
        life.spawned += 1;
        life.shim = true;
        let (spawned, forgotten, tainted) = (life.spawned, life.forgotten, life.tainted);
        // Where damage left no promise it is promised again; no step may run twice all the same.
        if spawned > 1 && !tainted && !life.record_damaged {
            self.complain(format!("I1: a second shim for {fence}"));
        }
        if forgotten && !tainted {
            self.complain(format!("I7: {fence} is started after it was to be forgotten"));
        }
        if !matches!(&lines[..], [Line { body: LineBody::Accepted { .. }, .. }]) {
            self.complain(format!("I4: the shim of {fence} starts before ACCEPTED is synced"));
        }
    }

    /// A step is executed.
    pub fn exec(&mut self, fence: Fence, step: u32) {
        let life = self.lives.entry(fence).or_default();
        life.written.entry(step).or_default();
        let twice = life.execs.contains(&step);
        life.execs.push(step);
        let (run, job, fine) = (life.run.clone(), life.job.clone(), life.again_is_fine || life.tainted);
        if twice && !life.tainted {
            self.complain(format!("I1: step {step} of {fence} is executed twice"));
        }
        let (Some(run), Some(job)) = (run, job) else {
            return self.complain(format!("I1: {fence} is executed and was never placed"));
        };
        let others = self.lives.iter().filter(|(other, life)| **other != fence && life.is_of(&run, &job));
        // What a person had done again may find the first one, whose end could not be proven, at its work; and that one it.
        let mut beside =
            others.filter(|(_, life)| (life.shim || life.living > 0) && !life.tainted && !life.again_is_fine);
        if let (Some((other, _)), false) = (beside.next(), fine) {
            self.complain(format!("I3: {fence} runs beside {other} of the same job"));
        }
    }

    /// The first command runs: GO and ACCEPTED are on disk.
    pub fn runs(&mut self, fence: Fence, dir: &AttemptDir, disk: &FaultyDisk) {
        if self.has_damaged_record(fence) {
            return;
        }
        let lines = synced_lines(disk, dir);
        let begins =
            matches!(&lines[..], [Line { body: LineBody::Accepted { .. }, .. }, Line { body: LineBody::Go, .. }, ..]);
        if !begins {
            self.complain(format!("I4: {fence} is executed before ACCEPTED and GO are synced"));
        }
    }

    /// A step's first process has ended.
    pub fn step_ended(&mut self, fence: Fence, step: u32, end: End, stopped: bool) {
        self.lives.entry(fence).or_default().ends.insert(step, (end, stopped));
    }

    /// A step wrote bytes, and a shim read them.
    pub fn wrote(&mut self, fence: Fence, step: u32, data: &[u8]) {
        self.lives.entry(fence).or_default().written.entry(step).or_default().extend_from_slice(data);
    }

    /// EXIT is about to be written.
    pub fn exits(&mut self, fence: Fence, outcome: &Outcome, living: usize) {
        if living > 0 {
            self.complain(format!("I6: {fence} ends as {outcome} with {living} processes"));
        }
    }

    /// The lines that leave in a report or a Hello are on disk.
    pub fn holds(&mut self, holdings: &Holdings, disk: &FaultyDisk, what: &str) {
        for (fence, attempt) in &holdings.attempts {
            let synced = disk.synced(&attempt.dir.record()).map_or(0, |bytes| read_record(&bytes).lines.len());
            if synced < attempt.lines.len() && !self.has_damaged_record(*fence) {
                let lines = attempt.lines.len();
                self.complain(format!("I4: {what} names {lines} lines of {fence}, {synced} are synced"));
            }
        }
    }

    /// The record of an attempt as its host shows it.
    pub fn record(&mut self, fence: Fence, dir: &AttemptDir, disk: &FaultyDisk) {
        if self.has_damaged_record(fence) {
            return;
        }
        let Ok(bytes) = disk.read(&dir.record()) else { return };
        let read = read_record(&bytes);
        let lines: Vec<Line> = read.lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let (mut go, mut last) = (false, false);
        for (line, due) in lines.iter().zip(1..) {
            // An end that is not proven stands at the index that is taken whatever is missing before it.
            let is_unproven = matches!(&line.body, LineBody::Exit { outcome: Outcome::Unknown { .. }, .. });
            let is_due = if is_unproven { line.index == INDEX_LAST } else { !last && line.index == due };
            if !is_due {
                self.complain(format!("I2: line {due} of {fence} has index {}, last seen: {last}", line.index));
            }
            go |= line.body == LineBody::Go;
            last |= line.body.is_last();
            if matches!(line.body, LineBody::Void { .. }) && go {
                self.complain(format!("I2: {fence} has GO and VOID"));
            }
        }
        if matches!(read.end, windlass_disk::record::RecordEnd::Damaged(_)) {
            self.complain(format!("I2: the record of {fence} is damaged"));
        }
    }

    /// So many shims live on a host: one job has one slot.
    pub fn occupied(&mut self, host: HostId, shims: usize) {
        if shims > SLOTS as usize {
            self.complain(format!("I13: {shims} jobs run on host {host}, which has {SLOTS} slots"));
        }
    }

    /// What the logs of an attempt take on its host is what was reserved for them, with a little for its record and the indexes.
    pub fn spooled(&mut self, fence: Fence, dir: &AttemptDir, disk: &FaultyDisk) {
        let Some(quota) = self.lives.get(&fence).map(|life| life.quota_bytes).filter(|quota| *quota > 0) else {
            return;
        };
        let size = |path: &PathBuf| disk.size(path).ok().flatten().unwrap_or(0);
        let files = disk.read_dir(dir.path()).unwrap_or_default();
        let is_log = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "log");
        let (logs, all): (u64, u64) = (files.iter().filter(is_log).map(size).sum(), files.iter().map(size).sum());
        if logs > quota || all > quota + SPOOL_SLACK_BYTES {
            self.complain(format!("I13: {fence} has {logs} bytes of logs and {all} in all, {quota} were reserved"));
        }
    }

    /// A directory of an attempt is gone.
    pub fn deleted(&mut self, fence: Fence, had_a_line: bool) {
        // All that was written was compared.
        if let Some(life) = self.lives.get_mut(&fence).filter(|life| life.closed) {
            life.written.clear();
        }
        let forgotten =
            self.lives.get(&fence).is_some_and(|life| life.forgotten || life.tainted || life.record_damaged);
        if had_a_line && !forgotten {
            self.complain(format!("I10: {fence} is deleted without Forget"));
        }
    }
}

fn synced_lines(disk: &FaultyDisk, dir: &AttemptDir) -> Vec<Line> {
    let bytes = disk.synced(&dir.record()).unwrap_or_default();
    read_record(&bytes).lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
}
