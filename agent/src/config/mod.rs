//! `agent.toml`: what this host agrees to. Owned by the operators of the host; nothing that arrives over a session can change it.
//!
//! `written` is the file as it stands, `checked` what the agent goes by, `policy` what it takes. Invariant: a key that is not known or
//! not carried out by this version is an error with its place, never ignored.

mod checked;
mod error;
pub mod files;
mod policy;
mod written;

pub use checked::{Config, Kill};
pub use error::Error;
pub use policy::{Policy, Steps};

#[cfg(test)]
mod tests;
