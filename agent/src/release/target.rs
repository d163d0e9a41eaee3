//! One service on this host, and one change of it: what every step of a deployment job works with.

use std::path::PathBuf;

use windlass_core::model::{Change, Hook, ServiceSpec, WayBack};

use super::command::Env;
use super::error::{Error, Result};
use super::layout::{Layout, is_release_name};
use super::log::Log;
use super::manifest::Manifest;
use super::place::{LocalServices, Place};
use super::probe::Prober;
use super::record::State;
use super::{hook, record};

/// A change of a service here.
#[derive(Debug)]
pub struct Target<'a> {
    /// What the master said.
    pub change: &'a Change,
    /// Where the service lives.
    pub place: Place,
    /// Its folder.
    pub layout: Layout,
    /// What hooks and commands of gates begin with; `WINDLASS_*` of the change is added.
    pub env: Env,
    /// Where we say what we do.
    pub log: &'a Log,
}

/// From which release to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the release of the change.
    Forward,
    /// To its way back.
    Back,
}

impl<'a> Target<'a> {
    /// The service of a change, where it lives on this host.
    pub fn of(change: &'a Change, local: &LocalServices, env: Env, log: &'a Log) -> Result<Self> {
        let place = Place::of(&change.service, &change.spec, local)?;
        let way_back = change.way_back_name();
        for name in std::iter::once(change.release.as_str()).chain(way_back) {
            if !is_release_name(name) {
                return Err(Error::Unsupported(format!("{name:?} is no name of a release")));
            }
        }
        let layout = Layout::new(&place.root);
        Ok(Self { change, place, layout, env, log })
    }

    /// What the record says, without holding the lock.
    pub fn state(&self) -> Result<State> {
        record::look(&self.layout)
    }

    /// The definition by which the linked release lives; before the first one, that of the change.
    pub fn linked_spec(&self) -> Result<ServiceSpec> {
        let manifest = match self.layout.linked()? {
            Some(name) => Manifest::read(&self.layout, &name)?,
            None => None,
        };
        Ok(manifest.map_or_else(|| self.change.spec.clone(), |manifest| manifest.spec))
    }

    /// The definition of a release that lies here, whole or not.
    pub fn spec_of(&self, release: &str) -> Result<ServiceSpec> {
        let why = || Error::NotWhole { release: release.to_owned(), why: "it has no manifest".to_owned() };
        Manifest::read(&self.layout, release)?.map(|manifest| manifest.spec).ok_or_else(why)
    }

    /// The folder in which hooks and commands of gates run: that of the linked release, by whose definition they are what they
    /// are; the root where nothing is linked.
    pub fn dir(&self) -> Result<PathBuf> {
        let linked = self.layout.linked()?.map(|name| self.layout.release(&name));
        Ok(linked.filter(|dir| dir.is_dir()).unwrap_or_else(|| self.place.root.clone()))
    }

    /// Runs a hook of a definition, if it has that one.
    pub fn hook(&self, spec: &ServiceSpec, hook: Hook, direction: Direction) -> Result<()> {
        hook::run(self, spec, hook, direction)
    }

    /// Asks the service, with this environment.
    pub fn prober<'p>(&'p self, dir: &'p std::path::Path, env: &'p Env) -> Prober<'p> {
        Prober { place: &self.place, dir, env }
    }

    /// `current` must be what the plan saw: nothing for a first release, something else.
    pub fn expect_linked(&self) -> Result<Option<String>> {
        let linked = self.layout.linked()?;
        match (&self.change.way_back, &linked) {
            (WayBack::Absent, Some(name)) => {
                Err(Error::PlanMismatch(format!("it says that nothing is installed, and current points to {name}")))
            }
            (WayBack::Release(name), None) => {
                Err(Error::PlanMismatch(format!("it says that {name} is the way back, and there is no current")))
            }
            (WayBack::Absent, None) | (WayBack::Release(_), Some(_)) => Ok(linked),
        }
    }
}

/// The way back as text.
pub trait WayBackName {
    /// The release that it returns to; none for [`WayBack::Absent`].
    fn way_back_name(&self) -> Option<&str>;
}

impl WayBackName for Change {
    fn way_back_name(&self) -> Option<&str> {
        match &self.way_back {
            WayBack::Release(name) => Some(name),
            WayBack::Absent => None,
        }
    }
}
