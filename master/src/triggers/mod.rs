//! What makes runs by itself: deliveries that have to be read, and repositories that have to be looked at.
//!
//! Reading order: [`git`] (the master's only child process), `deliveries` (effect → the repository is read → input), `poll` (changed
//! branches → deliveries). Called by the engine ([`Triggers::read`]) and by `app`; answers go through the inbox like everything else.
//! Invariant: a delivery is only a hint; what a run is made from is what the master's own fetch found. Absent: schedules, upstream runs,
//! and webhooks, which come in through `http`.

mod deliveries;
pub mod git;
mod poll;

pub use deliveries::Triggers;
pub use git::{Ask, Place, Repositories};
pub use poll::poll;
