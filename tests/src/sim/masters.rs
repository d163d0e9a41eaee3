//! The way of events that happen at the master: starts, ends, what leaves it.

use windlass_core::Input;
use windlass_core::input::Enrolment;
use windlass_core::model::{AgentId, Digest};

use super::checkpoints::QUIET;
use super::event::{Event, HostId, LinkId, Wire};
use super::host::{MS, SECOND};
use super::master::{Begin, Master, Out};
use super::model::Model;
use super::people::join_token;
use super::process::Process;
use super::world::World;

impl World {
    pub(super) fn start_master(&mut self) {
        if self.master.is_some() {
            return;
        }
        let process = Process::default();
        let secrets = self.hidden.secrets();
        let (config, restored, segment_bytes) = (&self.config, self.restored, self.segment_bytes);
        let begin = Begin { config, restored, segment_bytes, secrets: &secrets };
        let started = Master::start(&self.master_disk, &process, &self.master_clocks, begin, &mut self.model);
        match started {
            Some(master) => {
                (self.restored, self.turned_at) = (false, self.now);
                self.master = Some(master);
                self.with_master(|_, _| ());
                self.enrol();
            }
            // Whoever runs the master reads why it refuses, and goes back to the backup.
            None if std::mem::take(&mut self.model.refuses) => self.restore(),
            None => {
                let wait = self.rng.between(SECOND, 5 * SECOND);
                self.after(wait, Event::StartMaster);
            }
        }
    }

    fn enrol(&mut self) {
        let agents: Vec<AgentId> = self.machines.iter().map(|machine| machine.agent).collect();
        for (number, agent) in agents.into_iter().enumerate() {
            self.with_master(|master, model| {
                if master.state.agents.contains_key(&agent) {
                    return;
                }
                let token = join_token(number);
                let request = Enrolment {
                    token: token.id.clone(),
                    csr: Digest::of(token.id.as_bytes()),
                    agent,
                    chain: "chain".to_owned(),
                };
                master.turn(vec![Input::MakeJoinToken(token), Input::Enrol(request)], model);
            });
        }
    }

    /// Lets the master do something, sends what leaves it, and notices its death.
    pub(super) fn with_master(&mut self, act: impl FnOnce(&mut Master, &mut Model)) {
        let Some(master) = &mut self.master else { return };
        let before = master.lsn;
        act(master, &mut self.model);
        master.end_logs(&mut self.model);
        let out = std::mem::take(&mut master.out);
        let (alive, power) = (master.process.is_alive(), master.process.lost_power());
        let (dirty, wakes) = (master.logs.is_dirty(), master.wakes_in_ns());
        let (lsn, unproven) = (master.lsn, master.unproven);
        for out in out {
            match out {
                Out::Send(host, link, wire) => self.send(host, link, wire),
                Out::Close(host, link) => {
                    if let Some(master) = &mut self.master {
                        master.end_calls(link);
                    }
                    self.send(host, link, Wire::MasterLeft);
                }
            }
        }
        if !alive {
            self.master_gone(power);
            return;
        }
        if dirty && !self.syncs {
            self.syncs = true;
            self.after(100 * MS, Event::MasterSyncs);
        }
        if let Some(at) = wakes.map(|ns| self.now + ns).filter(|at| self.wakes_at.is_none_or(|planned| planned > *at)) {
            self.wakes_at = Some(at);
            self.at(at, Event::MasterWakes);
        }
        if lsn > before {
            self.turned_at = self.now;
        }
        if unproven && !std::mem::replace(&mut self.waits_for_quiet, true) {
            self.at(self.turned_at + QUIET, Event::MasterQuiet);
        }
    }

    /// The last record is proven whole, unless a turn came in between.
    pub(super) fn quiet(&mut self) {
        self.waits_for_quiet = false;
        let due = self.turned_at + QUIET;
        if due > self.now {
            self.waits_for_quiet = true;
            return self.at(due, Event::MasterQuiet);
        }
        self.with_master(|master, _| master.prove());
    }

    /// Its process is gone; its sockets are closed by the kernel, unless the host is gone too.
    pub(super) fn master_gone(&mut self, power: bool) {
        self.master = None;
        self.wakes_at = None;
        if power {
            let seed = self.rng.any();
            self.master_disk.crash(seed);
        }
        let links: Vec<(HostId, LinkId)> =
            self.machines.iter().filter_map(|machine| Some((machine.id, machine.program.as_ref()?.link()?))).collect();
        for (host, link) in links {
            match power {
                true => self.hears_nothing(host, link),
                false => self.send(host, link, Wire::MasterLeft),
            }
        }
        let wait =
            if power { self.rng.between(5 * SECOND, 60 * SECOND) } else { self.rng.between(200 * MS, 5 * SECOND) };
        self.after(wait, Event::StartMaster);
    }
}
