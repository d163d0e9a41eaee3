//! Built-in steps: what the agent's own program does as a step of a job, in a child process of the shim like any other.
//!
//! The steps of deployments (`prepare`, `switch`, `check`, `commit`, `way_back`) are thin: what happens on a target is in
//! [`release`](crate::release). Invariant: once a target is touched, a step needs neither the agent nor the master.

mod archive;
pub mod ask;
pub mod check;
pub mod checkout;
pub mod commit;
pub mod context;
pub mod drain;
pub mod fetch;
mod git;
mod main;
mod paths;
pub mod prepare;
pub mod put;
pub mod switch;
pub mod way_back;

pub use context::{Context, Failure};
pub use main::main;

#[cfg(test)]
mod tests;
