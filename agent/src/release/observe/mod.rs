//! Looking at the services of this host as long as the agent runs: for the bake of a deployment, for drift, for status. This
//! and the interrupted way back are all that an agent does without an assignment.
//!
//! `look` asks once, `lane` decides when and folds, `keep` remembers over a restart what is to be watched, `run` has one
//! thread per lane. Invariant: generation and releases come from the target's own record and symlink; nothing that was
//! not sampled counts as health, so a new start of the agent begins `healthy_for` anew.

mod keep;
mod lane;
mod look;
mod run;

pub use keep::kept;
pub use run::{Observer, observe_loop};

#[cfg(test)]
mod tests;
