//! What really happened, as the commands themselves wrote it down.

use std::collections::BTreeMap;
use std::path::Path;

/// What a command wrote about itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Witness {
    /// The run, as people write it.
    pub(crate) run: String,
    /// The job.
    pub(crate) job: String,
    /// How often it was started.
    pub(crate) starts: usize,
    /// The codes it was about to end with.
    pub(crate) ends: Vec<u8>,
}

/// Everything that commands wrote, by fence and step.
#[derive(Debug, Default)]
pub(crate) struct Truth(BTreeMap<(String, String), Witness>);

impl Truth {
    /// Reads the file; a command that never ran wrote none.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut truth = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [what, fence, run, job, step] = words[..] else { panic!("no command wrote {line:?}") };
            let witness = truth.0.entry((fence.to_owned(), step.to_owned())).or_default();
            (witness.run, witness.job) = (run.to_owned(), job.to_owned());
            match what.strip_prefix("end-") {
                None => witness.starts += 1,
                Some(code) => witness.ends.push(code.parse().expect("a command ends with a code")),
            }
        }
        truth
    }

    /// Of one step of one attempt.
    pub(crate) fn of(&self, fence: &str, step: &str) -> Witness {
        self.0.get(&(fence.to_owned(), step.to_owned())).cloned().unwrap_or_default()
    }

    /// The fences of a run whose commands ran.
    pub(crate) fn fences_of(&self, run: &str) -> Vec<&str> {
        self.0.iter().filter(|(_, witness)| witness.run == run).map(|((fence, _), _)| fence.as_str()).collect()
    }
}
