//! From what the master believes to the shapes of the API, one file per noun. Pure: a run that is live and one that is over take the
//! same way.

mod agent;
mod attempt;
mod deployment;
mod event;
mod lane;
mod plan;
mod project;
mod release;
mod run;

pub(super) use agent::{agent, register};
pub(super) use attempt::attempt;
pub(super) use deployment::{deployment, release_word};
pub(super) use event::{Attempts, events};
pub(super) use lane::{hold, lane, plan};
pub(super) use plan::run_plan;
pub(super) use project::{delivery, project};
pub(super) use release::release;
pub(super) use run::{artifact, job, run, waiting};

use windlass_core::model::Digest;

/// How a digest is written for people and tools.
pub(super) fn digest(digest: &Digest) -> String {
    format!("blake3:{digest}")
}
