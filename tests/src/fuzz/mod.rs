//! Hostile bytes: what a bad disk or a bad peer may put before each of our readers.
//!
//! A case is a number: it seeds everything the case does, so a failing one is repeated by its number alone. Each target begins with
//! bytes that the shipped code wrote and changes them as [`mutate`] does; pure noise seldom gets past a checksum.
//!
//! | target | what is read | what must hold |
//! |---|---|---|
//! | [`journal`] | segments | refused, or a beginning of the facts that were written; never another fact |
//! | [`index`] | a log and its index | what is left after the start is a beginning of what was written |
//! | [`offsets`] | chunks and seals for a log that a master stores | what is stored is a beginning of what was written; each verdict is true |
//! | [`record`] | the record of an attempt | no line that was not written; a command that may have run is never concluded as not started |
//! | [`masker`] | a stream with secrets | no secret is seen, and how the stream was cut changes nothing |
//! | [`session`] | messages of both halves | refused by name, or a value that survives the way there and back |
//!
//! In every target: no panic. Run by the program `fuzz`.

mod index;
mod journal;
mod masker;
mod mutate;
mod offsets;
mod record;
mod run;
mod session;

pub use run::{Found, TARGETS, Target, run_case, run_for};
