//! Assignments against what is held: start, stop, forget. One thread owns it all; the link and the socket ask through [`Work`].
//!
//! Called by `link` (with what the master wants) and `socket` (what is held). Invariant: what core decided is on disk before it is acted
//! on or published, so a reader of [`Holdings`] sees synced lines only. It never asks what the link does: no session, lost session and
//! absent assignment change nothing here. Deliberately absent: the wire, decisions (core's `accept`, `conclude`,
//! `hung` and `strays`), ending the processes of a job whose shim lives (the shim's).

mod groups;
mod handle;
mod held;
mod holdings;
mod place;
mod room;
mod session;
mod shim;
mod start;
mod state;
mod sweep;

pub use groups::{CONTROLLERS, Cgroup, Cgroups, Groups, KernelGroups};
pub use handle::{Fatal, Work, spawn};
pub use holdings::{Attempt, Holdings, Phase};
pub use room::Room;
pub use session::{Greeting, StaleMaster};
pub use shim::{Shim, Spawn, SpawnShim, take_record_from_stdout};
pub use state::{Settings, State};

#[cfg(test)]
mod tests;
