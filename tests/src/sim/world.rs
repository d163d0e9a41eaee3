//! The heap of events, and the way of each one.

use std::collections::BTreeMap;

use windlass_core::Input;
use windlass_core::model::Config;
use windlass_disk::FaultyDisk;

use super::agent::Machine;
use super::event::{Event, HostId, LinkId, Wire};
use super::faults::{self, KINDS};
use super::host::{Clocks, MS, SECOND};
use super::master::Master;
use super::model::Model;
use super::network::{Network, Way};
use super::people::{Wish, agent_id};
use super::rest::Rest;
use super::rng::Rng;
use super::secrets::Hidden;
use super::span::Span;
use super::trace::{Trace, Words};

/// Who lost its power then is up again after this time.
pub const HOSTS_UP: u64 = 60 * SECOND;

/// Everything there is.
pub struct World {
    /// Of this run.
    pub seed: u64,
    /// How long it is.
    pub span: Span,
    pub(super) rng: Rng,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    planned: u64,
    pub(super) network: Network,
    pub(super) master: Option<Master>,
    pub(super) master_disk: FaultyDisk,
    pub(super) master_clocks: Clocks,
    /// A backup of the master.
    pub(super) master_image: Option<FaultyDisk>,
    /// The next start of the master is the first one on a backup.
    pub(super) restored: bool,
    pub(super) master_paused_until: u64,
    pub(super) machines: Vec<Machine>,
    /// What must hold.
    pub model: Model,
    /// What happened.
    pub trace: Trace,
    /// How often each kind of fault was injected.
    pub injected: [u64; KINDS.len()],
    pub(super) wishes: Vec<Wish>,
    pub(super) config: Config,
    pub(super) hidden: Hidden,
    pub(super) segment_bytes: u64,
    pub(super) wakes_at: Option<u64>,
    /// When the master decided something last.
    pub(super) turned_at: u64,
    pub(super) waits_for_quiet: bool,
    pub(super) syncs: bool,
    /// Links whose silence will be noticed.
    silences: std::collections::BTreeSet<LinkId>,
    pub(super) rest: Rest,
}

impl World {
    /// Ten agents and about sixty jobs, with or without faults.
    pub fn new(seed: u64, span: Span, with_faults: bool, words: Words) -> Self {
        let mut rng = Rng::new(seed);
        let hosts = 10;
        let machines = (0..hosts).map(|id| Machine::new(id, agent_id(id), &mut rng)).collect();
        let config = span.config(if rng.per_mille(300) { 8 * 1024 } else { 1024 * 1024 });
        let segment_bytes = if rng.per_mille(500) { 32 * 1024 } else { 256 * 1024 };
        let wishes = (0..span.wishes()).map(|number| Wish::new(number, &mut rng)).collect();
        let mut world = Self {
            seed,
            span,
            now: 0,
            queue: BTreeMap::new(),
            planned: 0,
            network: Network::default(),
            master: None,
            master_disk: FaultyDisk::new(),
            master_clocks: Clocks::default(),
            master_image: None,
            restored: false,
            master_paused_until: 0,
            machines,
            model: Model::default(),
            trace: Trace::new(words),
            injected: [0; KINDS.len()],
            wishes,
            config,
            hidden: Hidden::of(seed),
            segment_bytes,
            wakes_at: None,
            turned_at: 0,
            waits_for_quiet: false,
            syncs: false,
            silences: std::collections::BTreeSet::new(),
            rest: Rest::default(),
            rng,
        };
        world.model.fold_all_every = span.fold_all_every();
        world.begin(hosts, with_faults);
        world
    }

