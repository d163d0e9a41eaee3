//! The keys of `master.toml`, as they are written. Nothing is checked here but their types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) public_url: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) data_dir: Option<Spanned<String>>,
    pub(super) http: Http,
    pub(super) agents: Agents,
    pub(super) limits: Limits,
    pub(super) retention: Retention,
    pub(super) logs: Logs,
    pub(super) disk: Disk,
    pub(super) secrets: Secrets,
    pub(super) projects: BTreeMap<Spanned<String>, Project>,
    pub(super) environments: BTreeMap<Spanned<String>, Environment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Agents {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) lost_after: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) log_per_attempt: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Retention {
    pub(super) runs: Option<Spanned<String>>,
    pub(super) logs: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Logs {
    pub(super) move_to: Option<Spanned<String>>,
    pub(super) move_after: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Disk {
    pub(super) segment: Option<Spanned<String>>,
    pub(super) ballast: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) key_file: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Project {
    pub(super) git: Spanned<String>,
    #[serde(default)]
    pub(super) local: Option<bool>,
    #[serde(default)]
    pub(super) file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) main_branch: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) poll: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) hook: Option<Hook>,
    #[serde(default)]
    pub(super) retention: Option<Retention>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hook {
    pub(super) secret_file: Spanned<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    pub(super) targets: Spanned<BTreeMap<String, String>>,
    pub(super) projects: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) branches: Vec<Spanned<String>>,
    pub(super) deployers: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) max_unavailable: Option<Spanned<Amount>>,
    #[serde(default)]
    pub(super) rollback_at_once: Option<Spanned<Amount>>,
    #[serde(default)]
    pub(super) lost_after: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) same_user: bool,
    #[serde(default)]
    pub(super) require_cgroup: bool,
    #[serde(default)]
    pub(super) approvals: Option<Spanned<Approvals>>,
    #[serde(default)]
    pub(super) incident_approvals: Option<Spanned<Approvals>>,
    #[serde(default)]
    pub(super) freeze: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) availability: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) catch_up: CatchUp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatchUp {
    pub(super) at_once: Option<Spanned<Amount>>,
    pub(super) max_failures: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approvals {
    pub(super) required: u32,
    pub(super) from: Vec<String>,
}

/// `3` or `"10%"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    Count(i64),
    Percent(String),
}
