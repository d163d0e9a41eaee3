//! What can be typed after `windlass`. The doc comments are the help.

mod deployments;
mod secrets;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use windlass_core::model::{JobKey, ProjectName, RunId};

pub use self::deployments::{DeployArguments, DeploymentsVerb, LaneArguments, LaneVerb};
pub use self::secrets::{ExposedArguments, SecretArguments, SecretsVerb};
use crate::output::{Colour, Format};

/// The client of Windlass, a continuous-deployment server
#[derive(Debug, Parser)]
#[command(name = "windlass", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub print: Print,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Print {
    /// How data is printed
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub output: Format,
    /// Colours besides the words of outcomes
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub color: Colour,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows it all on this machine: a push to three targets, a broken one, and the way back; half a minute
    Demo {
        /// Leave everything running until Ctrl-C, to look around
        #[arg(long)]
        keep: bool,
    },
    /// Checks a pipeline file; exit code 1 if it has errors
    Lint {
        /// The file
        #[arg(default_value = "windlass.yaml")]
        file: PathBuf,
    },
    /// Starts a run and follows it; Ctrl-C ends the following, not the run
    Run(RunArguments),
    /// Lists runs, newest first
    Runs(RunsArguments),
    /// Shows a run, or one of its jobs with every attempt and step
    Show {
        /// shop#42 or shop.42
        run: RunId,
        /// The key of a job
        job: Option<JobKey>,
    },
    /// Prints logs: of a run and of a job with the step before each line, of a step as it was written
    Logs(LogsArguments),
    /// Cancels a run or some of its jobs
    Cancel {
        /// shop#42 or shop.42
        run: RunId,
        /// Keys of jobs; none: all
        jobs: Vec<JobKey>,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
        /// Skip grace and cleanup
        #[arg(long)]
        force: bool,
        /// Do not wait until every process is gone
        #[arg(long)]
        no_wait: bool,
    },
    /// Has jobs of a run done again, in the same run: new attempts of them and of what needs them. Nothing that is there is lost
    Retry {
        /// shop#42 or shop.42
        run: RunId,
        /// Keys of jobs; none: those that failed
        jobs: Vec<JobKey>,
    },
    /// Says how a job counts of which nothing can be proven; recorded with your name
    Settle {
        /// shop#42 or shop.42
        run: RunId,
        /// The key of a job
        job: JobKey,
        /// As what: `again` makes a new attempt, although the one before may still run
        #[arg(value_enum, value_name = "AS")]
        verdict: SettleAs,
        /// How you know
        #[arg(long)]
        reason: String,
    },
    /// Says why the jobs of a run wait, or why a target runs what it runs
    Why {
        /// A run, as shop#42 or shop.42, or the name of a target
        subject: String,
    },
    /// Lists agents, shows one, pauses, readmits or removes one, or makes a join token
    Agents {
        /// What to do with them; none: list them
        #[command(subcommand)]
        verb: Option<AgentsVerb>,
    },
    /// Sets, lists and deletes secrets of a project; nothing shows a value
    Secrets {
        /// What to do with them
        #[command(subcommand)]
        verb: SecretsVerb,
    },
    #[command(flatten)]
    Deployments(DeploymentsVerb),
    /// Lists projects, or starts one after a restore
    Projects {
        /// What to do with them; none: list them
        #[command(subcommand)]
        verb: Option<ProjectsVerb>,
    },
    /// Prints what happens, as JSON lines, until Ctrl-C
    Events {
        /// Only of this project
        #[arg(long)]
        project: Option<ProjectName>,
        /// Only of this run
        #[arg(long)]
        run: Option<RunId>,
        /// Only this kind, or, as `run.`, all that begin so
        #[arg(long)]
        kind: Option<String>,
    },
    /// Remembers a master; the token is read from standard input
    Login {
        /// Its address, as https://cd.example.org:8470
        url: String,
    },
    /// Says who you are, and to which master
    Whoami,
    /// Makes an API token; it is shown once
    Token {
        /// Who it speaks for, as anna or ci-shop
        subject: String,
        /// Days until it expires
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
    },
    /// A post-receive hook of git: reads its lines from standard input, sends each as a signed delivery
    PostReceive {
        /// http://127.0.0.1:8470/hooks/shop
        url: String,
        /// The key of the project's hook
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
    },
    /// Prints what a shell needs to complete commands
    Completion {
        /// bash, zsh or fish
        shell: clap_complete::Shell,
    },
    /// Owns the processes of a demo
    #[command(hide = true)]
    Keeper,
    /// Asks the keeper of a demo to start or stop the service of a target
    #[command(hide = true)]
    KeeperAsk {
        /// Its socket
        socket: PathBuf,
        /// What it shall do
        #[arg(value_enum)]
        verb: crate::demo::ServiceVerb,
    },
    /// The service of a demo, where there is no rustc
    #[command(hide = true)]
    DemoService {
        /// Which commit of it
        #[arg(value_enum)]
        edition: crate::demo::Edition,
    },
}