    fn begin(&mut self, hosts: usize, with_faults: bool) {
        let (ask_end, faults_end) = (self.span.ask_end(), self.span.faults_end());
        self.after(0, Event::StartMaster);
        for host in 0..hosts {
            let wait = self.rng.between(MS, SECOND);
            self.after(wait, Event::StartAgent(host));
        }
        for number in 0..self.wishes.len() {
            let at = self.rng.between(SECOND, ask_end);
            self.after(at, Event::AskRun(number));
            if self.rng.per_mille(250) {
                let (wait, force) = (self.rng.between(0, 60 * SECOND), self.rng.per_mille(200));
                self.after(at + wait, Event::AskCancel(number, force));
            }
        }
        for host in 0..hosts {
            if self.rng.per_mille(200) {
                let (at, lasts) = (self.rng.between(SECOND, ask_end), self.rng.between(10 * SECOND, 400 * SECOND));
                self.after(at, Event::AskPause(host, true));
                self.after(at + lasts, Event::AskPause(host, false));
                // Whoever asks in vain asks again.
                self.after(faults_end, Event::AskPause(host, false));
            }
        }
        self.after(SECOND, Event::AskSettle);
        self.after(SECOND, Event::Checkpoint);
        self.after(faults_end + HOSTS_UP, Event::Rest);
        if with_faults {
            for (at, fault) in faults::plan(hosts, self.span, &mut self.rng) {
                self.after(at, Event::Fault(fault));
            }
        }
    }

    /// Runs to the end, or to the first violation; gives all that were found.
    pub fn run(&mut self) -> Vec<String> {
        while let Some(((at, number), event)) = self.queue.pop_first() {
            if at > self.span.end() {
                break;
            }
            self.now = at;
            self.model.pass(at);
            self.step(number, event);
            let events_max = self.span.events_max();
            if self.trace.events > events_max {
                self.model.complain(format!("I13: more than {events_max} events: somebody answers for ever"));
            }
            let found = self.model.violations();
            if !found.is_empty() {
                return found;
            }
        }
        self.model.look_at_sealed(&self.master_disk);
        self.look_at_size();
        self.look_for_secrets();
        self.model.violations()
    }

    /// No file has a secret.
    fn look_for_secrets(&mut self) {
        let disks = self.machines.iter().map(|machine| &machine.disk).chain([&self.master_disk]);
        for file in disks.flat_map(|disk| self.hidden.files(disk)).collect::<Vec<_>>() {
            self.model.complain(format!("I16: {file} has a secret"));
        }
    }

    fn step(&mut self, number: u64, event: Event) {
        if let Some(until) = self.blocked(&event) {
            // It keeps its number: what waits together does not overtake each other.
            self.queue.insert((until, number), event);
            return;
        }
        let (kind, about) = event.number();
        self.trace.note(self.now, kind, about, || format!("{event:?}").chars().take(400).collect());
        self.master_clocks.set(self.now);
        if let Some(machine) = event.host().and_then(|host| self.machines.get(host)) {
            machine.clocks.set(self.now);
        }
        if event.is_of_master() {
            self.count_living();
        }
        self.happen(event);
    }

