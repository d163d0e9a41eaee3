//! The thread `log remover`: removes the files of logs that have expired.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use windlass_core::model::ProjectName;
use windlass_disk::Disk;

use super::Published;
use crate::logs;

/// Asks the thread; it ends with the last of these. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RemoveLogs(Sender<ProjectName>);

impl RemoveLogs {
    /// Starts it. All logs lie in `dirs`; `published` says what has expired.
    pub fn start(disk: Arc<dyn Disk>, dirs: Vec<PathBuf>, published: Published) -> io::Result<Self> {
        let (asked, projects) = channel::<ProjectName>();
        let run = move || {
            for project in projects {
                let state = published.state();
                let Some(below) = state.projects.get(&project).map(|project| project.logs.from) else { continue };
                for dir in &dirs {
                    match logs::expire(&*disk, dir, &project, below) {
                        Ok(0) => {}
                        Ok(runs) => tracing::info!(%project, runs, below, "removed logs that have expired"),
                        Err(error) => {
                            tracing::error!(%project, %error, "logs that have expired stay; the next start removes them");
                        }
                    }
                }
            }
        };
        std::thread::Builder::new().name("log remover".to_owned()).spawn(run)?;
        Ok(Self(asked))
    }

    /// Takes note; what a crash leaves lying is removed by the next start.
    pub fn take(&self, project: ProjectName) {
        // If the thread has panicked, that was reported; the next start removes what it left.
        let _ = self.0.send(project);
    }
}
