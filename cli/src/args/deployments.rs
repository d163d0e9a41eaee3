//! What the command line says about lanes, releases and deployments.

use clap::{Args, Subcommand};
use windlass_core::model::DeploymentId;

/// What to do with them.
#[derive(Debug, Subcommand)]
pub enum DeploymentsVerb {
    /// Shows every lane: what should run, and what the targets say
    Status,
    /// Shows what a deployment would do, without doing it
    Plan(LaneArguments),
    /// Deploys a release that exists
    Deploy(DeployArguments),
    /// Returns a lane to its last good release, or to another
    Rollback {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// A release, as r17 [default: the last good one]
        #[arg(long, value_name = "RELEASE")]
        to: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
        /// Follow it to its end
        #[arg(long)]
        follow: bool,
    },
    /// Ends an active deployment with the way back, or where it is
    Abort {
        /// shop/production#31 or shop.production.31
        deployment: DeploymentId,
        /// With the way back, which is the default
        #[arg(long, conflicts_with = "hold")]
        revert: bool,
        /// Where it is; the lane is mixed until a person moves it
        #[arg(long, requires = "desired")]
        hold: bool,
        /// With --hold: what the lane wants then, as r17
        #[arg(long, value_name = "RELEASE", requires = "hold")]
        desired: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Approves exactly this plan of a deployment that waits for it
    Approve {
        /// shop/production#31 or shop.production.31
        deployment: DeploymentId,
        /// The plan, by its digest or at least four digits of it
        #[arg(long, value_name = "DIGEST")]
        plan: String,
    },
    /// Has a deployment change no further target; what is in flight reaches its end
    Pause {
        /// shop/production#31 or shop.production.31
        deployment: DeploymentId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Goes on with a paused deployment, or with the next batch of one that a person promotes
    Resume {
        /// shop/production#31 or shop.production.31
        deployment: DeploymentId,
        /// Why
        #[arg(long)]
        reason: String,
        /// Follow it to its end, or to its next pause
        #[arg(long)]
        follow: bool,
    },
    /// Has nothing start on a lane; the way back stays open
    Lock {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Opens a lane that is locked
    Unlock {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lets a lane take a release again that it refuses
    Allow {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// The release, as r18
        release: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Brings targets to what their lane wants, also what is held by hand or stuck
    Converge {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// One target [default: all that are not there]
        target: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lists a target no more that has left its environments
    Forget {
        /// Its name
        target: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// A lane after a restore
    #[command(subcommand)]
    Lane(LaneVerb),
    /// Stops whatever happens by itself to targets, on all lanes, forward and back
    StopAll {
        /// Lets it go on; what was paused waits for `resume`
        #[arg(long)]
        lift: bool,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lists releases of a service, newest first
    Releases {
        /// The service
        service: String,
        /// How many
        #[arg(short, default_value_t = 20)]
        number: usize,
    },
}

/// What to do with a lane.
#[derive(Debug, Subcommand)]
pub enum LaneVerb {
    /// Lets a restored lane act again, above all that its targets have seen
    Adopt {
        /// The service
        service: String,
        /// The environment
        environment: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// A lane, and what would go along it.
#[derive(Debug, Args)]
pub struct LaneArguments {
    /// The service
    pub service: String,
    /// The environment
    pub environment: String,
    /// A release, as r18 [default: the newest of the service]
    #[arg(long)]
    pub release: Option<String>,
}

/// What to deploy.
#[derive(Debug, Args)]
pub struct DeployArguments {
    #[command(flatten)]
    pub lane: LaneArguments,
    /// Exactly this plan, by its digest or at least four digits of it, or a refusal
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// In an incident: in the place of the deployment that is paused or on its way back
    #[arg(long, requires = "reason")]
    pub take_over: bool,
    /// A release older than what the lane wants
    #[arg(long)]
    pub downgrade: bool,
    /// Do not ask the gates of what runs beforehand: a fix to a broken lane
    #[arg(long, requires = "reason")]
    pub skip_self_test: bool,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// Follow it to its end; the exit code says how it ended
    #[arg(long)]
    pub follow: bool,
}
