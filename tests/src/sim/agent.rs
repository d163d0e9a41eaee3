//! An agent and its host: shipped work, records and shipping, with a loop that plays sockets, children and restarts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_agent::attempts::{self, AttemptDir, State as Memory, StateDir, Store};
use windlass_agent::config::Policy;
use windlass_agent::config::files::User;
use windlass_agent::link::{Introduction, Pending, Shipping};
use windlass_agent::work::{Holdings, Settings, Shim as ShimHandle, Spawn, State};
use windlass_core::input::Offer;
use windlass_core::mask::Needles;
use windlass_core::model::{AgentId, Fence};
use windlass_disk::{Disk, DiskFile, FaultyDisk};
use windlass_proto::convert::{Down, Up};
use windlass_proto::v1;

use super::event::{HostId, LinkId, Wire};
use super::host::Clocks;
use super::model::Model;
use super::process::{Complaints, Process, ProcessDisk};
use super::rng::Rng;
use super::shim::Shim;
use super::steps::Tree;

pub(super) const STATE_DIR: &str = "/agent";
const CLUSTER: &str = "cluster";
pub(super) const SLOTS: u32 = 3;

/// A host with everything on it.
pub struct Machine {
    /// Its number.
    pub id: HostId,
    /// Whose certificate it has.
    pub agent: AgentId,
    /// Its disk.
    pub disk: FaultyDisk,
    /// Its clocks.
    pub clocks: Clocks,
    /// Counts its boots.
    pub boot: u64,
    /// The running agent.
    pub program: Option<Program>,
    /// The running shims.
    pub shims: BTreeMap<Fence, Running>,
    /// All processes of steps.
    pub trees: BTreeMap<Fence, Tree>,
    /// Nothing on it gets the processor until then.
    pub frozen_until: u64,
    /// The agent alone does not until then.
    pub paused_until: u64,
    /// Events of inotify are lost until then.
    pub deaf_until: u64,
    /// Its next look each second is planned.
    pub looking: bool,
    /// It is planned to dial.
    pub dialling: bool,
    /// What its disk had when a fault began that puts it back.
    pub image: Option<FaultyDisk>,
    /// It is gone for ever.
    pub retired: bool,
    /// How many lines of which attempts its agent held last.
    pub known: BTreeMap<Fence, usize>,
    born: Born,
}

/// A shim, and when it wakes next.
pub struct Running {
    /// The program.
    pub shim: Shim,
    /// Tells the agent that it has ended.
    pub gone: Gone,
    /// It has nothing to do before.
    pub wakes_ns: u64,
}

/// Set when a shim has ended.
pub type Gone = Arc<AtomicBool>;

type Born = Arc<Mutex<Vec<(PathBuf, Process, Box<dyn DiskFile>, Gone, Arc<Needles>)>>>;

/// A running agent.
pub struct Program {
    /// Its life.
    pub process: Process,
    /// What it decides with.
    pub state: State,
    /// The session it has, and the one it dials.
    pub session: Session,
    store: Store,
    introduction: Introduction,
}

/// Where its link is.
pub enum Session {
    /// None.
    None,
    /// A Hello went out, saying this.
    Hello(LinkId, Arc<Holdings>),
    /// It was let in.
    Live(Box<Live>),
}

/// A live session.
pub struct Live {
    /// Its connection.
    pub link: LinkId,
    number: u64,
    pending: Pending,
    shipping: Shipping,
}

struct Spawner {
    disk: ProcessDisk,
    born: Born,
    fails: Arc<AtomicBool>,
}

struct Handle(Gone, Process);

impl ShimHandle for Handle {
    fn reap(&mut self) {}

    fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn kill(&mut self) -> io::Result<()> {
        self.1.kill();
        Ok(())
    }
}

impl Spawn for Spawner {
    fn spawn(
        &self,
        dir: &Path,
        record: Box<dyn DiskFile>,
        secrets: &windlass_core::model::Secrets,
    ) -> io::Result<Box<dyn ShimHandle>> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        let (process, gone) = (Process::default(), Gone::default());
        self.disk.hand_over(&process);
        let mut born = self.born.lock().unwrap_or_else(PoisonError::into_inner);
        let needles = Arc::new(Needles::of(secrets.iter()));
        born.push((dir.to_owned(), process.clone(), record, Arc::clone(&gone), needles));
        Ok(Box::new(Handle(gone, process)))
    }
}

