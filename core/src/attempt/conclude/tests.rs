use super::*;
use crate::attempt::next_step::tests::envelope;
use crate::model::{Failure, Fence};

const BOOT: &str = "this-boot";

fn lines(bodies: &[LineBody]) -> Vec<Line> {
    let numbered = (1..).zip(bodies);
    numbered.map(|(index, body)| Line { format: 1, index, boottime_ns: 1, wall_ms: 1, body: body.clone() }).collect()
}

fn accepted() -> LineBody {
    LineBody::Accepted { fence: Fence(7), envelope: Box::new(envelope(&[])), boot_id: BOOT.to_owned() }
}

fn started() -> LineBody {
    LineBody::StepStarted { step: 1 }
}

fn stuck() -> LineBody {
    LineBody::Stuck { survivors: 1, at: "pid 3".to_owned() }
}

fn void_line() -> LineBody {
    LineBody::Void { outcome: not_started(NotStarted::Busy) }
}

fn exit_line() -> LineBody {
    LineBody::Exit { outcome: Outcome::Succeeded, logs: Vec::new(), cancel_too_late: false }
}

fn not_started(reason: NotStarted) -> Outcome {
    Outcome::NotStarted { reason }
}

fn found(lines: &[Line]) -> Evidence<'_> {
    Evidence {
        lock: Lock::Free,
        lines,
        end: RecordEnd::Clean,
        step_log: lines.iter().any(|line| line.body == LineBody::Go),
        boot_id: BOOT,
        cancelled: false,
        by: Concluder::Start,
    }
}

fn damaged(sweep: bool) -> Conclusion {
    Conclusion::AppendExit { sweep, reason: UnknownReason::EvidenceDamaged }
}

/// Every record that the machinery can leave behind, whole.
fn records() -> Vec<Vec<Line>> {
    let bodies: [&[LineBody]; 8] = [
        &[],
        &[void_line()],
        &[accepted()],
        &[accepted(), void_line()],
        &[accepted(), LineBody::Go],
        &[accepted(), LineBody::Go, started()],
        &[accepted(), LineBody::Go, started(), stuck()],
        &[accepted(), LineBody::Go, started(), exit_line()],
    ];
    bodies.iter().map(|bodies| lines(bodies)).collect()
}

#[test]
fn row_1_a_held_lock_is_a_living_shim() {
    for record in records() {
        for end in [RecordEnd::Clean, RecordEnd::Torn, RecordEnd::Damaged { last: None }] {
            for boot_id in [BOOT, "other"] {
                let evidence = Evidence { lock: Lock::Held, end, boot_id, ..found(&record) };
                assert_eq!(conclude(evidence), Conclusion::ReAttach, "{record:?} {end:?}");
            }
        }
    }
}

#[test]
fn row_2_without_a_whole_line_and_a_log_nothing_was_promised() {
    for end in [RecordEnd::Clean, RecordEnd::Torn] {
        for boot_id in [BOOT, "other"] {
            assert_eq!(conclude(Evidence { end, boot_id, ..found(&[]) }), Conclusion::Delete, "{end:?} {boot_id}");
        }
    }
}

#[test]
fn row_3_the_exit_for_damage_counts_whatever_is_missing_before_it() {
    let outcome = Outcome::Unknown { reason: UnknownReason::EvidenceDamaged };
    let exit = LineBody::Exit { outcome: outcome.clone(), logs: Vec::new(), cancel_too_late: false };
    let last = Line { index: INDEX_LAST, ..lines(&[exit])[0].clone() };
    for mut record in records() {
        for step_log in [false, true] {
            let behind = Evidence { end: RecordEnd::Damaged { last: Some(&last) }, step_log, ..found(&record) };
            assert_eq!(conclude(behind), Conclusion::AsItSays(outcome.clone()), "behind damage: {record:?}");
        }
        record.push(last.clone());
        let read = Evidence { step_log: true, ..found(&record) };
        assert_eq!(conclude(read), Conclusion::AsItSays(outcome.clone()), "behind whole lines: {record:?}");
    }
}

