//! The command line of `windlass-agent`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// The agent of Windlass.
#[derive(Debug, Parser)]
#[command(name = "windlass-agent", version, about, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    place: Place,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serves the master until it is told to stop; running jobs go on without it (the default)
    Run(Place),
    /// Enrols this host with a join token and writes agent.toml if there is none
    Join(Join),
    /// Says whether configuration, identity and state directory are right
    Check(Place),
    /// Wants nothing new placed on this host; what runs goes on. It stays so over restarts
    Pause {
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// Ends a pause of this host
    Resume(Place),
    /// Says who this host is, whether it has a session, and what it holds; also while the agent is down
    Status {
        /// For people or for programs
        #[arg(long, value_enum, default_value_t)]
        output: Output,
        #[command(flatten)]
        place: Place,
    },
    /// Puts the release before back, with all else down: no master, no network, no agent is needed. It is held there afterwards
    Revert {
        #[command(flatten)]
        service: Service,
        /// Another release that lies here, as r17 [default: what ran before the last change]
        #[arg(long, value_name = "RELEASE")]
        to: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lets deployments move a service again that was moved by hand
    LetGo(Service),
    /// Ends the life of this host as an agent: erases its key and what it holds. The agent must be stopped
    Leave {
        /// Although attempts are held whose end the master may not know
        #[arg(long)]
        discard: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Carries out one job attempt
    #[command(hide = true)]
    Shim {
        /// The attempt's directory; descriptor 3 is its locked record.
        dir: PathBuf,
    },
    /// Carries out one built-in step
    #[command(hide = true)]
    Step {
        /// The step's name; its input comes on standard input.
        name: String,
    },
}

/// How something is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines.
    #[default]
    Text,
    /// One document.
    Json,
}

/// Where the agent lives.
#[derive(Debug, Clone, ClapArgs)]
pub struct Place {
    /// The configuration of this host
    #[arg(long, value_name = "FILE", default_value = "/etc/windlass/agent.toml")]
    pub config: PathBuf,
    /// Identity, attempts and what must survive a restart
    #[arg(long, value_name = "DIR", default_value = "/var/lib/windlass-agent")]
    pub state_dir: PathBuf,
}

/// A service on this host.
#[derive(Debug, Clone, ClapArgs)]
pub struct Service {
    /// Its name
    pub service: String,
    /// The environment, where it runs here for several
    #[arg(long)]
    pub environment: Option<String>,
    #[command(flatten)]
    pub place: Place,
}

/// How to enrol.
#[derive(Debug, Clone, ClapArgs)]
pub struct Join {
    /// The master's HTTP address, as https://windlass.example.com:8470
    pub url: String,
    /// A file with the join token; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// Roots for the HTTP address, PEM, where its certificate is not from the master's own CA
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

impl Args {
    /// The command, `run` by default.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.place))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_run_is_the_default() {
        Args::command_for_test();
        let given = Args::try_parse_from(["windlass-agent", "--state-dir", "/s"]).expect("it is right");
        assert!(matches!(given.command(), Command::Run(place) if place.state_dir == Path::new("/s")));
        let shim = Args::try_parse_from(["windlass-agent", "shim", "/d"]).expect("it is right");
        assert!(matches!(shim.command(), Command::Shim { dir } if dir == Path::new("/d")));
    }

    impl Args {
        fn command_for_test() {
            <Args as CommandFactory>::command().debug_assert();
        }
    }
}
