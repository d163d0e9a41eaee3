//! Checks of `[retention]`, of all projects and of one, and of `[logs]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use windlass_core::model::{ProjectName, Retention};

use super::check::Checker;
use super::checked::OldLogs;
use super::limits::{KEPT_RANGE, LOGS_KEPT, MOVE_AFTER, RUNS_KEPT};
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

    /// Where old logs move to, and when. The directory is made by the start.
    pub(super) fn old_logs(&mut self, written: written::Logs, data_dir: &Path) -> Option<OldLogs> {
        let after_at = written.move_after.as_ref().map(|value| value.span().start);
        let after = self.written_span("logs.move_after", written.move_after, KEPT_RANGE);
        let Some(to) = written.move_to else {
            if after_at.is_some() {
                self.wrong(after_at, "logs.move_after", "nothing says where logs move to", "add `logs.move_to`");
            }
            return None;
        };
        let (at, dir) = (to.span().start, PathBuf::from(to.into_inner()));
        if !dir.is_absolute() {
            self.wrong(Some(at), "logs.move_to", "it is not an absolute path", "begin it with /");
        } else if dir.starts_with(data_dir) {
            let text = "it lies in the data directory, so that nothing would be won";
            self.wrong(Some(at), "logs.move_to", text, "name a directory on another volume");
        }
        Some(OldLogs { dir, after: after.unwrap_or(MOVE_AFTER) })
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