/// How a job counts of which nothing can be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SettleAs {
    /// The run goes on as after a success
    Succeeded,
    /// The run goes on as after a failure
    Failed,
    /// A new attempt
    Again,
}

/// What a run is made from.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The project
    pub project: ProjectName,
    /// Of the tip of this branch [default: the main branch]
    #[arg(long)]
    pub branch: Option<String>,
    /// Of this commit, by its whole id
    #[arg(long, value_name = "COMMIT")]
    pub revision: Option<String>,
    /// Only this job and what it needs; may be given several times
    #[arg(long = "job", value_name = "JOB")]
    pub jobs: Vec<JobKey>,
    /// Do not follow it
    #[arg(long)]
    pub detach: bool,
}

/// Which runs.
#[derive(Debug, Args)]
pub struct RunsArguments {
    /// Only of this project
    pub project: Option<ProjectName>,
    /// Only of this branch
    #[arg(long)]
    pub branch: Option<String>,
    /// Only those that ended so
    #[arg(long)]
    pub outcome: Option<String>,
    /// How many
    #[arg(short, default_value_t = 20)]
    pub number: usize,
}

/// Which logs.
#[derive(Debug, Args)]
pub struct LogsArguments {
    /// shop#42 or shop.42
    pub run: RunId,
    /// The key of a job
    pub job: Option<JobKey>,
    /// Name or number of a step
    pub step: Option<String>,
    /// Go on until the log is whole
    #[arg(short, long)]
    pub follow: bool,
    /// Which try of the job [default: the newest]
    #[arg(long, requires = "step")]
    pub attempt: Option<u32>,
    /// Where to begin, in bytes; negative: from the end
    #[arg(long, requires = "step", allow_negative_numbers = true)]
    pub offset: Option<i64>,
}

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub enum AgentsVerb {
    /// Makes a join token for one agent; it is shown once, and fixes what stands here
    Token(TokenArguments),
    /// Shows one agent
    Show {
        /// Its name
        agent: String,
    },
    /// Places nothing new on an agent; what runs goes on. It stays so over restarts of master and agent
    Pause(AgentWord),
    /// Ends a pause
    Resume(AgentWord),
    /// Ends a quarantine: what the agent says next is believed, and what it does not hold is unknown(agent_lost_state)
    Readmit(AgentWord),
    /// Removes an agent for ever; what it has open is unknown(agent_removed)
    Remove(AgentWord),
}

/// What a person decides about an agent.
#[derive(Debug, Args)]
pub struct AgentWord {
    /// Its name
    pub agent: String,
    /// Why
    #[arg(long)]
    pub reason: String,
}

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectsVerb {
    /// Lets jobs of a project be placed again after the master was restored from a backup
    Start {
        /// The project
        project: ProjectName,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// What a join token fixes.
#[derive(Debug, Args)]
pub struct TokenArguments {
    /// What people will call the agent
    #[arg(long)]
    pub name: String,
    /// An environment it is a target of; may be given several times
    #[arg(long = "environment", value_name = "ENVIRONMENT")]
    pub environments: Vec<String>,
    /// A label that placement and environments trust; may be given several times
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// A project whose jobs it may run; may be given several times [default: all]
    #[arg(long = "project", value_name = "PROJECT")]
    pub projects: Vec<String>,
    /// It takes jobs of pipelines although it has an environment
    #[arg(long)]
    pub jobs: bool,
    /// Seconds until the token expires
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub expires_in: u32,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write a label as role=web")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;
