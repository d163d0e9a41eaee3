//! What the work thread owns, and what it does with each thing that happens.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use windlass_core::attempt::hung::Asked;
use windlass_core::attempt::strays::Strays;
use windlass_core::attempt::{Concluder, DiskRoom};
use windlass_core::model::{Envelope, Fence, Secrets, Workspace};
use windlass_proto::convert::{Assignments, Cancel, Drain, Put};

use super::held::{Held, Live, Standing};
use super::holdings::Holdings;
use super::place;
use super::room::Room;
use super::shim::Spawn;
use crate::attempts::{
    AttemptDir, Ballast, Concluded, Error, Follow, Result, State as Memory, Store, conclude, place_of,
};
use crate::config::Policy;
use crate::config::files::User;
use crate::host::Host;
use crate::release::place::LocalServices;
use crate::watch::Watch;

/// What this host agrees to and where it puts things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What people call this agent.
    pub agent: String,
    /// Jobs at once.
    pub slots: u32,
    /// What is taken.
    pub policy: Policy,
    /// Where services live here.
    pub services: LocalServices,
    /// Where workspaces are.
    pub work_dir: PathBuf,
    /// Who steps run as.
    pub user: User,
    /// The kernel's name for this boot.
    pub boot_id: String,
    /// This program, for built-in steps.
    pub exe: PathBuf,
    /// Room that is kept for evidence; 0: none.
    pub ballast_bytes: u64,
}

/// All attempts and the agent's memory. [`Work`](super::Work) asks it from other threads; a simulation asks it itself.
pub struct State {
    pub(super) store: Store,
    pub(super) memory: Memory,
    pub(super) settings: Settings,
    pub(super) spawner: Box<dyn Spawn>,
    pub(super) held: BTreeMap<Fence, Held>,
    /// What the present session put and no promise could be written for; tried again at each look.
    pub(super) waiting: BTreeMap<Fence, Waiting>,
    /// The session whose assignments count.
    pub(super) session: Option<u64>,
    watch: Option<Watch>,
    /// Who wants nothing new to follow, while somebody does.
    drained_by: Option<String>,
    /// Cancels of a set whose puts may still come in a later message of it.
    asked: BTreeMap<Fence, Cancel>,
    pub(super) strays: Strays,
    ballast: Ballast,
}

impl State {
    /// Holds nothing yet. Without a `watch` changes are seen when somebody looks.
    pub fn new(
        store: Store,
        memory: Memory,
        settings: Settings,
        spawner: Box<dyn Spawn>,
        watch: Option<Watch>,
    ) -> Self {
        let ballast = Ballast::new(store.dir(), settings.ballast_bytes);
        Self {
            store,
            memory,
            settings,
            spawner,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            session: None,
            watch,
            drained_by: None,
            asked: BTreeMap::new(),
            strays: Strays::default(),
            ballast,
        }
    }

    /// Takes up every directory that is found: shims that live are followed, all others concluded. Nothing is started.
    pub fn take_up(&mut self) -> Result<()> {
        self.ballast.keep(self.store.disk(), self.disk_room(0)?);
        for fence in self.store.list()? {
            match self.conclude(fence, Concluder::Start) {
                Err(error) if error.is_no_space() && self.ballast.give_up(self.store.disk()) => {
                    self.conclude(fence, Concluder::Start)?;
                }
                concluded => _ = concluded?,
            }
        }
        Ok(())
    }

    /// Carries out one message of a set, if it is of the present session.
    pub fn assign(&mut self, session: u64, set: Assignments) -> Result<()> {
        if self.session != Some(session) {
            tracing::warn!(session, "assignments of a session that is over");
            return Ok(());
        }
        if let Some(drain) = set.drain {
            self.drain(drain);
        }
        for cancel in set.cancel {
            self.cancel(&cancel)?;
            self.asked.insert(cancel.fence, cancel);
        }
        for put in set.put {
            self.put(put)?;
        }
        for fence in set.forget {
            self.forget(fence)?;
        }
        if !set.more {
            self.memory.raise_floor(set.floor)?;
            self.asked.clear();
        }
        Ok(())
    }

