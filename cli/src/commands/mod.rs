//! The commands, one file each.

mod agents;
mod cancel;
mod completion;
mod deployments;
mod dispatch;
mod events;
mod lint;
mod login;
mod logs;
mod post_receive;
mod projects;
mod retry;
mod run;
mod runs;
mod secrets;
mod settle;

pub use dispatch::run;
