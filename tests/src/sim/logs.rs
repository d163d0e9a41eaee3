//! The master's side of connection B: shipped log files, and the acknowledgements of one call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::input::LogSeal;
use windlass_core::model::{AgentId, Fence, ProjectName};
use windlass_core::{Answer, Input};
use windlass_disk::Disk;
use windlass_disk::log::{GapReason, LogPaths};
use windlass_master::link::{OwnLog, chunk_of, own_log};
use windlass_master::logs::{HostEnd, LogKey, LogName, OpenLog, SealVerdict, Sealed, Verdict};
use windlass_proto::convert::logs::{Chunk, Down, LogId, Up};
use windlass_proto::v1::{self, LogRejectReason};

use super::event::{HostId, LinkId, Wire};
use super::master::{Master, Out};
use super::model::Model;

pub(super) const LOGS: &str = "/master/logs";

/// All open logs, and which link opened them.
pub struct Logs {
    disk: Arc<dyn Disk>,
    open: BTreeMap<LogKey, OpenLog>,
    calls: BTreeMap<(LinkId, LogId), Progress>,
}

/// How far a log of a call is.
#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    host: HostId,
    acked: u64,
    asked: Option<u64>,
}

fn key(log: LogId) -> LogKey {
    LogKey { fence: log.fence, step: log.step }
}

/// Why a call for logs, or the master, cannot go on.
#[derive(Debug)]
enum Trouble {
    Disk,
    Died,
}

impl Logs {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: BTreeMap::new(), calls: BTreeMap::new() }
    }

    /// Whether anything waits for its sync.
    pub fn is_dirty(&self) -> bool {
        self.open.values().any(OpenLog::is_dirty)
    }

    /// Where the files of a log lie, if it is open.
    pub fn base(&self, fence: Fence, step: u32) -> Option<&PathBuf> {
        self.open.get(&LogKey { fence, step }).map(OpenLog::base)
    }
}

impl Master {
    /// A message on connection B.
    pub fn take_log(&mut self, host: HostId, link: LinkId, agent: AgentId, wire: v1::LogUp, model: &mut Model) {
        let up = match Up::from_wire(wire) {
            Ok(up) => up,
            Err(error) => return model.complain(format!("a log message cannot be read: {error}")),
        };
        let live = self.seats.get(&agent).is_some_and(|seat| seat.link == link);
        if !live {
            return;
        }
        let done = match up {
            Up::Open { log, .. } => self.open_log(host, link, agent, log, model),
            Up::Chunk(chunk) => self.store(link, chunk, model),
            Up::Seal { log, total, digest } => self.seal(link, log, total, digest, model),
        };
        match done {
            Ok(()) | Err(Trouble::Died) => {}
            Err(Trouble::Disk) => self.process.kill(),
        }
    }

    fn open_log(
        &mut self,
        host: HostId,
        link: LinkId,
        agent: AgentId,
        log: LogId,
        model: &mut Model,
    ) -> Result<(), Trouble> {
        let Some(OwnLog { name, quota, sealed }) = own_log(&self.state, agent, log.fence, log.step) else {
            self.answer(host, link, Down::Reject { log, reason: LogRejectReason::LogNotYours, want: 0 });
            return Ok(());
        };
        if let Some(seal) = sealed {
            self.logs.open.remove(&key(log));
            self.answer(host, link, Down::Ack { log, durable: seal.total, sealed: true });
            return Ok(());
        }
        if !self.logs.open.contains_key(&key(log)) {
            let base = name.base(Path::new(LOGS));
            let (state, _) = tokio::sync::watch::channel(windlass_master::logs::LogState::default());
            let opened = OpenLog::open(&*self.logs.disk, base, quota, state).map_err(|_| Trouble::Disk)?;
            self.logs.open.insert(key(log), opened);
        }
        let disk = Arc::clone(&self.logs.disk);
        let Some(open) = self.logs.open.get_mut(&key(log)) else { return Ok(()) };
        if open.is_dirty() {
            open.sync(&*disk).map_err(|_| Trouble::Disk)?;
        }
        let stored = open.watch().borrow().durable;
        self.logs.calls.insert((link, log), Progress { host, acked: stored, asked: None });
        self.ack(host, link, log, stored, model);
        Ok(())
    }

    fn store(&mut self, link: LinkId, chunk: Chunk, model: &mut Model) -> Result<(), Trouble> {
        let log = chunk.log;
        let Some(progress) = self.logs.calls.get_mut(&(link, log)) else { return Ok(()) };
        let Some(open) = self.logs.open.get_mut(&key(log)) else { return Ok(()) };
        let Ok(chunk) = chunk_of(chunk) else {
            model.complain("a chunk has no kind".to_owned());
            return Ok(());
        };
        let verdict = open.append(&chunk).map_err(|_| Trouble::Disk)?;
        let (host, asked) = (progress.host, progress.asked.take());
        let (reason, want) = match verdict {
            Verdict::Stored => return Ok(()),
            Verdict::Duplicate => {
                let durable = progress.acked;
                self.answer(host, link, Down::Ack { log, durable, sealed: false });
                return Ok(());
            }
            Verdict::Gap { want } => {
                progress.asked = Some(want);
                if asked == Some(want) {
                    return Ok(());
                }
                (LogRejectReason::LogGap, want)
            }
            Verdict::Crc { want } => (LogRejectReason::LogCrc, want),
            Verdict::Quota { want } => (LogRejectReason::LogQuota, want),
            Verdict::NoSpace { want } => (LogRejectReason::LogNoSpace, want),
        };
        self.answer(host, link, Down::Reject { log, reason, want });
        Ok(())
    }

