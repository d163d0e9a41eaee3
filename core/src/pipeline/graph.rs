//! Who needs whom.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::{At, JobSpec};
use crate::model::JobKey;

/// A circle: each job with its need that leads to the next; the last leads back to the first.
pub(super) type Circle<'j> = Vec<(&'j JobSpec, &'j At<JobKey>)>;

/// The needs of all jobs, by name.
pub(super) struct Graph<'j> {
    jobs: BTreeMap<&'j JobKey, &'j JobSpec>,
}

impl<'j> Graph<'j> {
    pub(super) fn new(jobs: &'j [JobSpec]) -> Self {
        Self { jobs: jobs.iter().map(|job| (&job.key.value, job)).collect() }
    }

    /// The jobs that end before this one begins, directly needed or not.
    pub(super) fn before(&self, job: &JobSpec) -> BTreeSet<&'j JobKey> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&JobKey> = job.needs.iter().map(|need| &need.value).collect();
        while let Some(next) = open.pop() {
            if let Some((key, job)) = self.jobs.get_key_value(next)
                && found.insert(*key)
            {
                open.extend(job.needs.iter().map(|need| &need.value));
            }
        }
        found
    }

    /// The jobs of that name.
    pub(super) fn get(&self, key: &JobKey) -> Option<&'j JobSpec> {
        self.jobs.get(key).copied()
    }

    /// Circles; after these are cut at their last need no other is left.
    pub(super) fn circles(&self, jobs: &'j [JobSpec]) -> Vec<Circle<'j>> {
        let mut walk = Walk { graph: self, path: Vec::new(), done: BTreeSet::new(), circles: Vec::new() };
        for job in jobs {
            walk.from(job);
        }
        walk.circles
    }
}

/// Depth first; a pipeline has at most 200 jobs, so that the recursion is no deeper.
struct Walk<'g, 'j> {
    graph: &'g Graph<'j>,
    path: Circle<'j>,
    done: BTreeSet<&'j JobKey>,
    circles: Vec<Circle<'j>>,
}

impl<'j> Walk<'_, 'j> {
    fn from(&mut self, job: &'j JobSpec) {
        if self.done.contains(&job.key.value) {
            return;
        }
        for need in &job.needs {
            self.path.push((job, need));
            match self.path.iter().position(|(on_path, _)| on_path.key.value == need.value) {
                Some(start) => self.circles.push(from_its_last_need(&self.path[start..])),
                None => {
                    if let Some(next) = self.graph.get(&need.value) {
                        self.from(next);
                    }
                }
            }
            self.path.pop();
        }
        self.done.insert(&job.key.value);
    }
}

/// The same circle, beginning with the need that stands last in the file: the one that closed it.
fn from_its_last_need<'j>(circle: &[(&'j JobSpec, &'j At<JobKey>)]) -> Circle<'j> {
    let last = circle.iter().enumerate().max_by_key(|(_, (_, need))| need.span).map_or(0, |(index, _)| index);
    let (before, from) = circle.split_at(last);
    from.iter().chain(before).copied().collect()
}
