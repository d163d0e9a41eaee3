//! An agent, as the master sees it.

pub mod decide;
pub mod state;
pub mod view;

pub use state::{Agent, Presence};
pub use view::{Assignments, view};