/// What came of something that an agent did.
pub type Done = attempts::Result<Vec<(LinkId, Wire)>>;

impl Machine {
    /// A new host whose state directory is empty.
    pub fn new(id: HostId, agent: AgentId, rng: &mut Rng) -> Self {
        Self {
            id,
            agent,
            disk: FaultyDisk::new(),
            clocks: Clocks::new(rng),
            boot: 1,
            program: None,
            shims: BTreeMap::new(),
            trees: BTreeMap::new(),
            frozen_until: 0,
            paused_until: 0,
            deaf_until: 0,
            looking: false,
            dialling: false,
            image: None,
            retired: false,
            known: BTreeMap::new(),
            born: Born::default(),
        }
    }

    /// Starts the agent's program as this process: what is found on disk is taken up.
    pub fn start(&mut self, process: &Process, complaints: &Complaints) -> attempts::Result<()> {
        let disk = ProcessDisk::new(&self.disk, process, complaints);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let dir = StateDir::new(Path::new(STATE_DIR));
        let store = Store::open(Arc::clone(&shared), Arc::new(self.clocks.clone()), &dir)?;
        let memory = Memory::load(shared, &dir, CLUSTER)?;
        let fails = Arc::default();
        let spawner = Spawner { disk, born: Arc::clone(&self.born), fails };
        let settings = self.settings();
        let offer = Offer {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            slots: SLOTS,
            projects: vec!["*".to_owned()],
            jobs: true,
            same_user: true,
            ..Offer::default()
        };
        let policy = settings.policy.digest();
        let introduction = Introduction { agent: self.agent, boot_id: settings.boot_id.clone(), offer, policy };
        let mut state = State::new(store.clone(), memory, settings, Box::new(spawner), None);
        state.take_up()?;
        let session = Session::None;
        self.program = Some(Program { process: process.clone(), state, session, store, introduction });
        Ok(())
    }

    fn settings(&self) -> Settings {
        let policy = Policy { is_set: true, projects: ["*".to_owned()].into(), ..Policy::default() };
        Settings {
            agent: format!("a{}", self.id),
            slots: SLOTS,
            policy,
            services: windlass_agent::release::place::LocalServices::default(),
            work_dir: "/work".into(),
            user: User { name: "windlass".to_owned(), home: "/".into() },
            boot_id: format!("boot-{}-{}", self.id, self.boot),
            exe: "/proc/self/exe".into(),
            ballast_bytes: 0,
        }
    }

    /// Shims that the agent has just spawned begin to exist.
    pub fn take_born(&mut self, complaints: &Complaints) -> Vec<Fence> {
        let born = std::mem::take(&mut *self.born.lock().unwrap_or_else(PoisonError::into_inner));
        let mut fences = Vec::new();
        for (dir, process, record, gone, needles) in born {
            let Some(fence) = dir.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            let disk = ProcessDisk::new(&self.disk, &process, complaints);
            let dir = AttemptDir::new(&dir);
            let shim = Shim::new(process, (fence, dir), disk, self.clocks.clone(), record, needles);
            self.shims.insert(fence, Running { shim, gone, wakes_ns: 0 });
            fences.push(fence);
        }
        fences
    }

    /// The directory of an attempt on this host.
    pub fn attempt(&self, fence: Fence) -> AttemptDir {
        StateDir::new(Path::new(STATE_DIR)).attempt(fence)
    }
}

impl Program {
    /// Says hello on a new link.
    pub fn dial(&mut self, link: LinkId, disk: &FaultyDisk, model: &mut Model) -> Done {
        let greeting = self.state.greet()?;
        let dir = StateDir::new(Path::new(STATE_DIR));
        if !disk.is_synced(&dir.state()) {
            model.complain("I4: a Hello leaves before its incarnation is synced".to_owned());
        }
        model.holds(&greeting.holdings, disk, "a Hello");
        let hello = Up::Hello(self.introduction.hello(&greeting)).into_wire();
        self.session = Session::Hello(link, greeting.holdings);
        Ok(vec![(link, Wire::Up(Box::new(hello)))])
    }

