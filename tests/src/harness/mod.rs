//! Real processes with verbs. A test reads as the story of a user: start a master and agents, push, wait, kill, look.
//!
//! Every world lives in a temporary folder of its own, listens on ports that the kernel chose, and leaves neither a process nor a file.

mod agent;
mod api;
mod master;
mod process;
mod repository;
mod small_disk;
mod volume;
mod wait;
mod world;

pub use agent::Agent;
pub use api::{Api, Reply};
pub use master::Master;
pub use process::{Output, Program, children_of, end_all_in, processes_in, words_of};
pub use repository::Repository;
pub use volume::{FileSystem, Volume, lacks_volumes};
pub use wait::{WAIT, until, until_within};
pub use world::{HOOK_KEY, Windlass, World};
