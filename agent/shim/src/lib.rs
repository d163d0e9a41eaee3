//! The shim: the small process that runs one job attempt and outlives the agent.
//!
//! The agent starts it as `windlass-agent shim DIR`, where `DIR` is the directory of the attempt, descriptor 3 its locked record, and
//! standard input the secrets that its steps declare, if they do.
//! From then on both speak through files only: down `cancel` and `cancel.force`, up the record and the logs.
//!
//! ```text
//! start ─▶ [first child waits] ─▶ GO ─▶ run: step after step ─▶ leftovers ended ─▶ EXIT
//!   └─ cancel, or no place for the first step ─▶ VOID
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`start`] | takes the record over, refuses what is not as agreed |
//! | [`run`] | the way of an attempt from GO to EXIT |
//! | [`step`] | one step: what is executed, in what, with what outcome |
//! | [`turn`] | one wait for whatever comes next |
//! | [`pipes`] | bytes from the steps, masked, to the spool |
//! | [`secrets`] | taken from standard input, shown to steps |
//! | [`stop`] | why and when the job is stopped |
//! | [`spool`] | the disk thread: record and logs |
//! | [`process`] | fork, signals, descendants; the only unsafe code |
//!
//! Invariants: GO is on disk before anything is executed; EXIT is written only when no descendant is left; nothing is signalled that
//! is not a descendant of our own. Deliberately absent: async, network, decisions (`windlass_core::attempt` has them).

mod clock;
mod error;
mod outputs;
mod pipes;
mod place;
#[expect(unsafe_code, reason = "fork, exec and signal masks have no safe interface")]
mod process;
mod run;
mod secrets;
mod spool;
mod start;
mod step;
mod stop;
mod turn;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub use place::{Cgroups, Place};
pub use process::{CONTROLLERS, Cgroup, keep_inherited};
pub use secrets::handed;

/// The parts of a shim that need no process, for a loop that plays the rest.
pub mod parts {
    pub use crate::spool::{Chunk, Quota, StepLog, Stream};
    pub use crate::start::accepted;
    pub use crate::step::tolerated;
    pub use crate::stop::Stop;
    pub use crate::watch::Asked;
}

/// Carries out the attempt in `dir`. Needs the locked record as descriptor 3, and a process with no other thread.
///
/// The exit code is 0 if the record ends with VOID or EXIT, 74 if the disk failed, 70 if something was not as agreed with the agent.
pub fn main(dir: &Path) -> ExitCode {
    let ended = start::start(dir).and_then(run::Attempt::run);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The agent learns what happened from the record; this is for a person who reads the agent's journal.
            _ = writeln!(std::io::stderr(), "cannot carry out the attempt in {}: {error}", dir.display());
            error.exit_code()
        }
    }
}
