//! Job to agent, with the reason; and why a job is waiting.

mod explain;
mod pass;

pub use explain::{Waiting, explain};
pub use pass::pass;
