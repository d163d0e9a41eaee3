//! The command line.

use clap::{Parser, ValueEnum};

/// Kills, cuts and damages real processes, and compares what the master says with what the commands wrote down themselves.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos")]
pub(crate) struct Args {
    /// kill -9 of what
    #[arg(long, value_name = "WHAT", group = "ring")]
    pub(crate) kill: Option<Victim>,
    /// Power cut of what; needs root, a loop device and ext4
    #[arg(long, value_name = "WHAT", group = "ring")]
    pub(crate) power_cut: Option<Cut>,
    /// System calls of master and agent fail with EIO and ENOSPC
    #[arg(long, group = "ring")]
    pub(crate) faults: bool,
    /// Rounds
    #[arg(long, default_value_t = 10)]
    pub(crate) rounds: u64,
    /// Repeats a run; default: the clock
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Worlds side by side
    #[arg(long, default_value_t = 4)]
    pub(crate) worlds: u64,
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Victim {
    /// The master
    Master,
    /// An agent; its shims and steps go on
    Agent,
    /// A shim; its step goes on
    Shim,
    /// Agent, shims and steps of a host
    Tree,
    /// Master, agent, or any process of a host, at its k-th system call
    Syscall,
}

impl Victim {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Agent => "agent",
            Self::Shim => "shim",
            Self::Tree => "tree",
            Self::Syscall => "syscall",
        }
    }
}

/// Whose power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cut {
    /// The master's
    Master,
    /// A host's
    Agent,
}

impl Cut {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Agent => "agent",
        }
    }
}
