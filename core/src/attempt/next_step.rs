//! Which step comes next, and how the job ended. Asked by the shim after each step.

use crate::model::{Outcome, RunIf, Step, StepOutcome};

/// Whether, and how urgently, the job is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopping {
    /// It is not.
    No,
    /// What ran was ended; `always` steps still run.
    Cleaning(Why),
    /// Nothing runs any more: a forced cancel, or the time for `always` steps is over.
    Leaving(Why),
}

/// Why a job is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked for it.
    Cancelled,
    /// The job's clock ran out.
    TimedOut,
}

/// What the shim does now. Steps are named by their number, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Carry out this step.
    Run(u32),
    /// This step ends as `skipped`.
    Skip(u32),
    /// The job is over.
    Done(Outcome),
}

/// Decides. `outcomes` are those of the first steps, in order.
///
/// | `if` | not stopping | cleaning | leaving |
/// |---|---|---|---|
/// | `success` | runs if every step so far counts as success | skipped | skipped |
/// | `failure` | runs if a step so far does not count as success | skipped | skipped |
/// | `always` | runs | runs | skipped |
///
/// Behind the last step the job is done. Its outcome is how it was stopped, else the first step outcome that does not count as
/// success, else `succeeded`.
pub fn next_step(steps: &[Step], outcomes: &[StepOutcome], stopping: Stopping) -> Next {
    let Some(step) = steps.get(outcomes.len()) else {
        return Next::Done(outcome_so_far(outcomes, stopping));
    };
    let number = u32::try_from(outcomes.len() + 1).expect("an envelope has at most 1100 steps");
    let green = outcomes.iter().all(StepOutcome::counts_as_success);
    let runs = match (step.run_if, stopping) {
        (RunIf::Success, Stopping::No) => green,
        (RunIf::Failure, Stopping::No) => !green,
        (RunIf::Always, Stopping::No | Stopping::Cleaning(_)) => true,
        (RunIf::Success | RunIf::Failure, Stopping::Cleaning(_) | Stopping::Leaving(_)) => false,
        (RunIf::Always, Stopping::Leaving(_)) => false,
    };
    if runs { Next::Run(number) } else { Next::Skip(number) }
}

/// True if no step would run any more although nobody stops the job: a cancel that arrives now is too late.
pub fn is_over(steps: &[Step], outcomes: &[StepOutcome]) -> bool {
    let mut outcomes = outcomes.to_vec();
    loop {
        match next_step(steps, &outcomes, Stopping::No) {
            Next::Run(_) => return false,
            Next::Skip(_) => outcomes.push(StepOutcome::Skipped),
            Next::Done(_) => return true,
        }
    }
}

/// How the job would end if these were all its steps; also what a step sees as `WINDLASS_OUTCOME`.
pub fn outcome_so_far(outcomes: &[StepOutcome], stopping: Stopping) -> Outcome {
    match stopping {
        Stopping::Cleaning(Why::Cancelled) | Stopping::Leaving(Why::Cancelled) => Outcome::Cancelled,
        Stopping::Cleaning(Why::TimedOut) | Stopping::Leaving(Why::TimedOut) => Outcome::TimedOut,
        Stopping::No => outcomes.iter().find_map(as_outcome).unwrap_or(Outcome::Succeeded),
    }
}

