//! The master of Windlass: the shell around `windlass-core`.
//!
//! Reading order: `app` (what is wired to what, and in which order it stops), `inbox`, `engine`, then the room you need.

pub mod app;
mod args;
mod backup;
pub mod blobs;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod engine;
mod exit;
pub mod facts;
pub mod history;
pub mod http;
pub mod identity;
pub mod inbox;
mod init;
pub mod link;
pub mod logs;
pub mod secrets;
pub mod tasks;
pub mod triggers;
pub mod turned;
pub mod vitals;
pub mod volume;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Place, SecretsVerb, Verb};
use exit::Failure;

/// Runs the program `windlass-master` with these arguments, the first of which is its own name.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    if let Err(error) = windlass_disk::memory::keep_private() {
        return exit::report(Err(Failure::Start(error)));
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Where help or usage cannot be printed there is nobody to read it.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    exit::report(perform(arguments))
}

fn perform(Arguments { verb, place }: Arguments) -> Result<(), Failure> {
    match verb.unwrap_or(Verb::Serve) {
        Verb::Serve => app::serve(configured(place)?),
        Verb::Init { token_file } => init::init(place, token_file),
        Verb::Check => check(place),
        Verb::Doctor { copy } => with_files(place, |data, _, files| backup::doctor(data, files, copy.as_deref())),
        Verb::Backup { dir } => with_files(place, |data, identity, files| backup::backup(data, identity, files, &dir)),
        Verb::Restore { backup, dir } => backup::restore(&backup, &dir),
        Verb::AdminToken => init::admin_token(&configured(place)?),
        Verb::Secrets { verb: SecretsVerb::Rekey } => secrets::rekey(&configured(place)?),
        Verb::Openapi => say(&http::openapi_json()),
    }
}

fn with_files(
    place: Place,
    act: impl FnOnce(&data_dir::DataDir, &identity::Identity, &facts::Files) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let data = data_dir::DataDir::at(&configured(place)?.data_dir);
    let identity = data.identity()?;
    act(&data, &identity, &init::files(&data, &identity))
}

fn configured(place: Place) -> Result<config::Config, Failure> {
    let flags = config::Scalars { data_dir: place.data_dir, ..config::Scalars::default() };
    let environment = std::env::vars().collect();
    Ok(config::load(config::Source { file: place.config, flags, environment })?)
}

fn check(place: Place) -> Result<(), Failure> {
    let config = configured(place)?;
    data_dir::DataDir::at(&config.data_dir).identity()?;
    let projects = config.model.projects.len();
    let environments = config.model.environments.len();
    say(&format!(
        "ok: {projects} projects, {environments} environments, data in {}, HTTP on {}, agents on {}",
        config.data_dir.display(),
        config.http_listen,
        config.agents_listen
    ))
}

/// Prints a line for people or scripts.
fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Failure::Print)
}
