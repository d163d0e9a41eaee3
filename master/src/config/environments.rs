//! Checks of `[environments.NAME]`.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use windlass_core::model::{
    Amount, Approvals, CatchUp, Environment, EnvironmentName, Freeze, InvalidFreeze, Name, Project, ProjectName,
};

use super::check::Checker;
use super::limits::{LOST_AFTER_RANGE, TARGET_LOST_AFTER};
use super::written;
use crate::triggers::git::reference::is_branch;

impl Checker<'_> {
    pub(super) fn environments(
        &mut self,
        written: BTreeMap<Spanned<String>, written::Environment>,
        projects: &BTreeMap<ProjectName, Project>,
    ) -> BTreeMap<EnvironmentName, Environment> {
        let mut environments = BTreeMap::new();
        for (name, environment) in written {
            let key = format!("environments.{}", name.get_ref());
            match EnvironmentName::new(name.get_ref()) {
                Ok(name) => {
                    environments.insert(name, self.environment(&key, environment, projects));
                }
                Err(error) => self.wrong(Some(name.span().start), &key, error.to_string(), ""),
            }
        }
        environments
    }

    fn environment(
        &mut self,
        key: &str,
        written: written::Environment,
        projects: &BTreeMap<ProjectName, Project>,
    ) -> Environment {
        self.target_labels(key, &written.targets);
        let lost_after = self.written_span(&format!("{key}.lost_after"), written.lost_after, LOST_AFTER_RANGE);
        Environment {
            projects: self.names_of_projects(key, &written.projects, projects),
            branches: self.branches(key, written.branches),
            deployers: self.deployers(key, written.deployers),
            max_unavailable: self.amount(&format!("{key}.max_unavailable"), written.max_unavailable),
            rollback_at_once: self.amount(&format!("{key}.rollback_at_once"), written.rollback_at_once),
            lost_after: lost_after.unwrap_or(TARGET_LOST_AFTER),
            same_user: written.same_user,
            require_cgroup: written.require_cgroup,
            approvals: self.approvals(&format!("{key}.approvals"), written.approvals),
            incident_approvals: self.approvals(&format!("{key}.incident_approvals"), written.incident_approvals),
            freeze: self.freeze(&format!("{key}.freeze"), &written.freeze),
            independent: self.availability(&format!("{key}.availability"), written.availability.as_ref()),
            catch_up: self.catch_up(&format!("{key}.catch_up"), written.catch_up),
            targets: written.targets.into_inner(),
        }
    }

    fn target_labels(&mut self, key: &str, labels: &Spanned<BTreeMap<String, String>>) {
        let (key, at) = (format!("{key}.targets"), Some(labels.span().start));
        if labels.get_ref().is_empty() {
            self.wrong(at, &key, "no label would make every agent a target", "write for example { env = \"prod\" }");
        }
        for (label, value) in labels.get_ref() {
            let visible = value.bytes().all(|b| b.is_ascii_graphic());
            if Name::new(label).is_err() || value.is_empty() || value.len() > 255 || !visible {
                self.wrong(at, &key, format!("{label:?} = {value:?} is not a label"), "");
            }
        }
    }

    fn names_of_projects(
        &mut self,
        key: &str,
        written: &Spanned<Vec<Spanned<String>>>,
        projects: &BTreeMap<ProjectName, Project>,
    ) -> BTreeSet<ProjectName> {
        let key = format!("{key}.projects");
        if written.get_ref().is_empty() {
            self.wrong(Some(written.span().start), &key, "nobody could deploy here", "name a project");
        }
        let mut names = BTreeSet::new();
        for name in written.get_ref() {
            match ProjectName::new(name.get_ref()) {
                Ok(name) if projects.contains_key(&name) => {
                    names.insert(name);
                }
                Ok(_) | Err(_) => {
                    let text = format!("there is no project {:?}", name.get_ref());
                    self.wrong(Some(name.span().start), &key, text, "name a project of this file");
                }
            }
        }
        names
    }

    fn branches(&mut self, key: &str, written: Vec<Spanned<String>>) -> BTreeSet<String> {
        for branch in written.iter().filter(|branch| !is_branch(branch.get_ref())) {
            let text = format!("{:?} is not the name of a branch", branch.get_ref());
            self.wrong(Some(branch.span().start), &format!("{key}.branches"), text, "globs are not taken here");
        }
        written.into_iter().map(Spanned::into_inner).collect()
    }

    fn deployers(&mut self, key: &str, written: Spanned<Vec<Spanned<String>>>) -> BTreeSet<String> {
        let key = format!("{key}.deployers");
        if written.get_ref().is_empty() {
            let hint = "\"pipeline\": a run by itself; \"people\": all who may; or their names";
            self.wrong(Some(written.span().start), &key, "nobody could deploy here", hint);
        }
        for name in written.get_ref().iter().filter(|name| Name::new(name.get_ref()).is_err()) {
            self.wrong(Some(name.span().start), &key, format!("{:?} is not a name", name.get_ref()), "");
        }
        written.into_inner().into_iter().map(Spanned::into_inner).collect()
    }

    fn approvals(&mut self, key: &str, written: Option<Spanned<written::Approvals>>) -> Approvals {
        let Some(written) = written else { return Approvals::default() };
        let (at, written) = (Some(written.span().start), written.into_inner());
        for name in written.from.iter().filter(|name| Name::new(name).is_err()) {
            self.wrong(at, key, format!("{name:?} is not a name"), "");
        }
        let (required, from) = (written.required, written.from.into_iter().collect::<BTreeSet<_>>());
        if required == 0 || required as usize > from.len() {
            let text = format!("{required} of {} people can not be required", from.len());
            self.wrong(at, key, text, "write for example { required = 1, from = [\"lena\", \"tom\"] }");
        }
        Approvals { required, from }
    }

    fn freeze(&mut self, key: &str, written: &[Spanned<String>]) -> Vec<Freeze> {
        let mut windows = Vec::new();
        for window in written {
            match window.get_ref().parse() {
                Ok(window) => windows.push(window),
                Err(error) => {
                    let error: InvalidFreeze = error;
                    self.wrong(Some(window.span().start), key, error.to_string(), "");
                }
            }
        }
        windows
    }

    fn availability(&mut self, key: &str, written: Option<&Spanned<String>>) -> bool {
        match written.map(|word| (word.get_ref().as_str(), word.span().start)) {
            None | Some(("shared", _)) => false,
            Some(("independent", _)) => true,
            Some((other, at)) => {
                let text = format!("{other:?} is neither \"shared\" nor \"independent\"");
                self.wrong(Some(at), key, text, "");
                false
            }
        }
    }

    fn catch_up(&mut self, key: &str, written: written::CatchUp) -> CatchUp {
        let usual = CatchUp::default();
        let at_once = self.amount(&format!("{key}.at_once"), written.at_once).unwrap_or(usual.at_once);
        let max_failures = match written.max_failures {
            Some(none) if *none.get_ref() == 0 => {
                let (key, text) = (format!("{key}.max_failures"), "no target would ever be caught up with");
                self.wrong(Some(none.span().start), &key, text, "at least 1");
                usual.max_failures
            }
            other => other.map_or(usual.max_failures, Spanned::into_inner),
        };
        CatchUp { at_once, max_failures }
    }

    fn amount(&mut self, key: &str, written: Option<Spanned<written::Amount>>) -> Option<Amount> {
        let written = written?;
        let amount = match written.get_ref() {
            written::Amount::Count(count) => u32::try_from(*count).ok().map(Amount::Count),
            written::Amount::Percent(text) => percent(text),
        };
        if amount.is_none_or(|amount| matches!(amount, Amount::Count(0) | Amount::Percent(0))) {
            let hint = "a number of targets, as 3, or percent of them, as \"10%\"; at least 1";
            self.wrong(Some(written.span().start), key, "it is not an amount of targets", hint);
        }
        amount
    }
}

fn percent(text: &str) -> Option<Amount> {
    let digits = text.strip_suffix('%')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let percent: u32 = digits.parse().ok().filter(|percent| plain && *percent <= 100)?;
    Some(Amount::Percent(percent))
}
