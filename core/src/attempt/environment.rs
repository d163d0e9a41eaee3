//! The environment of a step. It starts empty: nothing of the agent's own gets in.

use std::collections::BTreeMap;

use crate::model::{Envelope, Fence, Outcome, Step};

/// What the shim knows of the place a step runs in. Paths are absolute.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The fixed search path.
    pub path: &'a str,
    /// Home folder of the user that steps run as.
    pub home: &'a str,
    /// Name of that user.
    pub user: &'a str,
    /// Name of the agent.
    pub agent: &'a str,
    /// The folder of the job.
    pub workspace: &'a str,
    /// The file for this step's outputs.
    pub output: &'a str,
    /// A folder that is removed after the job.
    pub tmp: &'a str,
}

/// Builds it; a later row overrides an earlier one by name.
///
/// | from | names |
/// |---|---|
/// | the host | `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `CI`, `TMPDIR` |
/// | the job | `envelope.env`: what the pipeline says, and what only the master knows (`WINDLASS_REVISION`, …) |
/// | the step | `step.env` |
/// | the attempt | `WINDLASS_PROJECT`, `_RUN`, `_RUN_NUMBER`, `_JOB`, `_STEP`, `_ATTEMPT`, `_FENCE`, `_AGENT`, `_WORKSPACE`, `_OUTPUT`, `_TMP`, `_OUTCOME` |
pub fn environment(
    fence: Fence,
    envelope: &Envelope,
    step: &Step,
    so_far: &Outcome,
    place: Surroundings<'_>,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: &str| _ = env.insert(name.to_owned(), value.to_owned());
    set("PATH", place.path);
    set("HOME", place.home);
    set("USER", place.user);
    set("LOGNAME", place.user);
    set("SHELL", "/bin/sh");
    set("LANG", "C.UTF-8");
    set("CI", "true");
    set("TMPDIR", place.tmp);
    envelope.env.iter().chain(&step.env).for_each(|(name, value)| set(name, value));
    set("WINDLASS_PROJECT", envelope.run.project.as_str());
    set("WINDLASS_RUN", &envelope.run.to_string());
    set("WINDLASS_RUN_NUMBER", &envelope.run.number.to_string());
    set("WINDLASS_JOB", envelope.job.as_str());
    set("WINDLASS_STEP", &step.name);
    set("WINDLASS_ATTEMPT", &envelope.attempt.to_string());
    set("WINDLASS_FENCE", &fence.to_string());
    set("WINDLASS_AGENT", place.agent);
    set("WINDLASS_WORKSPACE", place.workspace);
    set("WINDLASS_OUTPUT", place.output);
    set("WINDLASS_TMP", place.tmp);
    set("WINDLASS_OUTCOME", so_far.word());
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::next_step::tests::{envelope, step};
    use crate::model::RunIf;

    const PLACE: Surroundings<'_> = Surroundings {
        path: "/usr/bin:/bin",
        home: "/home/ci",
        user: "ci",
        agent: "web-1",
        workspace: "/srv/work/shop",
        output: "/a/output-01",
        tmp: "/a/tmp",
    };

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_bare_step_sees_exactly_this() {
        let found = environment(Fence(7), &envelope(&[]), &step(RunIf::Success), &Outcome::Succeeded, PLACE);
        let expected = pairs(&[
            ("CI", "true"),
            ("HOME", "/home/ci"),
            ("LANG", "C.UTF-8"),
            ("LOGNAME", "ci"),
            ("PATH", "/usr/bin:/bin"),
            ("SHELL", "/bin/sh"),
            ("TMPDIR", "/a/tmp"),
            ("USER", "ci"),
            ("WINDLASS_AGENT", "web-1"),
            ("WINDLASS_ATTEMPT", "1"),
            ("WINDLASS_FENCE", "7"),
            ("WINDLASS_JOB", "build"),
            ("WINDLASS_OUTCOME", "succeeded"),
            ("WINDLASS_OUTPUT", "/a/output-01"),
            ("WINDLASS_PROJECT", "shop"),
            ("WINDLASS_RUN", "shop#42"),
            ("WINDLASS_RUN_NUMBER", "42"),
            ("WINDLASS_STEP", "one"),
            ("WINDLASS_TMP", "/a/tmp"),
            ("WINDLASS_WORKSPACE", "/srv/work/shop"),
        ]);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_step_overrides_its_job_and_the_job_the_host_but_nobody_the_attempt() {
        let mut job = envelope(&[]);
        job.env = pairs(&[("A", "job"), ("B", "job"), ("PATH", "/opt/bin"), ("WINDLASS_REVISION", "4f2a")]);
        let mut one = step(RunIf::Always);
        one.env = pairs(&[("B", "step"), ("WINDLASS_FENCE", "8")]);
        let found = environment(Fence(7), &job, &one, &Outcome::TimedOut, PLACE);
        for (name, value) in [
            ("A", "job"),
            ("B", "step"),
            ("PATH", "/opt/bin"),
            ("WINDLASS_REVISION", "4f2a"),
            ("WINDLASS_FENCE", "7"),
            ("WINDLASS_OUTCOME", "timed_out"),
        ] {
            assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}
