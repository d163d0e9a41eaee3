//! The project of the tests: its lane, the operators' environment, its service and what is pushed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::*;

pub(super) const BAKE: Duration = Duration::from_secs(120);
pub(super) const LOST: Duration = Duration::from_secs(120);

pub(super) fn lane_id() -> LaneId {
    "shop/production".parse().expect("a lane")
}

pub(super) fn deployment_id(number: u64) -> DeploymentId {
    DeploymentId { lane: lane_id(), number }
}

pub(super) fn release_id(number: u64) -> ReleaseId {
    ReleaseId { service: lane_id().service, number }
}

pub(super) fn batch(targets: Amount, budget: u32) -> BatchSpec {
    BatchSpec { bake: Some(BAKE), budget: Some(Amount::Count(budget)), ..BatchSpec::plain(targets) }
}

/// A canary, then the rest; no failure is allowed.
pub(super) fn canary() -> Vec<BatchSpec> {
    vec![batch(Amount::Count(1), 0), batch(Amount::Rest, 0)]
}

pub(super) fn environment(max_unavailable: Option<Amount>) -> Environment {
    Environment {
        targets: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
        projects: BTreeSet::from([project()]),
        branches: BTreeSet::new(),
        deployers: BTreeSet::from(["pipeline".to_owned(), "people".to_owned()]),
        max_unavailable,
        rollback_at_once: None,
        lost_after: LOST,
        same_user: false,
        require_cgroup: false,
        approvals: Approvals::default(),
        incident_approvals: Approvals::default(),
        freeze: Vec::new(),
        independent: false,
        catch_up: CatchUp::default(),
    }
}

pub(super) fn project() -> ProjectName {
    ProjectName::new("shop").expect("a name")
}

pub(super) fn spec() -> ServiceSpec {
    ServiceSpec {
        artifact: "shop.tar.zst".to_owned(),
        root: "/srv/shop".to_owned(),
        settings: BTreeMap::new(),
        hooks: BTreeMap::new(),
        gates: BTreeMap::new(),
        identity: Probe::Http("http://127.0.0.1:8080/release".to_owned()),
        keep: 5,
    }
}

/// A `deploy` entry of the pipeline file.
pub(super) fn entry(key: &str, needs: &[&str], strategy: &[BatchSpec], rules: Rules) -> JobPlan {
    let parsed = |text: &str| text.parse::<JobKey>().expect("a key");
    JobPlan {
        key: parsed(key),
        needs: needs.iter().copied().map(parsed).collect(),
        run_if: RunIf::Success,
        work: Work::Deploy(DeployWork {
            service: lane_id().service,
            environment: lane_id().environment,
            strategy: strategy.to_vec(),
            rules,
            artifact_of: parsed("build"),
        }),
    }
}
