use serde_json::json;
use windlass_core::model::{self, Code, Failure, NotStarted, Severity, StepOutcome, UnixMs};

use super::*;

fn word_of(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).expect("it is JSON").as_str().expect("it is a text").to_owned()
}

#[test]
fn a_time_is_rfc_3339_in_utc_with_milliseconds() {
    let time = Time(UnixMs(1_795_356_127_113));
    assert_eq!(time.to_string(), "2026-11-22T14:02:07.113Z");
    assert_eq!(Time(UnixMs(0)).to_string(), "1970-01-01T00:00:00.000Z");
    assert_eq!("2026-11-22T14:02:07.113Z".parse(), Ok(time));
    assert!("yesterday".parse::<Time>().is_err());
    assert!("1969-12-31T23:59:59Z".parse::<Time>().is_err());
}

#[test]
fn an_outcome_says_code_signal_or_reason_and_prints_itself_as_the_core_does() {
    let failed = |how| model::Outcome::Failed { how };
    let table = [
        (model::Outcome::Succeeded, json!({"kind": "succeeded"})),
        (failed(Failure::Code(101)), json!({"kind": "failed", "code": 101})),
        (failed(Failure::Signal(9)), json!({"kind": "failed", "signal": 9})),
        (failed(Failure::Exec("no such file".into())), json!({"kind": "failed", "reason": "exec: no such file"})),
        (model::Outcome::TimedOut, json!({"kind": "timed_out"})),
        (model::Outcome::Cancelled, json!({"kind": "cancelled"})),
        (model::Outcome::Skipped { why: "build failed".into() }, json!({"kind": "skipped", "reason": "build failed"})),
        (model::Outcome::NotStarted { reason: NotStarted::Busy }, json!({"kind": "not_started", "reason": "busy"})),
        (
            model::Outcome::Unknown { reason: model::UnknownReason::Reboot },
            json!({"kind": "unknown", "reason": "reboot"}),
        ),
    ];
    for (outcome, wanted) in table {
        let shape = Outcome::from(&outcome);
        assert_eq!(serde_json::to_value(&shape).expect("it is JSON"), wanted);
        assert_eq!(shape.to_string(), outcome.to_string());
    }
}

#[test]
fn a_tolerated_step_says_how_it_failed() {
    let timed_out = StepOutcome::Tolerated { how: None };
    let code = StepOutcome::Tolerated { how: Some(Failure::Code(1)) };
    for outcome in [timed_out, code, StepOutcome::Skipped] {
        assert_eq!(Outcome::from(&outcome).to_string(), outcome.to_string());
    }
}

#[test]
fn the_words_of_closed_lists_are_those_on_the_wire() {
    for kind in ProblemKind::ALL {
        assert_eq!(word_of(kind), kind.word());
    }
    for kind in EventKind::ALL {
        assert_eq!(word_of(kind), kind.word());
    }
    let outcomes = ["succeeded", "failed", "timed_out", "cancelled", "skipped", "not_started", "unknown", "tolerated"];
    for word in outcomes {
        let kind = OutcomeKind::from_word(word).expect(word);
        assert_eq!(word_of(kind), word);
    }
    assert_eq!(OutcomeKind::from_word("green"), None);
}

#[test]
fn the_described_problem_of_a_pipeline_file_is_the_one_that_is_sent() {
    let problem = model::Problem {
        file: "windlass.yaml".into(),
        line: 9,
        column: 5,
        width: 6,
        severity: Severity::Error,
        code: Code::UnknownKey,
        text: "job `build` has no key `run-on`".into(),
        hint: Some("did you mean `runs-on`?".into()),
        source: "    run-on: role=build".into(),
    };
    let sent = serde_json::to_value(&problem).expect("it is JSON");
    let described: PipelineProblem = serde_json::from_value(sent.clone()).expect("the members agree");
    assert_eq!(serde_json::to_value(described).expect("it is JSON"), sent);
}

#[test]
fn a_request_with_an_unknown_member_is_refused() {
    assert!(serde_json::from_value::<StartRun>(json!({"branch": "main"})).is_ok());
    assert!(serde_json::from_value::<StartRun>(json!({"brunch": "main"})).is_err());
    assert!(serde_json::from_value::<RollbackRequest>(json!({})).is_err());
}

#[test]
fn a_job_with_attempts_has_the_members_of_the_job_beside_them() {
    let job = Job {
        key: "test".into(),
        needs: Vec::new(),
        state: JobState::Waiting,
        stopping: false,
        stuck: None,
        silent_since: None,
        settlement: None,
        attempt: 0,
        agent: None,
        waiting: Some(WaitingWhy { reason: "needs".into(), text: "waits for build".into() }),
        deployment: None,
        outcome: None,
        started: None,
        ended: None,
    };
    let shape = serde_json::to_value(JobDetail { job, attempts: Vec::new() }).expect("it is JSON");
    assert_eq!(shape["key"], "test");
    assert_eq!(shape["waiting"]["reason"], "needs");
    assert_eq!(shape["attempts"], json!([]));
}
