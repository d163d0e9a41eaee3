//! The master: shipped decisions over the shipped journal, with a loop that takes one input after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use windlass_core::model::{AgentId, Fence, Secrets, UnixMs};
use windlass_core::world::{self, Turn};
use windlass_core::{Answer, Effect, Input, Recorded, State, Touched};
use windlass_disk::journal::{EntryRef, Journal, Mark};
use windlass_disk::{Disk, FaultyDisk};
use windlass_master::facts::{self, Checkpoint};
use windlass_master::link::Told;
use windlass_proto::convert::{Down, Up, Welcome, hello};
use windlass_proto::v1;

use super::checkpoints;
use super::event::{HostId, LinkId, Wire};
use super::host::{Clocks, MS};
use super::logs::Logs;
use super::model::Model;
use super::process::{Process, ProcessDisk};

/// What a start is told besides what is on its disk.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// The operators' configuration.
    pub config: &'a windlass_core::model::Config,
    /// It is the first start on a backup.
    pub restored: bool,
    /// Bytes of a new segment.
    pub segment_bytes: u64,
    /// What steps may ask for.
    pub secrets: &'a Secrets,
}

/// A session that sits.
#[derive(Debug)]
pub struct Seat {
    /// The host that it is of.
    pub host: HostId,
    /// Its connection.
    pub link: LinkId,
    /// Its number.
    pub session: u64,
    /// What it was told.
    pub told: Told,
}

/// What leaves the master.
#[derive(Debug)]
pub enum Out {
    /// A message.
    Send(HostId, LinkId, Wire),
    /// The link is closed.
    Close(HostId, LinkId),
}

/// The running program.
pub struct Master {
    /// Its life.
    pub process: Process,
    /// What it believes; all of it is committed.
    pub state: State,
    /// The lsn of the last fact.
    pub lsn: u64,
    /// Who is connected.
    pub seats: BTreeMap<AgentId, Seat>,
    /// Log files.
    pub logs: Logs,
    /// What leaves it.
    pub out: Vec<Out>,
    /// Links that were opened to this process, and how many sessions had begun then.
    pub opened: BTreeMap<LinkId, u64>,
    /// Links that were let in by this process: what comes on others was meant for one before.
    greeted: BTreeSet<LinkId>,
    /// Attempts without an agent, whose logs the master itself ends.
    pub to_end: Vec<Fence>,
    /// A turn whose checkpoint will be written; the journal goes on meanwhile.
    pub(super) noted: Option<Checkpoint>,
    /// No later record proves the last one whole yet.
    pub(super) unproven: bool,
    /// Behind the last turn.
    pub(super) place: Mark,
    pub(super) journal: Journal,
    secrets: Secrets,
    pub(super) own: Arc<dyn Disk>,
    disk: FaultyDisk,
    clocks: Clocks,
    begun: UnixMs,
    begun_ns: u64,
}

impl Master {
    /// Reads the journal and begins an epoch; none if the disk or its own death stopped it.
    pub fn start(
        disk: &FaultyDisk,
        process: &Process,
        clocks: &Clocks,
        begin: Begin<'_>,
        model: &mut Model,
    ) -> Option<Self> {
        let own = ProcessDisk::new(disk, process, &model.complaints);
        let own: Arc<dyn Disk> = Arc::new(own);
        let (journal, state) = checkpoints::start(&own, disk, begin.segment_bytes, process, model)?;
        let wall = u64::try_from(clocks.wall_ms()).unwrap_or(0);
        let epoch = (journal.last_epoch() + 1).max(wall / 1_000);
        let begun = UnixMs(wall.max(state.now.0));
        let lsn = journal.last_lsn();
        let logs = Logs::new(Arc::clone(&own));
        let (disk, clocks, begun_ns) = (disk.clone(), clocks.clone(), clocks.boot_ns());
        let (seats, out, to_end) = (BTreeMap::new(), Vec::new(), Vec::new());
        let (opened, greeted) = (BTreeMap::new(), BTreeSet::new());
        let process = process.clone();
        let mut master = Self {
            process,
            state,
            lsn,
            seats,
            logs,
            out,
            to_end,
            opened,
            greeted,
            noted: None,
            unproven: false,
            place: journal.mark(),
            journal,
            secrets: begin.secrets.clone(),
            own,
            disk,
            clocks,
            begun,
            begun_ns,
        };
        model.sent.clear();
        let inputs =
            vec![Input::Begin { epoch, restored: begin.restored }, Input::Configure(Box::new(begin.config.clone()))];
        master.turn(inputs, model)?;
        Some(master)
    }

    /// The master's own time: it never steps.
    fn now(&self) -> UnixMs {
        UnixMs(self.begun.0 + (self.clocks.boot_ns() - self.begun_ns) / MS)
    }

    /// When it must wake without an input, in nanoseconds of its steady clock from now.
    pub fn wakes_in_ns(&self) -> Option<u64> {
        let due = world::next_deadline(&self.state, self.now())?;
        Some(due.0.saturating_sub(self.now().0).max(1) * MS)
    }

    /// Decide, record, answer, act. None if it died on the way: then nobody gets an answer.
    pub fn turn(&mut self, inputs: Vec<Input>, model: &mut Model) -> Option<Vec<Answer>> {
        let at = self.now();
        let Turn { facts, answers, touched, rest, .. } = world::turn(&mut self.state, at, inputs);
        assert!(rest.is_empty(), "the turns of a small world come to rest");
        if !facts.is_empty() {
            let recorded: Vec<Recorded> = facts.into_iter().map(|fact| Recorded { at, fact }).collect();
            if self.commit(&recorded).is_err() {
                self.process.kill();
                return None;
            }
            model.committed(&recorded, &self.state, &touched, self.lsn);
        }
        if !self.process.is_alive() {
            return None;
        }
        self.act(&touched, model);
        model.answered(self.lsn, &self.disk);
        Some(answers)
    }