    fn seal(
        &mut self,
        link: LinkId,
        log: LogId,
        total: u64,
        digest: Option<windlass_core::model::Digest>,
        model: &mut Model,
    ) -> Result<(), Trouble> {
        let Some(progress) = self.logs.calls.get(&(link, log)).copied() else { return Ok(()) };
        let Some(open) = self.logs.open.get_mut(&key(log)) else { return Ok(()) };
        let host = progress.host;
        if digest.is_none() && model.lives.get(&log.fence).is_some_and(|life| life.log_damaged) {
            model.meet("rest of a log lost");
        }
        let end = digest.map_or(HostEnd::Lost(GapReason::ShimLost), HostEnd::Whole);
        let sealed = open.seal(&*self.logs.disk, total, end).map_err(|_| Trouble::Disk)?;
        let Sealed { total, digest, gaps, damaged } = match sealed {
            SealVerdict::Sealed(sealed) => sealed,
            SealVerdict::Short { want } => {
                self.answer(host, link, Down::Reject { log, reason: LogRejectReason::LogGap, want });
                return Ok(());
            }
            SealVerdict::Mismatch => {
                model.begun_anew(log.fence, log.step);
                self.logs.calls.insert((link, log), Progress { host, ..Progress::default() });
                self.answer(host, link, Down::Reject { log, reason: LogRejectReason::LogMismatch, want: 0 });
                return Ok(());
            }
        };
        self.logs.calls.remove(&(link, log));
        let base = open.base().clone();
        let seal = LogSeal { fence: log.fence, step: log.step, total, digest, gaps, damaged };
        let answers = self.turn(vec![Input::LogSealed(seal)], model).ok_or(Trouble::Died)?;
        if let Some(Answer::Refused(_)) = answers.first() {
            return Ok(());
        }
        model.sealed(log.fence, log.step, &base, self.disk(), damaged);
        if let Some(open) = self.logs.open.remove(&key(log)) {
            open.finish(&*self.logs.disk);
        }
        self.answer(host, link, Down::Ack { log, durable: total, sealed: true });
        Ok(())
    }

    /// Ends the logs of attempts whose agents hold them no more.
    pub fn end_logs(&mut self, model: &mut Model) {
        while let Some(fence) = self.to_end.pop() {
            match self.abandon(fence) {
                Ok(seals) => _ = self.turn(vec![Input::LogsEnded { fence, seals }], model),
                Err(_) => self.process.kill(),
            }
        }
    }

    fn abandon(&mut self, fence: Fence) -> Result<Vec<LogSeal>, Trouble> {
        let (Some(place), Some((_, attempt))) = (self.state.attempts.get(&fence), self.state.attempt(fence)) else {
            return Ok(Vec::new());
        };
        let quota = attempt.envelope.log_quota_bytes;
        let unsealed = (1..).zip(&attempt.steps).filter(|(_, step)| step.sealed.is_none());
        let bases: Vec<(u32, PathBuf)> =
            unsealed.map(|(step, _)| (step, LogName::of(place, step).base(Path::new(LOGS)))).collect();
        let disk = Arc::clone(&self.logs.disk);
        let mut seals = Vec::new();
        for (step, base) in bases {
            let mut open = match self.logs.open.remove(&LogKey { fence, step }) {
                Some(open) => open,
                None if !disk.exists(&LogPaths::of(&base).index).map_err(|_| Trouble::Disk)? => continue,
                None => {
                    let (state, _) = tokio::sync::watch::channel(windlass_master::logs::LogState::default());
                    OpenLog::open(&*disk, base, quota, state).map_err(|_| Trouble::Disk)?
                }
            };
            let Sealed { total, digest, gaps, damaged } =
                open.end_with(&*disk, GapReason::AgentGone).map_err(|_| Trouble::Disk)?;
            seals.push(LogSeal { fence, step, total, digest, gaps, damaged });
        }
        Ok(seals)
    }

    /// The logs of runs that have expired go. What cannot be removed now goes after the next start.
    pub(super) fn remove_logs(&mut self, project: &ProjectName, model: &mut Model) {
        let Some(below) = self.state.projects.get(project).map(|project| project.logs.from) else { return };
        _ = windlass_master::logs::expire(&*self.logs.disk, Path::new(LOGS), project, below);
        model.expired(&Path::new(LOGS).join(project.as_str()), below);
    }

    /// The log writer's tick: what was written is synced, then acknowledged.
    pub fn sync_logs(&mut self, model: &mut Model) {
        let disk = Arc::clone(&self.logs.disk);
        for open in self.logs.open.values_mut().filter(|open| open.is_dirty()) {
            if open.sync(&*disk).is_err() {
                self.process.kill();
                return;
            }
        }
        let mut acks = Vec::new();
        for ((link, log), progress) in &mut self.logs.calls {
            let Some(open) = self.logs.open.get(&key(*log)) else { continue };
            let durable = open.watch().borrow().durable;
            if durable > progress.acked {
                progress.acked = durable;
                acks.push((progress.host, *link, *log, durable));
            }
        }
        for (host, link, log, durable) in acks {
            self.ack(host, link, log, durable, model);
        }
    }

    fn ack(&mut self, host: HostId, link: LinkId, log: LogId, durable: u64, model: &mut Model) {
        if let Some(base) = self.logs.base(log.fence, log.step).cloned() {
            model.log_acked(log.fence, log.step, durable, &base, self.disk());
        }
        self.answer(host, link, Down::Ack { log, durable, sealed: false });
    }

    fn answer(&mut self, host: HostId, link: LinkId, down: Down) {
        if self.process.is_alive() {
            self.out.push(Out::Send(host, link, Wire::LogDown(Box::new(down.into_wire()))));
        }
    }

    /// The calls of a link are over.
    pub fn end_calls(&mut self, link: LinkId) {
        self.logs.calls.retain(|(of, _), _| *of != link);
    }
}
