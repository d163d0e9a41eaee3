//! The register of secrets: names, scopes and numbers. Values are the shell's alone; nothing here has ever seen one.

pub mod decide;
pub mod state;

pub use decide::{delete, granted, missing, next_number, set};
pub use state::{Grant, SecretId, SecretState};
