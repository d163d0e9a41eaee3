//! What people read, made from the shapes of the API. Pure: each function gives text, `output` prints it.

pub mod agents;
pub mod deployment;
pub mod lanes;
pub mod log;
pub mod master;
pub mod runs;
pub mod targets;

#[cfg(test)]
mod tests;