    /// What runs goes on; the master places nothing new.
    fn drain(&mut self, drain: Drain) {
        let by = drain.on.then_some(drain.by);
        if by != self.drained_by {
            match &by {
                Some(by) => tracing::info!(by = by.escape_debug().to_string(), "paused: nothing new follows"),
                None => tracing::info!("the pause is over"),
            }
        }
        self.drained_by = by;
    }

    /// Reads what shims wrote; with `try_locks` also looks whether any is gone or hangs. True if anything changed.
    pub fn look(&mut self, try_locks: bool) -> Result<bool> {
        let mut changed = false;
        let (mut free, mut swept) = (Vec::new(), Vec::new());
        if try_locks {
            self.rescue();
        }
        for (fence, held) in &mut self.held {
            changed |= held.look(self.store.disk())?;
            match &held.standing {
                Standing::Live(_) if try_locks || held.has_lost_shim() => free.push(*fence),
                Standing::Sweeping(_) => swept.push(*fence),
                Standing::Live(_) | Standing::Ended { .. } => {}
            }
        }
        for fence in swept {
            let swept = self.sweep(fence);
            changed |= self.or_later(swept)?;
        }
        for fence in free {
            let concluded = self.conclude(fence, Concluder::ShimGone);
            changed |= self.or_later(concluded)?;
        }
        if try_locks {
            for fence in self.waiting.keys().copied().collect::<Vec<_>>() {
                self.try_to_start(fence)?;
                changed = true;
            }
            self.ballast.keep(self.store.disk(), self.disk_room(0)?);
            self.tidy();
        }
        Ok(changed)
    }

    /// On a full disk nothing is unknown: the ballast goes, and the next look tries again.
    fn or_later(&self, done: Result<bool>) -> Result<bool> {
        match done {
            Err(error) if error.is_no_space() => {
                tracing::error!(%error, "no room to conclude an attempt: tried again");
                self.ballast.give_up(self.store.disk());
                Ok(false)
            }
            done => done,
        }
    }

    /// All that is held; what it shows is synced.
    pub fn holdings(&self) -> Holdings {
        Holdings { attempts: self.held.iter().map(|(fence, held)| (*fence, Arc::clone(&held.attempt))).collect() }
    }

    /// Whether anything that was put could not be promised yet.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What heartbeats say.
    pub fn room(&self) -> Result<Room> {
        let free_bytes = self.disk_room(0)?.free_bytes;
        let spool_bytes = self.held.values().map(|held| held.spool_bytes(self.store.disk())).sum();
        Ok(Room { spool_bytes, free_bytes, draining: self.drained_by.is_some() })
    }

    /// Room on the volume of the state directory, with what is reserved there.
    pub(super) fn disk_room(&self, reserved_bytes: u64) -> Result<DiskRoom> {
        let dir = self.store.dir().path();
        let volume = self.store.host().volume(dir).map_err(Error::io("ask for the room of", dir))?;
        Ok(DiskRoom { total_bytes: volume.total_bytes, free_bytes: volume.free_bytes, reserved_bytes })
    }