#[test]
fn row_4_an_end_is_believed() {
    let failed = Outcome::Failed { how: Failure::Code(101) };
    let exit = LineBody::Exit { outcome: failed.clone(), logs: Vec::new(), cancel_too_late: false };
    let table = [
        (lines(&[void_line()]), not_started(NotStarted::Busy)),
        (lines(&[accepted(), void_line()]), not_started(NotStarted::Busy)),
        (lines(&[accepted(), LineBody::Go, started(), exit.clone()]), failed.clone()),
        (lines(&[accepted(), LineBody::Go, exit]), failed),
    ];
    for (record, outcome) in table {
        for boot_id in [BOOT, "other"] {
            for end in [RecordEnd::Clean, RecordEnd::Torn] {
                let evidence = Evidence { boot_id, end, cancelled: true, ..found(&record) };
                assert_eq!(conclude(evidence), Conclusion::AsItSays(outcome.clone()), "{record:?} {boot_id}");
            }
        }
    }
}

#[test]
fn rows_5_and_6_without_go_it_never_started() {
    let record = lines(&[accepted()]);
    let table = [
        (BOOT, false, Concluder::Start, not_started(NotStarted::AgentRestart)),
        (BOOT, false, Concluder::ShimGone, not_started(NotStarted::ShimFailed)),
        (BOOT, true, Concluder::Start, Outcome::Cancelled),
        (BOOT, true, Concluder::ShimGone, Outcome::Cancelled),
        ("other", false, Concluder::Start, not_started(NotStarted::Reboot)),
        ("other", true, Concluder::Start, Outcome::Cancelled),
    ];
    for (boot_id, cancelled, by, outcome) in table {
        for end in [RecordEnd::Clean, RecordEnd::Torn] {
            let evidence = Evidence { boot_id, cancelled, by, end, ..found(&record) };
            let row = format!("{boot_id} cancelled {cancelled} {by:?}");
            assert_eq!(conclude(evidence), Conclusion::AppendVoid(outcome.clone()), "{row}");
        }
    }
}

#[test]
fn rows_7_and_8_go_without_exit_is_unknown() {
    for bodies in [&[accepted(), LineBody::Go][..], &[accepted(), LineBody::Go, started(), stuck()]] {
        let record = lines(bodies);
        for step_log in [false, true] {
            for end in [RecordEnd::Clean, RecordEnd::Torn] {
                let same = Evidence { step_log, end, cancelled: true, ..found(&record) };
                let lost = Conclusion::AppendExit { sweep: true, reason: UnknownReason::ShimLost };
                assert_eq!(conclude(same), lost);
                let other = Evidence { boot_id: "other", ..same };
                let reboot = Conclusion::AppendExit { sweep: false, reason: UnknownReason::Reboot };
                assert_eq!(conclude(other), reboot);
            }
        }
    }
}

#[test]
fn rows_9_and_10_damage_is_never_interpreted() {
    for record in records() {
        let evidence = Evidence { end: RecordEnd::Damaged { last: None }, ..found(&record) };
        assert_eq!(conclude(evidence), damaged(true), "{record:?}");
        let knows_its_boot = matches!(record.first().map(|line| &line.body), Some(LineBody::Accepted { .. }));
        let elsewhere = Evidence { boot_id: "other", ..evidence };
        assert_eq!(conclude(elsewhere), damaged(!knows_its_boot), "{record:?}");
    }
}

#[test]
fn an_ordinary_last_line_behind_damage_is_not_believed() {
    let exit = &lines(&[exit_line()])[0];
    let record = lines(&[accepted()]);
    assert_eq!(conclude(Evidence { end: RecordEnd::Damaged { last: Some(exit) }, ..found(&record) }), damaged(true));
}

#[test]
fn a_step_log_without_go_is_damage() {
    for bodies in [&[][..], &[accepted()], &[accepted(), void_line()], &[void_line()]] {
        let record = lines(bodies);
        for end in [RecordEnd::Clean, RecordEnd::Torn] {
            assert_eq!(conclude(Evidence { step_log: true, end, ..found(&record) }), damaged(true), "{record:?}");
        }
    }
}

#[test]
fn a_missing_index_or_a_line_out_of_place_is_damage() {
    let mut hole = lines(&[accepted(), LineBody::Go, exit_line()]);
    hole.remove(1);
    let twice = lines(&[accepted(), LineBody::Go, LineBody::Go]);
    let void_after_go = lines(&[accepted(), LineBody::Go, void_line()]);
    let after_exit = lines(&[accepted(), LineBody::Go, exit_line(), started()]);
    let no_accepted = lines(&[LineBody::Go]);
    let exit_without_go = lines(&[accepted(), exit_line()]);
    for record in [hole, twice, void_after_go, after_exit, no_accepted, exit_without_go] {
        assert_eq!(conclude(found(&record)), damaged(true), "{record:?}");
    }
}
