//! A deployment: one rollout of a release along a lane. Called by `world` alone.
//!
//! Reading order: `state` (what is believed), `fold` (what a fact means), `targets` (who belongs to a lane and who serves),
//! `plan` and `request` (from a wish to a plan), `settle` (where a target is), `admit` (who may be changed now), `step` (one round of a
//! deployment), `end` (outcomes and debts), `decide` and `people` (what people ask), `advance` (all of it, once per round).
//!
//! Deliberately absent, each with its seam: freeze windows, `before` jobs, gates of a whole deployment (a bake without
//! data waits), take-over, drift repair, and the catch-up of owed targets (the next deployment reaches them).

mod admit;
mod advance;
pub mod decide;
mod end;
mod fold;
pub mod gate;
pub mod invariants;
mod jobs;
pub mod people;
pub mod plan;
mod request;
mod settle;
mod show;
pub mod state;
mod step;
mod targets;

pub use advance::{advance, next_deadline};
pub(crate) use fold::fold;
pub use jobs::change_of;
pub use plan::plan;
pub use state::{Deployment, DeploymentState, Target};

#[cfg(test)]
mod tests;
