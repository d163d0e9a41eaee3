//! What the command line says about secrets.

use clap::{Args, Subcommand};
use windlass_core::model::{ProjectName, SecretName};

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
    /// Deletes a secret and erases its values; who has it already keeps it
    Delete {
        #[command(flatten)]
        secret: SecretArguments,
        /// Why
        #[arg(long)]
        reason: String,
    },
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
