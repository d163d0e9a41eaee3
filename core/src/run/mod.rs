//! A run: one execution of a pipeline at a revision.

pub mod decide;
pub mod state;

pub use state::{Run, RunState};
