//! Cancels and clocks: who is ended, how, and what still runs.

use std::process::Command;
use std::time::Instant;

use windlass_core::attempt::LineBody;
use windlass_core::model::{Duration, Envelope, Failure, Outcome, Step, StepOutcome};
use windlass_disk::log::Kind;

use crate::harness::{Host, always, envelope, note, sh};

/// Says that it is there and waits for ever; ends at once when asked to.
const OBEDIENT: &str = "trap 'echo bye; exit 0' TERM; echo > up; while :; do sleep 0.05 || :; done";

/// Ends only by KILL.
const DEAF: &str = "trap '' TERM; echo > up; while :; do sleep 0.05 || :; done";

const SHORT: Duration = Duration::from_ms(300);

#[test]
fn a_cancel_ends_the_step_politely_and_only_always_steps_follow() {
    let running =
        Host::new(envelope(&[sh(OBEDIENT), sh("echo never"), always(sh("echo cleaned after $WINDLASS_OUTCOME"))]))
            .start();
    running.made("up");
    running.host.ask("cancel");
    let ended = running.end();
    assert_eq!(ended.outcome(), Outcome::Cancelled);
    assert_eq!(ended.steps(), [StepOutcome::Cancelled, StepOutcome::Skipped, StepOutcome::Succeeded]);
    assert_eq!(ended.stream(1, Kind::Stdout), b"bye\n", "it had the time to say so");
    assert_eq!(ended.log(3), "cleaned after cancelled\n");
    assert!(!ended.exit().cancel_too_late);
}

#[test]
fn who_ignores_term_is_killed_after_the_grace() {
    let job = Envelope { grace: SHORT, ..envelope(&[sh(DEAF)]) };
    let running = Host::new(job).start();
    running.made("up");
    let asked = Instant::now();
    running.host.ask("cancel");
    let ended = running.end();
    assert!(asked.elapsed().as_millis() >= u128::from(SHORT.ms()), "not before");
    assert_eq!(ended.outcome(), Outcome::Cancelled);
}

#[test]
fn a_forced_cancel_skips_grace_and_clean_up() {
    let running = Host::new(envelope(&[sh(DEAF), always(sh("echo never"))])).start();
    running.made("up");
    running.host.ask("cancel.force");
    let ended = running.end();
    assert_eq!(ended.outcome(), Outcome::Cancelled);
    assert_eq!(ended.steps(), [StepOutcome::Cancelled, StepOutcome::Skipped]);
}

#[test]
fn force_hastens_a_cancel_that_is_under_way() {
    let running =
        Host::new(envelope(&[sh("trap 'echo asked > asked' TERM; echo > up; while :; do sleep 0.05 || :; done")]))
            .start();
    running.made("up");
    running.host.ask("cancel");
    running.made("asked");
    running.host.ask("cancel.force");
    let ended = running.end();
    assert_eq!(ended.outcome(), Outcome::Cancelled);
}

#[test]
fn a_step_that_is_out_of_time_has_timed_out_and_the_job_goes_on_as_after_a_failure() {
    let ended = Host::new(envelope(&[
        Step { timeout: SHORT, ..sh(OBEDIENT) },
        sh("echo never"),
        always(sh("echo $WINDLASS_OUTCOME")),
    ]))
    .start()
    .end();
    assert_eq!(ended.outcome(), Outcome::TimedOut);
    assert_eq!(ended.steps(), [StepOutcome::TimedOut, StepOutcome::Skipped, StepOutcome::Succeeded]);
    assert_eq!(ended.log(3), "timed_out\n");
}

#[test]
fn a_time_out_can_be_tolerated() {
    let slow = Step { timeout: SHORT, tolerate: true, ..sh(OBEDIENT) };
    let ended = Host::new(envelope(&[slow, sh("echo on")])).start().end();
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert_eq!(ended.steps(), [StepOutcome::Tolerated { how: None }, StepOutcome::Succeeded]);
}

#[test]
fn a_job_that_is_out_of_time_still_cleans_up() {
    let job = Envelope { timeout: SHORT, ..envelope(&[sh(OBEDIENT), sh("echo never"), always(sh("echo cleaned"))]) };
    let ended = Host::new(job).start().end();
    assert_eq!(ended.outcome(), Outcome::TimedOut);
    assert_eq!(ended.steps(), [StepOutcome::TimedOut, StepOutcome::Skipped, StepOutcome::Succeeded]);
}

#[test]
fn silence_ends_a_job_and_a_byte_now_and_then_does_not() {
    let silent = |script| Envelope { silent_timeout: Duration::from_secs(3), ..envelope(&[sh(script)]) };
    let talking =
        "for i in 1 2 3 4 5 6 7 8; do sleep 0.3; printf .; done; for i in 1 2 3 4; do sleep 0.3; printf . >&2; done";
    assert_eq!(Host::new(silent(talking)).start().end().outcome(), Outcome::Succeeded);
    let ended = Host::new(silent("echo once; exec sleep 1000")).start().end();
    assert_eq!(ended.outcome(), Outcome::TimedOut);
    assert_eq!(ended.steps(), [StepOutcome::TimedOut]);
}

#[test]
fn all_always_steps_together_get_one_time_for_cleaning_up() {
    let job = Envelope {
        cleanup: Duration::from_secs(2),
        grace: SHORT,
        ..envelope(&[sh(OBEDIENT), always(sh(DEAF)), always(sh("echo never"))])
    };
    let running = Host::new(job).start();
    running.made("up");
    running.host.ask("cancel");
    let ended = running.end();
    assert_eq!(ended.outcome(), Outcome::Cancelled);
    assert_eq!(ended.steps(), [StepOutcome::Cancelled, StepOutcome::Cancelled, StepOutcome::Skipped]);
}

#[test]
fn a_cancel_after_the_last_step_is_too_late_and_its_outcome_counts() {
    let leftover =
        "(trap 'while [ ! -e asked ]; do sleep 0.02; done; exit' TERM; echo > up; while :; do sleep 0.05 || :; done) &
        while [ ! -e up ]; do sleep 0.02; done; exit 9";
    let running = Host::new(envelope(&[sh(leftover), sh("echo never")])).start();
    running.said(|line| matches!(line, LineBody::StepEnded { step: 2, outcome: StepOutcome::Skipped, .. }));
    running.host.ask("cancel");
    std::fs::write(running.host.workspace().join("asked"), b"").expect("written");
    let ended = running.end();
    let exit = ended.exit();
    assert_eq!(exit.outcome, Outcome::Failed { how: Failure::Code(9) });
    assert!(exit.cancel_too_late);
}

#[test]
fn a_cancel_of_which_no_event_tells_is_seen_all_the_same() {
    let without = "echo 0 > /proc/sys/user/max_inotify_instances";
    let can = Command::new("unshare").args(["-Ur", "sh", "-c", without]).status().is_ok_and(|status| status.success());
    if !can {
        assert!(std::env::var_os("CI").is_none(), "user namespaces are needed in CI");
        note("not proven here: no user namespace can be made");
        return;
    }
    let script = format!("exec 3<&0 </dev/null; exec unshare -Ur sh -c '{without}; exec \"$0\" \"$1\"' \"$0\" \"$1\"");
    let running = Host::new(envelope(&[sh(OBEDIENT)])).start_by(&script);
    running.made("up");
    running.host.ask("cancel");
    let asked = Instant::now();
    assert_eq!(running.end().outcome(), Outcome::Cancelled);
    note(&format!("a cancel without an event: seen, obeyed and written down after {:?}", asked.elapsed()));
}
