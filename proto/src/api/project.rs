//! Projects and the deliveries that reached them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// A repository (or folder) that the master watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// URL or local folder.
    pub git: String,
    /// The pipeline file, inside the repository.
    pub file: String,
    /// Where deployments come from unless an environment says otherwise.
    pub main_branch: String,
    /// A signed delivery can reach it at `/hooks/{project}`.
    pub hook: bool,
    /// Between two looks at the repository; none: it is not polled.
    pub poll_ms: Option<u64>,
    /// The master was restored from a backup then: nothing of it is placed until somebody starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Time>,
    /// Its newest run.
    pub last_run: Option<String>,
}

/// The news of a push, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The sender's id, or `poll:…` for what polling saw.
    pub id: String,
    /// For this project.
    pub project: String,
    /// `refs/heads/main`.
    pub reference: String,
    /// The commit that was pushed.
    pub revision: String,
    /// The tip before, if the sender said so.
    pub before: Option<String>,
    /// Who pushed, as far as the sender says.
    pub actor: String,
    /// When it was made durable.
    pub taken: Time,
    /// What became of it.
    pub state: DeliveryState,
    /// The run it made.
    pub run: Option<String>,
    /// Why it made none.
    pub nothing: Option<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The repository is being read.
    Reading,
    /// It made a run.
    Run,
    /// It matched nothing.
    Nothing,
}

/// The body of a signed delivery to `/hooks/{project}`: news of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HookDelivery {
    /// The branch that moved; this or `tag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The tag that moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Where it is now, a whole commit id.
    pub revision: String,
    /// Where it was, a whole commit id; none or zeros: it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Who pushed, for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// A delivery is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivered {
    /// The sender's id.
    pub id: String,
    /// The run it made, if the repository was read by then.
    pub run: Option<String>,
    /// Why it made none.
    pub nothing: Option<String>,
    /// An earlier delivery was the same; this is its answer.
    pub again: bool,
}
