//! `windlass demo`: everything real, in a temporary folder: a master, a build host, three targets, a repository with its hook.
//!
//! `keeper` is this executable again: it owns every process and the folder, and ends both when the demo's pipe closes. `stage` sets
//! everything up, `story` pushes two commits and tells what happens, `check` compares what was stored, `summary` says what was
//! measured. After the start the demo is an ordinary client of the HTTP API.

mod ask;
mod check;
mod keep;
mod keeper;
mod ports;
mod program;
mod repository;
mod rustc;
mod service;
mod stage;
mod story;
mod summary;
mod tell;
mod watch;

pub use ask::{ServiceVerb, ask_for_service};
pub use keep::run;
pub use keeper::keeper;
pub use service::{Edition, run as service};
