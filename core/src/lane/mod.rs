//! A lane: a service in an environment; the unit of ordering, locking and desired state.

pub mod state;

pub use state::Lane;
