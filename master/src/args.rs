//! What can be typed after `windlass-master`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The master of Windlass.
#[derive(Debug, Parser)]
#[command(name = "windlass-master", version, about = "The master of Windlass: makes runs from pushes and rolls releases out", long_about = None)]
pub struct Arguments {
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Where the master is configured and keeps its data.
    #[command(flatten)]
    pub place: Place,
}

/// Where the master is configured and keeps its data.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The configuration [default: /etc/windlass/master.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept [default: /var/lib/windlass]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What the master's program does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve agents, people and tools until told to stop
    Serve,
    /// Make the identity of a new master, its data directory, and the first API token
    Init {
        /// Write the token into this file (mode 0600) instead of printing it
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// Check the configuration and the data directory without starting anything
    Check,
    /// Say what a start finds in the data directory of a stopped master, and which part of it is damaged
    Doctor {
        /// Write everything before the damage into this empty directory; a master started there holds every project
        #[arg(long, value_name = "DIR")]
        copy: Option<PathBuf>,
    },
    /// Write a backup into an empty directory, also while the master runs; keys are in no backup
    Backup {
        /// Where to
        dir: PathBuf,
    },
    /// Verify a backup and write it into an empty directory; a master started there holds every project
    Restore {
        /// The backup
        backup: PathBuf,
        /// The data directory to be
        dir: PathBuf,
    },
    /// Make an API token for an hour while the master is stopped
    AdminToken,
    /// Change the key of secrets
    Secrets {
        /// What to do
        #[command(subcommand)]
        verb: SecretsVerb,
    },
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

/// What is done to sealed values while the master is stopped.
#[derive(Debug, Subcommand)]
pub enum SecretsVerb {
    /// Make a new key and seal every secret with it, while the master is stopped; goes on where it was cut
    Rekey,
}
