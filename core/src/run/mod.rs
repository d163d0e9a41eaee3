//! A run: one execution of a pipeline at a revision.

pub mod decide;
pub mod retry;
pub mod settle;
pub mod state;

pub use state::{Run, RunState};
