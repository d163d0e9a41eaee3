//! What was is put back: disks of hosts, and of the master. Afterwards much cannot be known, and the model asks for less; see
//! [`Life::tainted`](super::life::Life).

use windlass_core::model::AgentId;

use super::agent::Machine;
use super::event::{Event, HostId};
use super::faults::Fault;
use super::host::SECOND;
use super::process::Process;
use super::world::World;

impl World {
    /// What the disk of a host has now is used later.
    pub(super) fn snapshot(&mut self, host: HostId, fault: Fault) {
        let (seed, wait) = (self.rng.any(), self.rng.between(SECOND, 200 * SECOND));
        let Some(machine) = self.machines.get_mut(host) else { return };
        machine.image = Some(machine.disk.snapshot(seed));
        let agent = machine.agent;
        self.suspect(agent);
        match fault {
            Fault::Copy(_) => self.after(wait, Event::StartCopy(host)),
            _ => self.after(wait, Event::RollBack(host)),
        }
        self.after(wait + 30 * SECOND, Event::AskReadmit(host));
    }

    /// From now on nothing that this agent says of its attempts need be true.
    fn suspect(&mut self, agent: AgentId) {
        self.model.suspects.insert(agent);
        for life in self.model.lives.values_mut().filter(|life| life.agent == Some(agent) && !life.closed) {
            life.tainted = true;
        }
    }

    pub(super) fn roll_back(&mut self, host: HostId) {
        self.power_cut(host);
        let Some(machine) = self.machines.get_mut(host) else { return };
        if let Some(image) = machine.image.take() {
            machine.disk = image;
            machine.known.clear();
        }
    }

    pub(super) fn start_copy(&mut self, host: HostId) {
        let id = self.machines.len();
        let Some(first) = self.machines.get_mut(host) else { return };
        let (agent, Some(image)) = (first.agent, first.image.take()) else { return };
        let mut copy = Machine::new(id, agent, &mut self.rng);
        copy.disk = image;
        self.machines.push(copy);
        let (wait, lives) = (self.rng.between(SECOND, 30 * SECOND), self.rng.between(10 * SECOND, 200 * SECOND));
        self.after(wait, Event::StartAgent(id));
        self.after(wait + lives, Event::EndCopy(id));
    }

    pub(super) fn end_copy(&mut self, host: HostId) {
        self.power_cut(host);
        if let Some(machine) = self.machines.get_mut(host) {
            machine.retired = true;
        }
    }

    /// A backup is what the master's disk is sure to have.
    pub(super) fn back_up(&mut self, then: Event) {
        let (seed, wait) = (self.rng.any(), self.rng.between(SECOND, 300 * SECOND));
        self.master_image = Some(self.master_disk.snapshot(seed));
        self.model.backed_up();
        self.after(wait, then);
    }

    pub(super) fn restore(&mut self) {
        let Some(image) = self.master_image.take() else { return };
        let process = self.master.as_ref().map(|master| master.process.clone());
        process.as_ref().inspect(|process| Process::kill(process));
        self.master_gone(true);
        self.master_disk = image;
        self.restored = true;
        self.model.restored();
        let wait = self.rng.between(60 * SECOND, 200 * SECOND);
        self.after(wait, Event::AskStart);
    }
}
