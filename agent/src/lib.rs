//! The agent of Windlass: the daemon on a build or production host. It dials the master, starts one shim per job attempt, ships what
//! their records and logs say, and watches the services of its host.
//!
//! Reading order: [`args`] and [`app`] (what runs beside what), [`config`], [`join`], [`attempts`] (what is on disk), [`work`] (what is
//! started, stopped and forgotten), [`link`] (the session), [`socket`] and [`builtin`] (what steps may ask), [`release`].
//!
//! `link → work → {attempts, shim}`, `builtin → release`; nothing imports `link`. Invariant: what is on disk is written before it is
//! acted on or reported, and nothing but a cancel or the job's own clock ends a running step.

pub mod app;
pub mod args;
pub mod attempts;
pub mod builtin;
pub mod clock;
pub mod config;
pub mod exit;
pub mod host;
mod identity;
pub mod join;
mod leave;
pub mod link;
mod observing;
mod pause;
pub mod release;
mod revert;
pub mod socket;
mod status;
pub mod tasks;
pub mod watch;
pub mod work;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::Failure;

/// Runs the agent, or one of its sub-commands. The first argument is the program's name.
pub fn main(args: Vec<OsString>) -> ExitCode {
    if let Err(error) = windlass_disk::memory::keep_private() {
        return exit::of(Err(Failure::new(exit::NOT_NOW, format!("memory cannot be kept private: {error}"))));
    }
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(wrong) => return exit::usage(&wrong),
    };
    match args.command() {
        Command::Shim { dir } => match work::take_record_from_stdout() {
            Ok(()) => windlass_shim::main(&dir),
            Err(error) => exit::of(Err(Failure::new(exit::DISK, format!("the record cannot be taken over: {error}")))),
        },
        Command::Step { name } => builtin::main(&name),
        Command::Run(place) => exit::of(app::run(&place)),
        Command::Check(place) => exit::of(app::check(&place)),
        Command::Pause { reason, place } => exit::of(pause::pause(&place.state_dir, &reason)),
        Command::Resume(place) => exit::of(pause::resume(&place.state_dir)),
        Command::Status { output, place } => exit::of(status::status(&place, output)),
        Command::Revert { service, to, reason } => exit::of(revert::revert(&service, to.as_deref(), &reason)),
        Command::LetGo(service) => exit::of(revert::let_go(&service)),
        Command::Leave { discard, place } => exit::of(leave::leave(&place.state_dir, discard)),
        Command::Join(join) => exit::of(join::run(&join)),
    }
}
