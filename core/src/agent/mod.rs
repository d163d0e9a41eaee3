//! An agent, as the master sees it.

pub mod decide;
pub(crate) mod fold;
pub mod hello;
pub mod people;
pub mod silence;
pub mod standing;
pub mod state;
pub mod view;

pub use standing::{Quarantine, Standing, Word};
pub use state::{Agent, Presence};
pub use view::{Assignments, view};
