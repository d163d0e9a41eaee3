//! Shims that are lost or hang, with groups and a clock that the test turns.

use windlass_core::attempt::line::INDEX_LAST;
use windlass_core::model::UnknownReason;

use super::*;

fn grouped() -> Host {
    let shims = FakeShims { groups: FakeGroups::on(), ..FakeShims::default() };
    host_with(POLICY, shims)
}

fn unknown() -> LineBody {
    LineBody::Exit {
        outcome: Outcome::Unknown { reason: UnknownReason::ShimLost },
        logs: vec![],
        cancel_too_late: false,
    }
}

fn cancelled(fence: u64, force: bool) -> Assignments {
    Assignments { cancel: vec![Cancel { force, ..cancel(fence) }], ..Assignments::default() }
}

#[test]
fn what_a_lost_shim_left_behind_is_gone_before_its_end_is_written() {
    let mut host = grouped();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.shims.groups.populate("jobs/11", Survive::Kill);
    host.shims.dies(11);
    host.look();
    assert_eq!(host.shims.groups.killed(), ["jobs/11"]);
    assert_eq!(host.bodies(11)[1..], [LineBody::Go], "it may still run");
    for fence in [12, 13] {
        host.put(fence);
    }
    assert_eq!(host.void(13), not_started(NotStarted::Busy), "its slot is taken as long");
    host.later(30_000);
    assert!(matches!(host.bodies(11)[2..], [LineBody::Stuck { .. }]), "{:?}", host.bodies(11));
    assert_eq!(host.shims.groups.killed().len(), 2, "it is killed again");
    host.shims.groups.empty("jobs/11");
    host.look();
    assert_eq!(host.bodies(11)[3..], [unknown()]);
    let attempt = Arc::clone(&host.state.holdings().attempts[&Fence(11)]);
    assert!(!attempt.may_have_survivors(), "a way back may start");
    assert_eq!(attempt.lines.iter().map(|line| line.index).collect::<Vec<_>>(), [1, 2, 3, INDEX_LAST]);
}

#[test]
fn an_empty_group_needs_no_second_look() {
    let mut host = grouped();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.shims.dies(11);
    host.look();
    assert_eq!(host.bodies(11)[1..], [LineBody::Go, unknown()]);
}

#[test]
fn an_agent_that_restarts_goes_on_with_the_sweep() {
    let mut host = grouped();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.shims.groups.populate("jobs/11", Survive::Kill);
    host.shims.dies(11);
    host.look();
    host.restart();
    assert_eq!(host.shims.groups.killed().len(), 2);
    host.shims.groups.empty("jobs/11");
    host.look();
    assert_eq!(host.bodies(11)[1..], [LineBody::Go, unknown()]);
}

#[test]
fn a_shim_that_hangs_before_go_is_killed_after_thirty_seconds() {
    for mut host in [grouped(), super::host()] {
        host.put(11);
        host.later(29_000);
        assert_eq!(host.shims.killed(), 0);
        host.later(1_000);
        host.later(1_000);
        assert_eq!(host.shims.killed(), 1, "once");
        host.shims.dies(11);
        host.look();
        assert_eq!(host.void(11), not_started(NotStarted::ShimFailed));
    }
}

#[test]
fn a_shim_that_was_found_is_killed_by_its_group() {
    let mut host = grouped();
    host.put(11);
    host.restart();
    host.shims.groups.populate("shims/11", Survive::Nothing);
    host.later(30_000);
    assert_eq!((host.shims.groups.killed(), host.shims.killed()), (vec!["shims/11".to_owned()], 0));
}

#[test]
fn a_shim_that_ignores_a_cancel_goes_with_its_job() {
    let mut host = grouped();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.shims.groups.populate("jobs/11", Survive::Nothing);
    host.look();
    host.assign(cancelled(11, false));
    host.later(69_000);
    assert!(host.shims.groups.killed().is_empty(), "grace and clean-up of the job are its own");
    host.assign(cancelled(11, true));
    host.later(1_000);
    assert!(host.shims.groups.killed().is_empty(), "force counts from when it was asked");
    host.later(59_000);
    assert_eq!((host.shims.groups.killed(), host.shims.killed()), (vec!["jobs/11".to_owned()], 1));
}

#[test]
fn without_a_group_a_shim_that_ignores_a_cancel_is_left_to_a_person() {
    let mut host = super::host();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.look();
    host.assign(cancelled(11, true));
    host.later(600_000);
    assert_eq!((host.shims.killed(), host.bodies(11).len()), (0, 2));
}

#[test]
fn groups_without_an_attempt_are_removed_or_after_a_minute_killed() {
    let mut host = grouped();
    host.put(11);
    host.shims.groups.populate("jobs/11", Survive::Nothing);
    host.shims.groups.populate("jobs/98", Survive::Nothing);
    host.shims.groups.empty("jobs/99");
    host.look();
    assert_eq!(host.shims.groups.there(), ["jobs/11", "jobs/98"]);
    host.later(59_000);
    assert!(host.shims.groups.killed().is_empty());
    host.shims.writes(11, 2, LineBody::Go);
    host.later(1_000);
    assert_eq!(host.shims.groups.killed(), ["jobs/98"], "and not what an attempt needs");
    host.look();
    assert_eq!(host.shims.groups.there(), ["jobs/11"]);
}
