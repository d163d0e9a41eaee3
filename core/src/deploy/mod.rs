//! A deployment: one rollout of a release along a lane. Called by `world` alone.
//!
//! Reading order: `state` (what is believed), `fold` (what a fact means), `targets` (who belongs to a lane and who serves),
//! `plan` and `request` (from a wish to a plan), `settle` (where a target is), `admit` (who may be changed now), `step` (one round of a
//! deployment), `budget` (what may fail), `join` (who comes in later), `end` (outcomes), `debts` (what a lane owes) and `catch_up` (how it pays), `drift` (what only a person mends), `decide`, `people` and
//! `take_over` (what people ask), `advance` (all of it, once per round).
//!
//! Deliberately absent, each with its seam: `before` jobs, and gates of a whole deployment (a bake without data waits).

mod admit;
mod advance;
mod budget;
mod catch_up;
mod debts;
pub mod decide;
mod drift;
mod end;
mod fold;
pub mod gate;
pub mod invariants;
mod jobs;
mod join;
pub mod people;
pub mod plan;
mod request;
mod settle;
mod show;
pub mod state;
mod step;
mod take_over;
mod targets;

pub use advance::{advance, next_deadline};
pub use drift::{drifted, left};
pub(crate) use fold::fold;
pub use jobs::change_of;
pub use plan::plan;
pub use state::{Deployment, DeploymentState, Target};

#[cfg(test)]
mod tests;
