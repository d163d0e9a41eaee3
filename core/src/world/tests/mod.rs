//! Scenarios over whole turns, in the words of a user: what was said, what is believed then.

mod agents;
mod harness;
mod outcomes;
mod placement;
mod restore;
mod runs;
mod triggers;
