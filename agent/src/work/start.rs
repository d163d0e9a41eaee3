//! Starting an attempt: ACCEPTED, then a shim under the lock that was taken with it. Or VOID, with the rule that said no.

use std::io;
use std::path::Path;
use std::sync::Arc;

use windlass_core::attempt::{Acceptance, Host, LineBody, accept};
use windlass_core::model::{Envelope, Fence, NotStarted, Outcome, Secrets};
use windlass_disk::safe_write;
use windlass_shim::Place;

use super::held::{Held, Live};
use super::place::{self, SEARCH_PATH};
use super::state::State;
use crate::attempts::{AttemptDir, Follow, OwnRecord, Result};

impl State {
    /// Begins a put attempt, as core decides. What is held or refused is left alone.
    pub(super) fn start(&mut self, fence: Fence, envelope: Envelope, secrets: &Secrets, cancelled: bool) -> Result<()> {
        let held = self.held.keys().copied().collect();
        let reserved = self.held.values().map(Held::reserved_bytes).sum();
        let host = Host {
            held: &held,
            floor: self.memory.floor(),
            free_slots: self.settings.slots.saturating_sub(self.held.values().map(Held::slots).sum()),
            disk: self.disk_room(reserved)?,
        };
        let policy = match self.settings.policy.denies(&envelope, &self.settings.services) {
            None => Ok(()),
            Some(rule) => Err(rule.to_owned()),
        };
        match accept(fence, &envelope, policy, cancelled, host) {
            Acceptance::Held => Ok(()),
            Acceptance::Refuse => {
                tracing::warn!(%fence, floor = %self.memory.floor(), "refused: not above the floor");
                Ok(())
            }
            Acceptance::Accept => match lacking(&envelope, secrets) {
                None => self.promise(fence, envelope, secrets),
                Some(name) => {
                    let record = self.store.begin(fence)?;
                    let reason = NotStarted::Secret(name);
                    self.void(fence, record, Vec::new(), Outcome::NotStarted { reason })
                }
            },
            Acceptance::Void(outcome) => {
                let record = self.store.begin(fence)?;
                self.void(fence, record, Vec::new(), outcome)
            }
        }
    }

    /// ACCEPTED, synced with all its directories; then the shim.
    fn promise(&mut self, fence: Fence, envelope: Envelope, secrets: &Secrets) -> Result<()> {
        let mut record = self.store.begin(fence)?;
        let dir = self.store.dir().attempt(fence);
        let place = match self.place(fence, &envelope) {
            Ok(place) => place,
            Err(error) => {
                let reason = NotStarted::SetupFailed(format!("workspace: {error}"));
                return self.void(fence, record, Vec::new(), Outcome::NotStarted { reason });
            }
        };
        let text = serde_json::to_vec(&place).expect("paths of this host are UTF-8, as its configuration is");
        safe_write::write(self.store.disk(), &Place::path_in(dir.path()), &text)?;
        let services = serde_json::to_vec(&self.settings.services).expect("texts are JSON");
        safe_write::write(self.store.disk(), &dir.services(), &services)?;
        let (run, job, attempt) = (envelope.run.clone(), envelope.job.clone(), envelope.attempt);
        let body = LineBody::Accepted { fence, envelope: Box::new(envelope), boot_id: self.settings.boot_id.clone() };
        let accepted = record.append(1, body)?;
        self.store.sync(fence)?;
        tracing::info!(%fence, %run, %job, %attempt, "accepted");
        self.spawn(fence, (dir, record, accepted), place, secrets)
    }

    fn spawn(
        &mut self,
        fence: Fence,
        (dir, record, accepted): (AttemptDir, OwnRecord, Arc<windlass_core::attempt::Line>),
        place: Place,
        secrets: &Secrets,
    ) -> Result<()> {
        if let Err(error) = self.watch(&dir) {
            tracing::warn!(%fence, %error, "changes of the attempt are seen once a second only");
        }
        let follow = Follow::open(self.store.disk(), &dir)?;
        match self.spawner.spawn(dir.path(), record.inheritable()?, secrets) {
            Ok(shim) => {
                let mut live = Live::new(follow, Some(place.workspace), place.cgroups, self.now_ms());
                live.shim = Some(shim);
                let mut held = Held::live(fence, dir, live);
                held.look(self.store.disk())?;
                self.held.insert(fence, held);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%fence, %error, "a shim could not be spawned");
                let outcome = Outcome::NotStarted { reason: NotStarted::ShimFailed };
                self.void(fence, record, vec![accepted], outcome)
            }
        }
    }

    /// VOID, synced with all its directories.
    fn void(
        &mut self,
        fence: Fence,
        mut record: OwnRecord,
        mut lines: Vec<Arc<windlass_core::attempt::Line>>,
        outcome: Outcome,
    ) -> Result<()> {
        tracing::info!(%fence, %outcome, "not started");
        let index = if lines.is_empty() { 1 } else { 2 };
        lines.push(record.append(index, LineBody::Void { outcome })?);
        self.store.sync(fence)?;
        let dir = self.store.dir().attempt(fence);
        self.held.insert(fence, Held::ended(self.store.disk(), fence, dir, lines));
        Ok(())
    }

    fn place(&self, fence: Fence, envelope: &Envelope) -> io::Result<Place> {
        let in_use = |folder: &Path| self.held.values().any(|held| held.workspace().is_some_and(|used| used == folder));
        let workspace = place::workspace(self.store.host(), &self.settings.work_dir, fence, envelope, in_use)?;
        Ok(Place {
            workspace,
            path: SEARCH_PATH.to_owned(),
            home: self.settings.user.home.to_string_lossy().into_owned(),
            user: self.settings.user.name.clone(),
            agent: self.settings.agent.clone(),
            socket: self.store.dir().socket(),
            secrets: place::secrets(self.store.dir().path(), fence),
            exe: self.settings.exe.clone(),
            cgroups: self.spawner.groups().of(fence),
            limits: envelope.limits.or(self.settings.policy.limits),
        })
    }
}

/// A secret that the steps declare and that did not come: the master could not open it.
fn lacking(envelope: &Envelope, secrets: &Secrets) -> Option<String> {
    envelope.secrets().into_iter().find(|name| secrets.get(name).is_none()).map(ToString::to_string)
}
