//! The loop of the master: decide, record, answer, act, always in that order. Nothing imports it but `app`; the others read `published`.

mod act;
mod alarm;
mod decide;
mod end_logs;
mod move_logs;
pub mod published;
mod remove_logs;
mod room;
mod task;
mod vigil;

pub use act::Act;
pub use end_logs::EndLogs;
pub use move_logs::MoveLogs;
pub use published::Published;
pub use remove_logs::RemoveLogs;
pub use task::{Ended, Engine, record};
pub use vigil::Vigil;
