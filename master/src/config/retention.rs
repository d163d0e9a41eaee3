//! Checks of `[retention]`, of all projects and of one.

use std::collections::BTreeMap;

use toml::Spanned;
use windlass_core::model::{ProjectName, Retention};

use super::check::Checker;
use super::limits::{KEPT_RANGE, LOGS_KEPT, RUNS_KEPT};
use super::written;

impl Checker<'_> {
    /// What is not written is as in `above`. A run is kept at least as long as its logs, for without it nobody finds them.
    pub(super) fn retention(&mut self, key: &str, written: written::Retention, above: Retention) -> Retention {
        let at = written.logs.as_ref().or(written.runs.as_ref()).map(|value| value.span().start);
        let runs = self.written_span(&format!("{key}.runs"), written.runs, KEPT_RANGE).or(above.runs);
        let logs = self.written_span(&format!("{key}.logs"), written.logs, KEPT_RANGE).or(above.logs);
        if let (Some(runs), Some(logs)) = (runs, logs)
            && logs > runs
        {
            let text = format!("logs would be kept for {logs}, their runs for {runs} only");
            self.wrong(at, key, text, "keep runs at least as long as logs");
        }
        Retention { runs, logs }
    }

    /// Of projects that have times of their own.
    pub(super) fn retention_by_project(
        &mut self,
        projects: &BTreeMap<Spanned<String>, written::Project>,
        above: Retention,
    ) -> BTreeMap<ProjectName, Retention> {
        let mut own = BTreeMap::new();
        for (name, project) in projects {
            let Some(written) = &project.retention else { continue };
            let retention = self.retention(&format!("projects.{}.retention", name.get_ref()), written.clone(), above);
            // A name that is none is told where projects are checked.
            own.extend(ProjectName::new(name.get_ref()).ok().map(|name| (name, retention)));
        }
        own
    }
}

/// Where nothing is written.
pub(super) const BY_DEFAULT: Retention = Retention { runs: Some(RUNS_KEPT), logs: Some(LOGS_KEPT) };
