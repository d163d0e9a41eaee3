//! The way of events that happen on hosts: agents, shims, links from their side.

use windlass_core::model::Fence;
use windlass_proto::v1;

use super::agent::{Done, Machine, Program, Running};
use super::event::{Event, HostId, LinkId, Wire};
use super::host::{MS, SECOND};
use super::model::Model;
use super::process::Process;
use super::shim::Around;
use super::world::World;

impl World {
    pub(super) fn start_agent(&mut self, host: HostId) {
        let startable = |machine: &&mut Machine| machine.program.is_none() && !machine.retired;
        let Some(machine) = self.machines.get_mut(host).filter(startable) else { return };
        let process = Process::default();
        let started = machine.start(&process, &self.model.complaints);
        if started.is_ok() && process.is_alive() {
            self.account(host);
            self.redial(host);
            self.keep_looking(host);
        } else {
            machine.program = None;
            let wait = self.rng.between(SECOND, 5 * SECOND);
            self.after(wait, Event::StartAgent(host));
        }
    }

    pub(super) fn dial(&mut self, host: HostId) {
        let weather = self.network.weather(host);
        let Some(machine) = self.machines.get_mut(host) else { return };
        machine.dialling = false;
        let Some(program) = &mut machine.program else { return };
        if program.link().is_some() {
            return;
        }
        let Some(master) = self.master.as_mut().filter(|_| !weather.is_deaf()) else { return self.redial(host) };
        let link = self.network.open();
        master.opened.insert(link, master.state.sessions);
        let done = program.dial(link, &machine.disk, &mut self.model);
        self.after(15 * SECOND, Event::Silent(host, link));
        self.did(host, done);
    }

    fn redial(&mut self, host: HostId) {
        let Some(machine) = self.machines.get_mut(host).filter(|machine| !machine.dialling) else { return };
        machine.dialling = true;
        let wait = self.rng.between(500 * MS, 10 * SECOND);
        self.after(wait, Event::Dial(host));
    }

    pub(super) fn look(&mut self, host: HostId, locks: bool) {
        if let Some(machine) = self.machines.get_mut(host).filter(|_| locks) {
            machine.looking = false;
        }
        self.with_agent(host, |program, machine_disk, model| program.look(locks, machine_disk, model));
    }

    pub(super) fn message_to_agent(&mut self, host: HostId, link: LinkId, message: v1::FromMaster) {
        let cancels = matches!(&message.body, Some(v1::from_master::Body::Assignments(set)) if !set.cancel.is_empty());
        self.with_agent(host, |program, disk, model| program.take(link, message, disk, model));
        if cancels {
            self.wake_shims(host);
        }
        let Some(machine) = self.machines.get(host) else { return };
        if machine.program.as_ref().is_some_and(|program| program.link().is_none()) {
            self.redial(host);
        }
    }

    pub(super) fn log_to_agent(&mut self, host: HostId, link: LinkId, message: v1::LogDown) {
        self.with_agent(host, |program, disk, model| program.take_log(link, message, disk, model));
    }

    /// The link is over on the agent's side.
    pub(super) fn agent_hears_end(&mut self, host: HostId, link: LinkId) {
        let Some(program) = self.machines.get_mut(host).and_then(|machine| machine.program.as_mut()) else { return };
        if program.link() != Some(link) {
            return;
        }
        for (link, wire) in program.hang_up() {
            self.send(host, link, wire);
        }
        self.redial(host);
    }