    pub(super) fn watch(&self, dir: &AttemptDir) -> std::io::Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.add(dir.path()))
    }

    fn put(&mut self, put: Put) -> Result<()> {
        let fence = put.fence;
        if self.held.contains_key(&fence) || self.waiting.contains_key(&fence) {
            return Ok(());
        }
        let Some(envelope) = put.envelope else {
            tracing::error!(%fence, "put without its envelope, and not held");
            return Ok(());
        };
        let cancelled = self.asked.contains_key(&fence);
        self.waiting.insert(fence, Waiting { envelope, secrets: put.secrets, cancelled });
        self.try_to_start(fence)
    }

    /// On a full disk nothing can be promised, not even VOID: the ballast goes, and the next look tries again.
    fn try_to_start(&mut self, fence: Fence) -> Result<()> {
        if !self.clear_a_try(fence)? {
            return Ok(());
        }
        let Some(put) = self.waiting.remove(&fence) else { return Ok(()) };
        match self.start(fence, put.envelope.clone(), &put.secrets, put.cancelled) {
            Err(error) if error.is_no_space() => {
                tracing::error!(%fence, %error, "no room to promise anything: tried again");
                self.ballast.give_up(self.store.disk());
                self.waiting.insert(fence, put);
                self.clear_a_try(fence).map(drop)
            }
            started => started,
        }
    }

    /// Concludes what a try on a full disk left. True if nothing is left of it, so that it may be tried again.
    fn clear_a_try(&mut self, fence: Fence) -> Result<bool> {
        let dir = self.store.dir().attempt(fence);
        if self.store.disk().exists(dir.path())? {
            let concluded = self.conclude(fence, Concluder::Start);
            self.or_later(concluded)?;
        }
        if self.held.contains_key(&fence) {
            self.waiting.remove(&fence);
        }
        Ok(!self.store.disk().exists(dir.path())?)
    }

    fn cancel(&mut self, cancel: &Cancel) -> Result<()> {
        let now_ms = self.now_ms();
        if let Some(put) = self.waiting.get_mut(&cancel.fence) {
            put.cancelled = true;
        }
        let Some(Held { standing: Standing::Live(live), .. }) = self.held.get_mut(&cancel.fence) else { return Ok(()) };
        live.was_asked(now_ms, cancel.force);
        self.store.cancel(cancel.fence, cancel.force, &cancel.by, &cancel.why)
    }

    fn forget(&mut self, fence: Fence) -> Result<()> {
        let Some(held) = self.held.get(&fence) else { return Ok(()) };
        if held.is_live() {
            // Its record was damaged while it ran, and a person has let this agent in again without it.
            tracing::error!(%fence, "it is over for the master, and its shim lives: it is stopped");
            let why = "the master has closed it".to_owned();
            return self.cancel(&Cancel { fence, force: false, by: "windlass".to_owned(), why });
        }
        let is_fresh = held.envelope().is_none_or(|envelope| envelope.workspace == Workspace::Fresh);
        if is_fresh {
            remove_folder(self.store.host(), &place::fresh(&self.settings.work_dir, fence));
        }
        self.store.forget(fence)?;
        self.held.remove(&fence);
        tracing::debug!(%fence, "forgotten");
        Ok(())
    }

    /// Looks whether the lock of an attempt is free and concludes it. True if anything changed.
    fn conclude(&mut self, fence: Fence, by: Concluder) -> Result<bool> {
        match conclude(&self.store, fence, &self.settings.boot_id, by)? {
            // A child that is being forked has the lock of a try of ours for a moment.
            Concluded::Live if self.held.contains_key(&fence) || self.waiting.contains_key(&fence) => Ok(false),
            Concluded::Live => self.re_attach(fence).map(|()| true),
            Concluded::Deleted => Ok(self.held.remove(&fence).is_some()),
            Concluded::Ended(lines) => {
                // The shim does this itself, unless it was killed.
                remove_folder(self.store.host(), &place::secrets(self.store.dir().path(), fence));
                let dir = self.store.dir().attempt(fence);
                self.held.insert(fence, Held::ended(self.store.disk(), fence, dir, lines));
                Ok(true)
            }
            Concluded::Unproven(unproven) => {
                self.begin_sweep(fence, *unproven);
                self.sweep(fence)
            }
        }
    }

    fn re_attach(&mut self, fence: Fence) -> Result<()> {
        let dir = self.store.dir().attempt(fence);
        if let Err(error) = self.watch(&dir) {
            tracing::warn!(%fence, %error, "changes of the attempt are seen once a second only");
        }
        let (workspace, cgroups) = match place_of(self.store.disk(), &dir) {
            Some(place) => (Some(place.workspace), place.cgroups),
            None => (None, None),
        };
        let follow = Follow::open(self.store.disk(), &dir)?;
        let mut live = Live::new(follow, workspace, cgroups, self.now_ms());
        if self.store.disk().exists(&dir.cancel())? {
            let force = self.store.disk().exists(&dir.cancel_force())?;
            live.asked = Some(Asked { at_ms: self.now_ms(), force });
        }
        let mut held = Held::live(fence, dir, live);
        held.look(self.store.disk())?;
        tracing::info!(%fence, "re-attached");
        self.held.insert(fence, held);
        Ok(())
    }
}

/// What was put and has no record yet.
pub(super) struct Waiting {
    envelope: Envelope,
    secrets: Secrets,
    cancelled: bool,
}

/// A folder that a job left; what cannot be removed stays for the operator, and harms nothing.
fn remove_folder(host: &dyn Host, folder: &std::path::Path) {
    match host.remove_folder(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "a folder of an attempt cannot be removed"),
    }
}