    /// Whoever should deal with the event gets no processor until then.
    fn blocked(&self, event: &Event) -> Option<u64> {
        let of_master = event.is_of_master() && !matches!(event, Event::StartMaster);
        let until = match event.host().and_then(|host| self.machines.get(host)) {
            Some(machine) if matches!(event, Event::Shim(..)) => machine.frozen_until,
            Some(machine) => machine.frozen_until.max(machine.paused_until),
            None if of_master || event.is_of_people() => self.master_paused_until,
            None => 0,
        };
        (until > self.now).then_some(until)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::StartMaster => self.start_master(),
            Event::MasterWakes => {
                self.wakes_at = None;
                self.with_master(|master, model| _ = master.turn(vec![Input::Wake], model));
            }
            Event::MasterSyncs => {
                self.syncs = false;
                self.with_master(Master::sync_logs);
            }
            Event::Checkpoint => self.checkpoint(),
            Event::WriteCheckpoint => self.with_master(|master, _| master.write_checkpoint()),
            Event::MasterQuiet => self.quiet(),
            Event::StartAgent(host) => self.start_agent(host),
            Event::Look(host, locks) => self.look(host, locks),
            Event::Dial(host) => self.dial(host),
            Event::Shim(host, fence) => self.shim(host, fence),
            Event::Deliver(host, link, wire) => self.deliver(host, link, wire),
            Event::Silent(host, link) => self.silent(host, link),
            Event::AskRun(number) => self.ask_run(number),
            Event::AskCancel(number, force) => self.ask_cancel(number, force),
            Event::AskSettle => self.ask_settle(),
            Event::AskPause(host, on) => self.ask_pause(host, on),
            Event::AskReadmit(host) => self.ask_readmit(host),
            Event::AskStart => self.ask_start(),
            Event::Rest => self.look_at_rest(),
            Event::RollBack(host) => self.roll_back(host),
            Event::StartCopy(host) => self.start_copy(host),
            Event::EndCopy(host) => self.end_copy(host),
            Event::Restore => self.restore(),
            Event::DamageJournal => self.damage_journal(),
            Event::Fault(fault) => self.fault(fault),
            Event::Mend(fault) => self.mend(fault),
        }
    }

    /// So many nanoseconds from now.
    pub(super) fn after(&mut self, ns: u64, event: Event) {
        self.at(self.now + ns, event);
    }

    /// At this time.
    pub(super) fn at(&mut self, ns: u64, event: Event) {
        self.planned += 1;
        self.queue.insert((ns, self.planned), event);
    }

    fn count_living(&mut self) {
        let now = self.now;
        for machine in &mut self.machines {
            let Machine { trees, shims, .. } = machine;
            trees.retain(|fence, tree| {
                let living = tree.living_at(now);
                if let Some(life) = self.model.lives.get_mut(fence) {
                    life.living = living;
                }
                living > 0 || shims.contains_key(fence)
            });
        }
    }

    /// A message leaves for the other side.
    pub(super) fn send(&mut self, host: HostId, link: LinkId, wire: Wire) {
        if self.hidden.is_told(&wire) {
            self.model.complain(format!("I16: a message to or from host {host} has a secret"));
        }
        let way = match &wire {
            Wire::Up(_) | Wire::AgentLeft => Way::Control,
            Wire::Down(_) | Wire::MasterLeft => Way::ControlDown,
            Wire::LogUp(_) => Way::Bulk,
            Wire::LogDown(_) => Way::BulkDown,
        };
        match self.network.arrival(self.now, host, link, way, &mut self.rng) {
            Some(at) => self.at(at, Event::Deliver(host, link, wire)),
            None => self.hears_nothing(host, link),
        }
    }

    /// Heartbeats or their answers are lost from now on: both sides notice after a while.
    pub(super) fn hears_nothing(&mut self, host: HostId, link: LinkId) {
        if self.silences.insert(link) {
            let wait = self.rng.between(15 * SECOND, 20 * SECOND);
            self.after(wait, Event::Silent(host, link));
        }
    }

    fn deliver(&mut self, host: HostId, link: LinkId, wire: Wire) {
        let Some(agent) = self.machines.get(host).map(|machine| machine.agent) else { return };
        match wire {
            Wire::Up(message) => self.with_master(|master, model| master.take(host, link, agent, *message, model)),
            Wire::LogUp(message) => {
                self.with_master(|master, model| master.take_log(host, link, agent, *message, model))
            }
            Wire::AgentLeft => self.with_master(|master, model| master.leave(host, link, agent, model)),
            Wire::Down(message) => self.message_to_agent(host, link, *message),
            Wire::LogDown(message) => self.log_to_agent(host, link, *message),
            Wire::MasterLeft => self.agent_hears_end(host, link),
        }
    }

    fn silent(&mut self, host: HostId, link: LinkId) {
        self.silences.remove(&link);
        let Some(machine) = self.machines.get(host) else { return };
        let blocked = machine.frozen_until.max(machine.paused_until).max(self.master_paused_until) > self.now;
        let mine = machine.program.as_ref().and_then(super::agent::Program::link) == Some(link);
        let waits = machine.program.as_ref().is_some_and(|program| program.is_greeting(link));
        // A master that was started since answers with a reset.
        let known = self.master.as_ref().is_some_and(|master| master.opened.contains_key(&link));
        let theirs = self.master.as_ref().is_some_and(|master| master.seats.values().any(|seat| seat.link == link));
        if !mine && !theirs || mine && known && !blocked && !waits && !self.network.is_broken(host, link) {
            return;
        }
        self.network.cut(link);
        self.after(0, Event::Deliver(host, link, Wire::AgentLeft));
        self.after(0, Event::Deliver(host, link, Wire::MasterLeft));
    }
}
