//! Scenarios over whole turns, in the words of a user: what was said, what is believed then.

mod agents;
mod arrows;
mod harness;
mod hello;
mod outcomes;
mod people;
mod placement;
mod reconciliation;
mod restore;
mod retention;
mod retry;
mod runs;
mod secrets;
mod silence;
mod triggers;
mod turns;
