//! What is not kept any longer is gone, and the answer says so: 410, with how long it was kept.

use windlass_core::State;
use windlass_core::model::{Duration, RunId};
use windlass_core::retention;
use windlass_proto::api::ProblemKind;

use super::problem::Refused;

/// Refuses a run that has expired.
pub(super) fn demand_run(state: &State, run: &RunId) -> Result<(), Refused> {
    let kept = state.config.retention_of(&run.project).runs;
    if retention::has_expired(state, run) { Err(gone(&format!("run {run} has expired"), "runs", kept)) } else { Ok(()) }
}

/// Refuses the logs of a run if they have expired.
pub(super) fn demand_logs(state: &State, run: &RunId) -> Result<(), Refused> {
    let kept = state.config.retention_of(&run.project).logs;
    match retention::has_lost_logs(state, run) {
        true => Err(gone(&format!("the logs of run {run} have expired"), "logs", kept)),
        false => Ok(()),
    }
}

fn gone(what: &str, key: &str, kept: Option<Duration>) -> Refused {
    let kept = kept.map_or_else(|| "for ever now".to_owned(), |kept| format!("for {kept}"));
    let hint = format!("`retention.{key}` of master.toml says for how long; it brings nothing back");
    Refused::new(ProblemKind::Expired, format!("{what}: {key} are kept {kept}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use windlass_core::Fact;
    use windlass_core::model::{Config, ProjectName, Retention, UnixMs};

    use super::*;

    #[test]
    fn what_has_expired_is_gone_with_a_sentence_and_what_is_kept_is_not() {
        let shop = ProjectName::new("shop").expect("a name");
        let project = windlass_core::model::Project {
            git: "/srv/git/shop".to_owned(),
            file: "windlass.yaml".to_owned(),
            main_branch: "main".to_owned(),
        };
        let days = |count: u64| Some(Duration::from_secs(count * 86_400));
        let config = Config {
            projects: [(shop.clone(), project)].into(),
            retention: Retention { runs: days(400), logs: days(90) },
            ..Config::default()
        };
        let mut state = State::default();
        for fact in [
            Fact::ConfigSet { config: Box::new(config) },
            Fact::LogsExpired { project: shop.clone(), below: 5 },
            Fact::RunsExpired { project: shop.clone(), below: 3 },
        ] {
            state.apply(UnixMs(1), &fact);
        }
        let run = |number| RunId { project: shop.clone(), number };
        let refused = |asked: Result<(), Refused>| asked.err().map(|refused| (refused.kind.status(), refused.detail));
        let text = "run shop#2 has expired: runs are kept for 400d".to_owned();
        assert_eq!(refused(demand_run(&state, &run(2))), Some((410, text)));
        assert_eq!(refused(demand_run(&state, &run(3))), None);
        let text = "the logs of run shop#4 have expired: logs are kept for 90d".to_owned();
        assert_eq!(refused(demand_logs(&state, &run(4))), Some((410, text)));
        assert_eq!(refused(demand_logs(&state, &run(5))), None);
    }
}
