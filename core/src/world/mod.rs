//! The state of the master and the composition of the rooms. Nothing is decided here.
//!
//! `state` holds what is believed, `apply` folds a fact into it, `turn` goes from inputs to facts, answers and effects.

mod apply;
mod keys;
mod state;
mod turn;

pub use keys::UsedKey;
pub use state::{
    AttemptRef, DeliveryResult, DeliveryState, JoinTokenState, Map, ProjectState, Queue, ServiceState, State,
};
pub use turn::{Decided, INPUTS_MAX, Rest, Turn, advance, decide, effects, next_deadline, turn, turn_behind};

#[cfg(test)]
mod tests;
