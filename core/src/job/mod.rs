//! A job: the part of a run that one agent carries out, or an entry that a deployment carries out.

pub mod decide;
pub mod envelope;
pub mod state;

pub use state::{Cancel, Job, JobState};