    fn with_agent(
        &mut self,
        host: HostId,
        act: impl FnOnce(&mut Program, &windlass_disk::FaultyDisk, &mut Model) -> Done,
    ) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        let Machine { program, disk, .. } = machine;
        let Some(program) = program else { return };
        let done = act(program, disk, &mut self.model);
        self.did(host, done);
    }

    /// What an agent did is sent, counted and compared.
    fn did(&mut self, host: HostId, done: Done) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        let Some(program) = &machine.program else { return };
        let (alive, power) = (program.process.is_alive(), program.process.lost_power());
        let born = machine.take_born(&self.model.complaints);
        let running = machine.shims.values().filter(|running| running.shim.process.is_alive()).count();
        self.model.occupied(host, running);
        for fence in &born {
            self.model.spawned(*fence, &machine.attempt(*fence), &machine.disk);
        }
        let now = self.now;
        let mut killed = Vec::new();
        for (fence, running) in machine.shims.iter_mut().filter(|(_, running)| !running.shim.process.is_alive()) {
            running.wakes_ns = now;
            killed.push(*fence);
        }
        for fence in killed {
            self.after(0, Event::Shim(host, fence));
        }
        for fence in born {
            let wait = self.rng.between(MS, 20 * MS);
            self.after(wait, Event::Shim(host, fence));
        }
        match done {
            Ok(out) if alive => {
                for (link, wire) in out {
                    self.send(host, link, wire);
                }
                self.account(host);
                self.keep_looking(host);
            }
            Ok(_) | Err(_) => self.agent_gone(host, power),
        }
    }

    /// What the agent holds is compared with what it held.
    fn account(&mut self, host: HostId) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        let Some(program) = &machine.program else { return };
        let holdings = program.holdings();
        let now: std::collections::BTreeMap<Fence, usize> =
            holdings.attempts.iter().map(|(fence, attempt)| (*fence, attempt.lines.len())).collect();
        for (fence, lines) in &machine.known {
            if !now.contains_key(fence) {
                self.model.deleted(*fence, *lines > 0);
            }
        }
        for (fence, lines) in &now {
            if machine.known.get(fence) != Some(lines) {
                self.model.record(*fence, &machine.attempt(*fence), &machine.disk);
            }
        }
        machine.known = now;
    }

    fn keep_looking(&mut self, host: HostId) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        let waits = machine.program.as_ref().is_some_and(|program| program.state.is_waiting());
        if !machine.looking && (waits || !machine.known.is_empty()) {
            machine.looking = true;
            self.after(SECOND, Event::Look(host, true));
        }
    }

    /// The agent's process is gone; the kernel closes its sockets.
    pub(super) fn agent_gone(&mut self, host: HostId, power: bool) {
        let Some(program) = self.machines.get_mut(host).and_then(|machine| machine.program.take()) else { return };
        program.process.kill();
        let link = program.link();
        drop(program);
        if power {
            return self.power_cut(host);
        }
        if let Some(link) = link {
            self.send(host, link, Wire::AgentLeft);
        }
        let wait = self.rng.between(200 * MS, 5 * SECOND);
        self.after(wait, Event::StartAgent(host));
    }

    /// Everything on the host ends at once; what was not synced may be lost.
    pub(super) fn power_cut(&mut self, host: HostId) {
        let seed = self.rng.any();
        let Some(machine) = self.machines.get_mut(host) else { return };
        let link = machine.program.as_ref().and_then(Program::link);
        machine.program = None;
        for (fence, running) in std::mem::take(&mut machine.shims) {
            running.shim.process.kill();
            self.model.lives.entry(fence).or_default().shim = false;
        }
        for (fence, tree) in &mut machine.trees {
            tree.clear();
            self.model.lives.entry(*fence).or_default().living = 0;
        }
        machine.take_born(&self.model.complaints);
        machine.shims.clear();
        machine.disk.crash(seed);
        machine.boot += 1;
        machine.frozen_until = 0;
        machine.paused_until = 0;
        if let Some(link) = link {
            self.hears_nothing(host, link);
        }
        let wait = self.rng.between(10 * SECOND, 60 * SECOND);
        self.after(wait, Event::StartAgent(host));
    }

    /// Inotify tells the shims of a host, unless its events are lost.
    fn wake_shims(&mut self, host: HostId) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(host).filter(|machine| machine.deaf_until <= now) else { return };
        let fences: Vec<Fence> = machine.shims.keys().copied().collect();
        machine.shims.values_mut().for_each(|running| running.wakes_ns = now);
        for fence in fences {
            let wait = self.rng.between(MS, 5 * MS);
            self.after(wait, Event::Shim(host, fence));
        }
    }

    pub(super) fn shim(&mut self, host: HostId, fence: Fence) {
        let (now, seed) = (self.now, self.seed);
        let Some(machine) = self.machines.get_mut(host) else { return };
        let due = |running: &Running| running.wakes_ns <= now;
        if !machine.shims.get(&fence).is_some_and(due) {
            return;
        }
        let Some(Running { mut shim, gone, .. }) = machine.shims.remove(&fence) else { return };
        let dir = machine.attempt(fence);
        let Machine { trees, disk, .. } = machine;
        let tree = trees.entry(fence).or_default();
        let (before, deaf) = (disk.operations(), machine.deaf_until > now);
        let mut around = Around { now, seed, tree, model: &mut self.model, disk };
        let wait = shim.go_on(&mut around);
        let living = tree.living_at(now);
        self.model.lives.entry(fence).or_default().living = living;
        let changed = disk.operations() != before;
        if changed {
            self.model.record(fence, &dir, disk);
            self.model.spooled(fence, &dir, disk);
        }
        let power = shim.process.lost_power();
        match wait {
            Some(ns) => {
                machine.shims.insert(fence, Running { shim, gone, wakes_ns: now + ns });
                self.after(ns, Event::Shim(host, fence));
            }
            None => {
                shim.process.kill();
                gone.store(true, std::sync::atomic::Ordering::Relaxed);
                self.model.lives.entry(fence).or_default().shim = false;
                drop(shim);
            }
        }
        if power {
            return self.power_cut(host);
        }
        if (changed || wait.is_none()) && !deaf {
            let wait = self.rng.between(MS, 5 * MS);
            self.after(wait, Event::Look(host, false));
        }
    }
}
