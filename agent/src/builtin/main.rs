//! `windlass-agent step NAME`: reads the step's input on standard input and carries it out. Its outputs are the step's log.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use windlass_core::model::Builtin;

use super::context::{Context, Failure};
use super::{check, checkout, commit, drain, fetch, prepare, put, switch, way_back};
use crate::attempts::AttemptDir;
use crate::release::place::LocalServices;
use crate::release::{Log, hook};

/// The most bytes of an input: it came in an envelope.
const INPUT_MAX: u64 = 256 * 1024;

/// Carries out the step. The exit code is 0, 1, or 75 for trouble that may pass.
pub fn main(name: &str) -> ExitCode {
    let log = Log::new(std::io::stdout());
    match context(log).and_then(|context| Ok((input(name)?, context))) {
        Err(failure) => {
            Log::new(std::io::stderr()).line(format_args!("cannot {name}: {failure}"));
            ExitCode::from(failure.code())
        }
        Ok((builtin, context)) => match carry_out(&builtin, &context) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                context.log.line(format_args!("cannot {name}: {failure}"));
                ExitCode::from(failure.code())
            }
        },
    }
}

fn carry_out(builtin: &Builtin, context: &Context) -> Result<(), Failure> {
    match builtin {
        Builtin::Checkout { url, revision, reference } => checkout::run(url, revision, reference.as_deref(), context),
        Builtin::Fetch { files } => fetch::run(files, context),
        Builtin::Put { artifacts } => put::run(artifacts, context),
        Builtin::Drain(change) => drain::run(change, context),
        Builtin::Prepare(change) => prepare::run(change, context),
        Builtin::Switch(change) => switch::run(change, context),
        Builtin::Check(change) => check::run(change, context),
        Builtin::Commit(change) => commit::run(change, context),
        Builtin::WayBack(change) => way_back::run(change, context),
    }
}

fn input(name: &str) -> Result<Builtin, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::Failed(format!("the input cannot be read: {error}")))?;
    let builtin: Builtin = serde_json::from_str(&text)
        .map_err(|error| Failure::Failed(format!("the input is not understood: {error}")))?;
    if builtin.name() == name {
        Ok(builtin)
    } else {
        Err(Failure::Failed(format!("the input is one of {}", builtin.name())))
    }
}

/// What shim and agent say about where we are.
fn context(log: Log) -> Result<Context, Failure> {
    let attempt_dir = PathBuf::from(variable("WINDLASS_ATTEMPT_DIR")?);
    let fence = variable("WINDLASS_FENCE")?;
    Ok(Context {
        socket: PathBuf::from(variable("WINDLASS_AGENT_SOCKET")?),
        workspace: PathBuf::from(variable("WINDLASS_WORKSPACE")?),
        fence: fence.parse().map_err(|error| Failure::Failed(format!("WINDLASS_FENCE: {error}")))?,
        services: services(&AttemptDir::new(&attempt_dir))?,
        attempt_dir,
        env: hook::env_of_step(),
        log,
    })
}

fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name)
        .map_err(|_| Failure::Failed(format!("{name} is not set: the agent's shim starts built-in steps")))
}

/// Written by the agent when it accepted the attempt.
fn services(dir: &AttemptDir) -> Result<LocalServices, Failure> {
    let path = dir.services();
    let unreadable = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", path.display()));
    let text = std::fs::read(&path).map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(&error))
}
