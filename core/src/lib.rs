//! The decisions of Windlass, pure: no clock, no randomness, no disk, no network, no async runtime.
//!
//! Reading order: [`model`] (the nouns), [`input`], [`fact`] and [`effect`] (the closed vocabulary), [`answer`], then one room per
//! noun, then [`world`], which composes them.

pub mod agent;
pub mod answer;
pub mod attempt;
pub mod deploy;
pub mod effect;
pub mod fact;
pub mod input;
pub mod job;
pub mod lane;
pub mod mask;
pub mod model;
pub mod pipeline;
pub mod place;
pub mod project;
pub mod retention;
pub mod run;
pub mod secret;
pub mod touched;
pub mod world;

pub use answer::{Answer, Decision, Refusal};
pub use effect::Effect;
pub use fact::{Fact, Recorded};
pub use input::Input;
pub use touched::Touched;
pub use world::State;