    /// A message on connection A.
    pub fn take(&mut self, link: LinkId, wire: v1::FromMaster, disk: &FaultyDisk, model: &mut Model) -> Done {
        match Down::from_wire(wire) {
            Ok(Down::Welcome(welcome)) => {
                let Session::Hello(dialled, holdings) = &self.session else { return Ok(Vec::new()) };
                if *dialled != link {
                    return Ok(Vec::new());
                }
                if self.state.begin(welcome.epoch, welcome.session)?.is_err() {
                    return Ok(self.hang_up());
                }
                model.obeyed(self.introduction.agent, welcome.epoch);
                let pending = Pending::after(&welcome.acked, holdings);
                let shipping = Shipping::new(self.store.clone(), welcome.session);
                self.session = Session::Live(Box::new(Live { link, number: welcome.session, pending, shipping }));
            }
            Ok(Down::Assignments(set)) => {
                let Some(session) = model.session_of(link) else { return Ok(Vec::new()) };
                let present =
                    matches!(&self.session, Session::Live(live) if live.number == session && live.link == link);
                if !present && matches!(&self.session, Session::Live(live) if live.number == session) {
                    // Of a master before, whose numbers began at 1 too: that connection died with it.
                    return Ok(Vec::new());
                }
                let before = if present { None } else { Some(self.state.holdings()) };
                self.state.assign(session, set)?;
                if before.is_some_and(|before| before != self.state.holdings()) {
                    model.complain("I7: assignments of a session that is over have an effect".to_owned());
                }
            }
            Ok(Down::Refusal(_)) => return Ok(self.hang_up()),
            Ok(Down::ReportAck(_) | Down::HeartbeatAck { .. }) => {}
            Err(error) => model.complain(format!("the master sends what cannot be read: {error}")),
        }
        self.publish(disk, model)
    }

    /// A message on connection B.
    pub fn take_log(&mut self, link: LinkId, wire: v1::LogDown, disk: &FaultyDisk, model: &mut Model) -> Done {
        use windlass_proto::convert::logs::Down;
        let Session::Live(live) = &mut self.session else { return Ok(Vec::new()) };
        if live.link != link {
            return Ok(Vec::new());
        }
        match Down::from_wire(wire) {
            Ok(down) if live.shipping.take(down).is_ok() => {}
            Ok(_) => live.shipping.clear(),
            Err(error) => model.complain(format!("the master sends what cannot be read: {error}")),
        }
        self.publish(disk, model)
    }

    /// Looks at records, and at locks.
    pub fn look(&mut self, locks: bool, disk: &FaultyDisk, model: &mut Model) -> Done {
        self.state.look(locks)?;
        self.publish(disk, model)
    }

    /// Sends what the master does not have yet.
    fn publish(&mut self, disk: &FaultyDisk, model: &mut Model) -> Done {
        let mut out = Vec::new();
        let Session::Live(live) = &mut self.session else { return Ok(out) };
        let holdings = self.state.holdings();
        let mut told = false;
        while let Some(report) = live.pending.next(&holdings) {
            told = true;
            out.push((live.link, Wire::Up(Box::new(Up::Report(report).into_wire()))));
        }
        if told {
            model.holds(&holdings, disk, "a report");
        }
        loop {
            match live.shipping.next(&holdings) {
                Ok(Some(up)) => out.push((live.link, Wire::LogUp(Box::new(up.into_wire())))),
                Ok(None) => return Ok(out),
                Err(_) => {
                    live.shipping.clear();
                    return Ok(out);
                }
            }
        }
    }

    /// The link is over.
    pub fn hang_up(&mut self) -> Vec<(LinkId, Wire)> {
        match std::mem::replace(&mut self.session, Session::None) {
            Session::None => Vec::new(),
            Session::Hello(link, _) => vec![(link, Wire::AgentLeft)],
            Session::Live(live) => {
                self.state.over(live.number);
                vec![(live.link, Wire::AgentLeft)]
            }
        }
    }

    /// Whether it waits for the answer to its Hello.
    pub fn is_greeting(&self, link: LinkId) -> bool {
        matches!(&self.session, Session::Hello(dialled, _) if *dialled == link)
    }

    /// The link that it has or dials.
    pub fn link(&self) -> Option<LinkId> {
        match &self.session {
            Session::None => None,
            Session::Hello(link, _) => Some(*link),
            Session::Live(live) => Some(live.link),
        }
    }

    /// What it holds.
    pub fn holdings(&self) -> Holdings {
        self.state.holdings()
    }
}
