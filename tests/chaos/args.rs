//! The command line.

use clap::{Parser, ValueEnum};
use windlass_tests::harness::{FileSystem, Windlass, lacks_volumes};

/// Kills, cuts and damages real processes, and compares what the master says with what the commands wrote down themselves.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos")]
pub(crate) struct Args {
    /// kill -9 of what
    #[arg(long, value_name = "WHAT", group = "ring")]
    pub(crate) kill: Option<Victim>,
    /// Power cut of whom; needs root and a loop device
    #[arg(long, value_name = "WHOSE", group = "ring")]
    pub(crate) power_cut: Option<Where>,
    /// Full disk of whom; needs root and a loop device
    #[arg(long, value_name = "WHOSE", group = "ring")]
    pub(crate) full_disk: Option<Where>,
    /// System calls of master and agent fail with EIO and ENOSPC
    #[arg(long, group = "ring")]
    pub(crate) faults: bool,
    /// Interfaces down, delay, stall, half-open, reset, 1-byte slices; needs root
    #[arg(long, group = "ring")]
    pub(crate) network: bool,
    /// A step that floods its log beside twenty that talk
    #[arg(long, group = "ring")]
    pub(crate) flood: bool,
    /// Work for --minutes with a fault every --fault-every seconds
    #[arg(long, group = "ring")]
    pub(crate) soak: bool,
    /// Of --soak
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u64,
    /// No round begins later than that; 0: all are played
    #[arg(long, default_value_t = 0)]
    pub(crate) minutes_at_most: u64,
    /// Of --soak
    #[arg(long, default_value_t = 100)]
    pub(crate) agents: u64,
    /// Of --soak
    #[arg(long, default_value_t = 2)]
    pub(crate) starts_per_second: u64,
    /// Of --soak
    #[arg(long, default_value_t = 300)]
    pub(crate) fault_every: u64,
    /// Of --power-cut and --full-disk: what the volumes are
    #[arg(long, value_enum, default_value_t = On::Ext4)]
    pub(crate) on: On,
    /// How the processes of a job are ended
    #[arg(long, value_enum, default_value_t = Mode::Auto)]
    pub(crate) mode: Mode,
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

/// Whose disk or power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    /// The master's
    Master,
    /// A host's
    Agent,
}

impl Where {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Agent => "agent",
        }
    }

    /// A world where this disk is a volume of its own.
    pub(crate) fn on_volumes(self, windlass: Windlass, file_system: FileSystem) -> Windlass {
        // A small volume has no room for the reservation of a usual log.
        let windlass = windlass.limits("log_per_attempt = \"4MiB\"").builder("b1").slots(4);
        match self {
            Self::Master => windlass.volume_of_master(file_system),
            Self::Agent => windlass.volumes_of_agents(file_system),
        }
    }
}

/// What a volume is formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// ext4, ordered
    Ext4,
    /// ext4 with data=writeback
    Writeback,
    /// XFS
    Xfs,
    /// Each in some of the worlds
    All,
}

impl On {
    /// What the volumes of the world of this number are.
    pub(crate) fn file_system(self, world: u64) -> FileSystem {
        match self {
            Self::Ext4 => FileSystem::Ext4,
            Self::Writeback => FileSystem::Ext4Writeback,
            Self::Xfs => FileSystem::Xfs,
            Self::All => [Self::Ext4, Self::Writeback, Self::Xfs][(world % 3) as usize].file_system(world),
        }
    }

    /// What this machine lacks for them, if anything.
    pub(crate) fn lacks(self) -> Option<String> {
        (0..3).find_map(|world| lacks_volumes(self.file_system(world)))
    }
}

/// How the processes of a job are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Half of the worlds by cgroup, where there is one; the others by process group
    Auto,
    /// All by cgroup; an agent that cannot does not start
    Cgroup,
    /// All by process group
    Group,
}

impl Mode {
    /// The word in `agent.toml` for the world of this number.
    pub(crate) fn word(self, world: u64) -> &'static str {
        match self {
            Self::Auto if world.is_multiple_of(2) => "auto",
            Self::Auto | Self::Group => "group",
            Self::Cgroup => "cgroup",
        }
    }
}