    fn commit(&mut self, recorded: &[Recorded]) -> windlass_disk::journal::Result<()> {
        let entries: Vec<_> = recorded.iter().map(facts::encode).collect();
        let refs: Vec<EntryRef<'_>> = entries
            .iter()
            .map(|entry| EntryRef { kind: entry.kind, format: entry.format, bytes: &entry.bytes })
            .collect();
        self.journal.append(self.state.epoch, &refs)?;
        (self.lsn, self.place, self.unproven) = (self.journal.last_lsn(), self.journal.mark(), true);
        Ok(())
    }

    fn act(&mut self, touched: &Touched, model: &mut Model) {
        for effect in world::effects(&self.state, touched) {
            match effect {
                Effect::Refresh(agent) => self.tell(agent, model),
                Effect::ReadPipeline(_) => {}
                Effect::RemoveLogs(project) => self.remove_logs(&project, model),
                Effect::EndLogs(fence) => self.to_end.push(fence),
            }
        }
    }

    /// Sends what this agent should be doing, if that changed.
    fn tell(&mut self, agent: AgentId, model: &mut Model) {
        let Some(seat) = self.seats.get_mut(&agent) else { return };
        let Some(mut assignments) = seat.told.next(&self.state) else { return };
        assignments.put.iter_mut().for_each(|put| put.secrets = self.secrets.clone());
        let (host, link) = (seat.host, seat.link);
        model.assigned(&assignments, &self.disk);
        self.send(host, link, Down::Assignments(assignments));
    }

    fn send(&mut self, host: HostId, link: LinkId, down: Down) {
        if !self.process.is_alive() {
            return;
        }
        self.out.extend(down.into_wire().into_iter().map(|wire| Out::Send(host, link, Wire::Down(Box::new(wire)))));
    }

    /// A message on connection A.
    pub fn take(&mut self, host: HostId, link: LinkId, agent: AgentId, wire: v1::FromAgent, model: &mut Model) {
        match Up::from_wire(wire) {
            Ok(Up::Hello(hello)) => self.greet(host, link, agent, hello, model),
            Ok(Up::Report(report)) => self.report(host, link, agent, report, model),
            Ok(Up::Heartbeat(_) | Up::Observation(_)) => {}
            Err(error) => model.complain(format!("an agent sends what cannot be read: {error}")),
        }
    }

    fn greet(&mut self, host: HostId, link: LinkId, agent: AgentId, wire: v1::Hello, model: &mut Model) {
        let hello = match hello::from_wire(agent, wire) {
            Ok(hello) => hello,
            Err(error) => return model.complain(format!("a Hello cannot be read: {error}")),
        };
        // A connection dies with the process that accepted it.
        let Some(sessions_before) = self.opened.get(&link).copied() else {
            return self.out.push(Out::Close(host, link));
        };
        let held: BTreeSet<Fence> = hello.held.iter().map(|held| held.fence).collect();
        let input = Input::Hello { hello: Box::new(hello), sessions_before };
        let Some(answers) = self.turn(vec![input], model) else { return };
        match answers.into_iter().next() {
            Some(Answer::Welcome { epoch, session, acked }) => {
                let seat = Seat { host, link, session, told: Told::new(agent, held) };
                if let Some(older) = self.seats.insert(agent, seat) {
                    self.out.push(Out::Close(older.host, older.link));
                }
                model.sessions.insert(agent, session);
                model.links.insert(link, session);
                self.greeted.insert(link);
                let welcome = Welcome { epoch, session, acked: acked.into_iter().collect() };
                self.send(host, link, Down::Welcome(welcome));
                self.tell(agent, model);
            }
            Some(_) | None => self.out.push(Out::Close(host, link)),
        }
    }

    fn report(&mut self, host: HostId, link: LinkId, agent: AgentId, wire: v1::Report, model: &mut Model) {
        use windlass_master::link::{Statement, statement};
        let Some(session) = model.session_of(link).filter(|_| self.greeted.contains(&link)) else { return };
        let (fence, upto) = match statement(&self.state, agent, wire) {
            Ok(Statement::Known(fence, index)) => (fence, index),
            Ok(Statement::Observation(_)) => return,
            Ok(Statement::Report(fence, line)) => {
                let input = Input::Reported { agent, session, fence, line };
                let Some(answers) = self.turn(vec![input], model) else { return };
                match answers.into_iter().next() {
                    Some(Answer::Acked { fence, upto }) => {
                        if model.sessions.get(&agent) != Some(&session) {
                            model.complain(format!("I7: a report of session {session} is taken, which is over"));
                        }
                        (fence, upto)
                    }
                    Some(other) => {
                        model.refused(&other);
                        return self.leave(host, link, agent, model);
                    }
                    None => return,
                }
            }
            Err(error) => {
                model.complain(format!("a report cannot be read: {error}"));
                return self.leave(host, link, agent, model);
            }
        };
        model.journal_must_be_synced(&self.disk, "I4: a report is acknowledged");
        self.send(host, link, Down::ReportAck(BTreeMap::from([(fence, upto)])));
    }

    /// The link is over, for whatever reason.
    pub fn leave(&mut self, host: HostId, link: LinkId, agent: AgentId, model: &mut Model) {
        self.out.push(Out::Close(host, link));
        let Some(seat) = self.seats.get(&agent).filter(|seat| seat.link == link) else { return };
        let session = seat.session;
        self.seats.remove(&agent);
        self.turn(vec![Input::SessionEnded { agent, session }], model);
    }

    /// The disk below it.
    pub fn disk(&self) -> &FaultyDisk {
        &self.disk
    }
}
