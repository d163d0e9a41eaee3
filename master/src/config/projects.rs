//! Checks of `[projects.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use windlass_core::model::{Project, ProjectName};

use super::check::Checker;
use super::checked::{HookKey, Watched};
use super::file::{self, Demand};
use super::limits::{KEY_FILE_BYTES, MAIN_BRANCH, PIPELINE_FILE, POLL_RANGE};
use super::repository::{self, Repository};
use super::written;
use crate::triggers::git::reference::is_branch;

type Projects = BTreeMap<ProjectName, Project>;

impl Checker<'_> {
    pub(super) fn projects(
        &mut self,
        written: BTreeMap<Spanned<String>, written::Project>,
    ) -> (Projects, BTreeMap<ProjectName, Watched>) {
        let (mut projects, mut watched) = (BTreeMap::new(), BTreeMap::new());
        for (name, project) in written {
            let key = format!("projects.{}", name.get_ref());
            match ProjectName::new(name.get_ref()) {
                Ok(name) => {
                    let repository = self.repository(&key, &project);
                    watched.insert(name.clone(), self.watched(&key, &project, repository.local));
                    projects.insert(name, self.project(&key, project, repository.git));
                }
                Err(error) => self.wrong(Some(name.span().start), &key, error.to_string(), ""),
            }
        }
        (projects, watched)
    }

    fn repository(&mut self, key: &str, written: &written::Project) -> Repository {
        repository::check(written.git.get_ref(), written.local).unwrap_or_else(|wrong| {
            self.wrong(Some(written.git.span().start), &format!("{key}.git"), wrong.text, wrong.hint);
            Repository { git: String::new(), local: false }
        })
    }

    fn project(&mut self, key: &str, written: written::Project, git: String) -> Project {
        let file = self.or_default(written.file, PIPELINE_FILE, |checker, at, file| {
            if !is_path_inside(file) {
                let text = format!("{file:?} is not a path inside the repository");
                checker.wrong(Some(at), &format!("{key}.file"), text, "write for example \"ci/windlass.yaml\"");
            }
        });
        let main_branch = self.or_default(written.main_branch, MAIN_BRANCH, |checker, at, branch| {
            if !is_branch(branch) {
                let text = format!("{branch:?} is not the name of a branch");
                checker.wrong(Some(at), &format!("{key}.main_branch"), text, "write for example \"main\"");
            }
        });
        Project { git, file, main_branch }
    }

    fn watched(&mut self, key: &str, written: &written::Project, local: bool) -> Watched {
        let poll = self.written_span(&format!("{key}.poll"), written.poll.clone(), POLL_RANGE);
        let hook = written.hook.as_ref().and_then(|hook| self.hook_key(key, &hook.secret_file));
        Watched { local, poll, hook }
    }

    fn hook_key(&mut self, key: &str, path: &Spanned<PathBuf>) -> Option<HookKey> {
        let (key, at) = (format!("{key}.hook.secret_file"), Some(path.span().start));
        let path = path.get_ref();
        if !path.is_absolute() {
            self.wrong(at, &key, format!("{} is not an absolute path", path.display()), "");
            return None;
        }
        match file::read(path, Demand::Private, KEY_FILE_BYTES) {
            Ok(text) => {
                let found = HookKey::from_text(&text);
                if found.is_none() {
                    let text = format!("{} holds no key of {} bytes or more", path.display(), HookKey::MIN_BYTES);
                    self.wrong(at, &key, text, format!("openssl rand -hex 32 > {}", path.display()));
                }
                found
            }
            Err(error) => {
                self.wrong(at, &key, format!("{}: {error}", path.display()), error.hint(path));
                None
            }
        }
    }

    fn or_default(
        &mut self,
        written: Option<Spanned<String>>,
        default: &str,
        check: impl FnOnce(&mut Self, usize, &str),
    ) -> String {
        let Some(written) = written else { return default.to_owned() };
        check(self, written.span().start, written.get_ref());
        written.into_inner()
    }
}

/// A plain path below the root of the repository.
fn is_path_inside(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git");
    path.len() <= 255 && path.split('/').all(part) && !path.chars().any(char::is_control) && !path.contains('\\')
}
