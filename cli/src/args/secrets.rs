//! What the command line says about secrets.

use clap::{Args, Subcommand};
use windlass_core::model::{Duration, ProjectName, RunId, SecretName, UnixMs};
use windlass_proto::api::Time;

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum SecretsVerb {
    /// Sets a secret; the value is read from standard input. A single line loses its line break, several stay as they are
    Set {
        #[command(flatten)]
        secret: SecretArguments,
        /// Runs that are not of the main branch get it too
        #[arg(long)]
        unprotected: bool,
    },
    /// Lists the secrets of a project
    List {
        /// The project
        #[arg(long)]
        project: ProjectName,
    },
    /// Lists which values agents got: what must be changed after an incident
    Exposed(ExposedArguments),
    /// Deletes a secret and erases its values; who has it already keeps it
    Delete {
        #[command(flatten)]
        secret: SecretArguments,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Which deliveries.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ExposedArguments {
    /// What this agent got
    #[arg(long)]
    pub agent: Option<String>,
    /// What agents got for this run
    #[arg(long)]
    pub run: Option<RunId>,
    /// What was delivered since then: a time as 2026-11-22T14:02:07.113Z, or so long ago as 7d
    #[arg(long, value_parser = since)]
    pub since: Option<Time>,
}

fn since(text: &str) -> Result<Time, String> {
    if let Ok(ago) = Duration::parse(text) {
        return Ok(Time(UnixMs(crate::clock::now().0.saturating_sub(ago.ms()))));
    }
    text.parse().map_err(|_| "write a time as 2026-11-22T14:02:07.113Z, or 7d".to_owned())
}

/// Which secret.
#[derive(Debug, Args)]
pub struct SecretArguments {
    /// Its name, as TAX_KEY
    pub name: SecretName,
    /// The project
    #[arg(long)]
    pub project: ProjectName,
    /// Only for jobs that change a target of this environment
    #[arg(long)]
    pub environment: Option<String>,
}