/// What a step makes of its job; `None` if it counts as success.
fn as_outcome(step: &StepOutcome) -> Option<Outcome> {
    match step {
        StepOutcome::Succeeded | StepOutcome::Skipped | StepOutcome::Tolerated { .. } => None,
        StepOutcome::Failed { how } => Some(Outcome::Failed { how: how.clone() }),
        StepOutcome::TimedOut => Some(Outcome::TimedOut),
        StepOutcome::Cancelled => Some(Outcome::Cancelled),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Action, Attempt, Command, Duration, Envelope, Failure, Workspace};

    pub(crate) fn step(run_if: RunIf) -> Step {
        Step {
            name: "one".to_owned(),
            run_if,
            timeout: Duration::from_ms(0),
            dir: String::new(),
            env: BTreeMap::new(),
            secrets: Default::default(),
            secret_files: Default::default(),
            tolerate: false,
            action: Action::Command(Command { argv: vec!["true".to_owned()], script: None }),
        }
    }

    pub(crate) fn envelope(run_ifs: &[RunIf]) -> Envelope {
        Envelope {
            run: "shop#42".parse().expect("a run"),
            job: "build".parse().expect("a job"),
            attempt: Attempt(1),
            env: BTreeMap::new(),
            steps: run_ifs.iter().copied().map(step).collect(),
            timeout: Duration::from_secs(3600),
            silent_timeout: Duration::from_ms(0),
            grace: Duration::from_secs(30),
            cleanup: Duration::from_secs(60),
            log_quota_bytes: 1024 * 1024,
            slots: 1,
            limits: Default::default(),
            workspace: Workspace::Warm,
            lane: None,
        }
    }

    const FAILED: StepOutcome = StepOutcome::Failed { how: Failure::Code(3) };
    const TOLERATED: StepOutcome = StepOutcome::Tolerated { how: None };
    const CLEANING: Stopping = Stopping::Cleaning(Why::Cancelled);
    const LEAVING: Stopping = Stopping::Leaving(Why::TimedOut);

    #[test]
    fn each_condition_is_seen_from_the_steps_before() {
        let (run, skip) = (Next::Run(2), Next::Skip(2));
        let table = [
            (RunIf::Success, StepOutcome::Succeeded, Stopping::No, &run),
            (RunIf::Success, StepOutcome::Skipped, Stopping::No, &run),
            (RunIf::Success, TOLERATED, Stopping::No, &run),
            (RunIf::Success, FAILED, Stopping::No, &skip),
            (RunIf::Success, StepOutcome::TimedOut, Stopping::No, &skip),
            (RunIf::Success, StepOutcome::Succeeded, CLEANING, &skip),
            (RunIf::Success, StepOutcome::Succeeded, LEAVING, &skip),
            (RunIf::Failure, StepOutcome::Succeeded, Stopping::No, &skip),
            (RunIf::Failure, TOLERATED, Stopping::No, &skip),
            (RunIf::Failure, FAILED, Stopping::No, &run),
            (RunIf::Failure, StepOutcome::TimedOut, Stopping::No, &run),
            (RunIf::Failure, FAILED, CLEANING, &skip),
            (RunIf::Failure, FAILED, LEAVING, &skip),
            (RunIf::Always, StepOutcome::Succeeded, Stopping::No, &run),
            (RunIf::Always, FAILED, Stopping::No, &run),
            (RunIf::Always, StepOutcome::Cancelled, CLEANING, &run),
            (RunIf::Always, StepOutcome::Cancelled, LEAVING, &skip),
        ];
        for (run_if, before, stopping, expected) in table {
            let steps = [step(RunIf::Success), step(run_if)];
            let found = next_step(&steps, std::slice::from_ref(&before), stopping);
            assert_eq!(&found, expected, "{run_if:?} after {before} while {stopping:?}");
        }
    }

    #[test]
    fn a_job_ends_as_it_was_stopped_else_as_its_first_step_that_counts() {
        let table = [
            (vec![], Stopping::No, Outcome::Succeeded),
            (vec![StepOutcome::Succeeded, StepOutcome::Skipped, TOLERATED], Stopping::No, Outcome::Succeeded),
            (vec![TOLERATED, FAILED, StepOutcome::TimedOut], Stopping::No, Outcome::Failed { how: Failure::Code(3) }),
            (vec![StepOutcome::TimedOut, FAILED], Stopping::No, Outcome::TimedOut),
            (vec![FAILED, StepOutcome::Skipped], CLEANING, Outcome::Cancelled),
            (vec![StepOutcome::Succeeded], Stopping::Leaving(Why::Cancelled), Outcome::Cancelled),
            (vec![StepOutcome::Cancelled], Stopping::Cleaning(Why::TimedOut), Outcome::TimedOut),
            (vec![StepOutcome::TimedOut], LEAVING, Outcome::TimedOut),
        ];
        for (outcomes, stopping, expected) in table {
            let steps: Vec<Step> = outcomes.iter().map(|_| step(RunIf::Success)).collect();
            assert_eq!(next_step(&steps, &outcomes, stopping), Next::Done(expected), "{outcomes:?} {stopping:?}");
        }
    }

    #[test]
    fn a_cancel_is_too_late_when_no_step_would_run_any_more() {
        let steps = [step(RunIf::Success), step(RunIf::Success), step(RunIf::Failure)];
        assert!(!is_over(&steps, &[]));
        assert!(!is_over(&steps, &[StepOutcome::Succeeded]));
        assert!(!is_over(&steps, &[FAILED]), "the last step runs after a failure");
        assert!(is_over(&steps, &[StepOutcome::Succeeded, StepOutcome::Succeeded]), "the last one would be skipped");
        assert!(is_over(&steps[..2], &[FAILED]));
        assert!(is_over(&[], &[]));
    }
}
