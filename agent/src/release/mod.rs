//! A release on this target: its files, its record, what runs, and the way back. Read in this order:
//!
//! 1. [`place`] and [`layout`]: where a service lives here, and the symlink that decides what runs
//! 2. [`record`]: what the target wrote before each act; [`manifest`]: what a release on disk must look like
//! 3. [`unpack`], [`install`], [`settings`], [`retain`]: how releases come and go
//! 4. [`command`], [`http`], [`tcp`], [`probe`], [`hook`], [`check`]: asking the service, and telling it
//! 5. [`way_back`], [`recover`], [`by_hand`] and [`hold`]: how the release before comes back
//! 6. [`observe`]: looking, as long as the agent runs
//!
//! Called by the built-in steps and, for recovery and observation, by the agent itself. Invariant: an act that cannot be
//! taken back follows its synced line in the record; `current` names a whole release or nothing. Deliberately absent:
//! systemd units, secrets, a `current` that is not ours: such a plan is refused.

pub mod by_hand;
pub mod check;
pub mod clock;
pub mod command;
pub mod error;
pub mod hold;
pub mod hook;
pub mod http;
pub mod install;
pub mod layout;
pub mod log;
pub mod manifest;
pub mod observe;
pub mod place;
pub mod probe;
pub mod record;
pub mod recover;
pub mod retain;
pub mod settings;
pub mod target;
pub mod tcp;
pub mod unpack;
pub mod way_back;

pub use error::Error;
pub use layout::Layout;
pub use log::Log;
pub use place::{LocalService, LocalServices, Place};
pub use target::Target;

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod power_cuts;
