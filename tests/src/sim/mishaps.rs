//! Faults happen, and are over.

use std::io::ErrorKind;

use super::event::{Event, HostId};
use super::faults::{Fault, pause};
use super::host::SECOND;
use super::network::Weather;
use super::process::Process;
use super::world::World;

const YEAR_MS: u64 = 365 * 24 * 3_600 * 1_000;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        if let Some(count) = self.injected.get_mut(fault.kind()) {
            *count += 1;
        }
        let until = (self.now + pause(&mut self.rng)).min(self.span.faults_end());
        match fault {
            Fault::Cut(host) => self.cut(host),
            Fault::HalfOpen(host) => {
                self.weather(host, Weather { up_lost: true, down_lost: true, slow_ns: 0 }, until, fault)
            }
            Fault::OneWay(host, up) => {
                self.weather(host, Weather { up_lost: up, down_lost: !up, slow_ns: 0 }, until, fault);
            }
            Fault::Slow(host) => {
                let slow_ns = self.rng.between(SECOND / 10, 8 * SECOND);
                self.weather(host, Weather { slow_ns, ..Weather::default() }, until, fault);
            }
            Fault::KillMaster => {
                if let Some(master) = &self.master {
                    master.process.kill();
                    self.master_gone(false);
                }
            }
            Fault::KillAgent(host) => self.agent_gone(host, false),
            Fault::KillShim(host) => self.kill_shim(host),
            Fault::MasterDies | Fault::MasterPower => {
                let (changes, done) = (self.rng.between(0, 12), self.rng.per_mille(500));
                if let Some(master) = &self.master {
                    master.process.dies_in(changes, done, fault == Fault::MasterPower);
                }
            }
            Fault::AgentDies(host) | Fault::PowerAtAgent(host) => {
                let (changes, done) = (self.rng.between(0, 16), self.rng.per_mille(500));
                let program = self.machines.get(host).and_then(|machine| machine.program.as_ref());
                if let Some(program) = program {
                    program.process.dies_in(changes, done, matches!(fault, Fault::PowerAtAgent(_)));
                }
            }
            Fault::ShimDies(host) => {
                let (changes, done) = (self.rng.between(0, 16), self.rng.per_mille(500));
                if let Some(process) = self.some_shim(host) {
                    process.dies_in(changes, done, false);
                }
            }
            Fault::Power(host) => self.power_cut(host),
            Fault::PauseMaster => {
                // A pause that ends earlier than another changes nothing: messages do not overtake each other.
                self.master_paused_until = self.master_paused_until.max(until);
                self.all_hear_nothing();
            }
            Fault::PauseAgent(host) => self.stop(host, until, false),
            Fault::Freeze(host) => self.stop(host, until, true),
            Fault::MasterDisk => {
                let at = self.master_disk.operations() + self.rng.between(0, 20);
                let kind = if self.rng.per_mille(500) { ErrorKind::Other } else { ErrorKind::StorageFull };
                self.master_disk.fail_at(at, kind);
            }
            Fault::HostDisk(host) => {
                let (changes, full) = (self.rng.between(0, 30), self.rng.per_mille(500));
                if let Some(machine) = self.machines.get(host) {
                    let kind = if full { ErrorKind::StorageFull } else { ErrorKind::Other };
                    machine.disk.fail_at(machine.disk.operations() + changes, kind);
                }
            }
            Fault::Full(host) => {
                let left = self.rng.between(0, 20_000);
                if let Some(machine) = self.machines.get(host) {
                    machine.disk.limit_bytes(machine.disk.used_bytes() + left);
                    self.at(until, Event::Mend(fault));
                }
            }
            Fault::Deaf(host) => {
                if let Some(machine) = self.machines.get_mut(host) {
                    machine.deaf_until = until;
                }
            }
            Fault::HostWall(host) => {
                let ms = self.jump_ms();
                if let Some(machine) = self.machines.get(host) {
                    machine.clocks.step_wall(ms);
                }
            }
            Fault::RollBack(host) | Fault::Copy(host) => self.snapshot(host, fault),
            Fault::Restore => self.back_up(Event::Restore),
            Fault::DamageJournal => self.back_up(Event::DamageJournal),
            Fault::DamageHost(host) => self.damage_host(host),
            Fault::DamageMaster => self.damage_master(),
            Fault::AtCheckpoint => self.die_at_checkpoint(),
            Fault::MasterWall => {
                let ms = self.jump_ms();
                self.master_clocks.step_wall(ms);
            }
        }
    }

    /// Ten years at most, forwards or backwards.
    fn jump_ms(&mut self) -> i64 {
        i64::try_from(self.rng.between(0, 20 * YEAR_MS)).unwrap_or(0) - i64::try_from(10 * YEAR_MS).unwrap_or(0)
    }

    pub(super) fn mend(&mut self, fault: Fault) {
        match fault {
            Fault::HalfOpen(host) | Fault::OneWay(host, _) | Fault::Slow(host) => {
                self.network.set_weather(host, Weather::default());
            }
            Fault::Full(host) => {
                if let Some(machine) = self.machines.get(host) {
                    machine.disk.limit_bytes(u64::MAX);
                }
            }
            _ => {}
        }
    }

    fn weather(&mut self, host: HostId, weather: Weather, until: u64, fault: Fault) {
        self.network.set_weather(host, weather);
        self.at(until, Event::Mend(fault));
        if weather.is_deaf() {
            self.hears_nothing_of(host);
        }
    }

    fn hears_nothing_of(&mut self, host: HostId) {
        let link = self.machines.get(host).and_then(|machine| machine.program.as_ref()?.link());
        if let Some(link) = link {
            self.hears_nothing(host, link);
        }
    }

    fn all_hear_nothing(&mut self) {
        for host in 0..self.machines.len() {
            self.hears_nothing_of(host);
        }
    }

    fn cut(&mut self, host: HostId) {
        let link = self.machines.get(host).and_then(|machine| machine.program.as_ref()?.link());
        if let Some(link) = link {
            self.after(0, Event::Deliver(host, link, super::event::Wire::AgentLeft));
            self.after(0, Event::Deliver(host, link, super::event::Wire::MasterLeft));
        }
    }

    fn stop(&mut self, host: HostId, until: u64, all: bool) {
        self.hears_nothing_of(host);
        if let Some(machine) = self.machines.get_mut(host) {
            match all {
                true => machine.frozen_until = machine.frozen_until.max(until),
                false => machine.paused_until = machine.paused_until.max(until),
            }
        }
    }

    fn some_shim(&mut self, host: HostId) -> Option<Process> {
        let machine = self.machines.get(host)?;
        if machine.shims.is_empty() {
            return None;
        }
        let at = self.rng.index(machine.shims.len());
        machine.shims.values().nth(at).map(|running| running.shim.process.clone())
    }

    fn kill_shim(&mut self, host: HostId) {
        let Some(process) = self.some_shim(host) else { return };
        process.kill();
        let fences: Vec<_> =
            self.machines.get(host).map_or_else(Vec::new, |machine| machine.shims.keys().copied().collect());
        let now = self.now;
        if let Some(machine) = self.machines.get_mut(host) {
            machine.shims.values_mut().for_each(|running| running.wakes_ns = now);
        }
        for fence in fences {
            self.after(0, Event::Shim(host, fence));
        }
    }
}
