//! The process tree: nothing is left behind, nobody else is touched, and the shim depends on nobody.

use windlass_core::attempt::LineBody;
use windlass_core::model::{Outcome, StepOutcome};

use crate::harness::{Host, envelope, is_alive, lines, run, sh, signal};

#[test]
fn what_a_step_leaves_behind_lives_on_to_the_end_of_the_job_and_no_longer() {
    let ended = run(&[sh("sleep 1000 & echo $! > pid"), sh("kill -0 $(cat pid) && cat pid")]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert!(!is_alive(&ended.log(2)));
}

#[test]
fn a_daemon_that_left_its_group_and_its_parents_is_found() {
    let daemon = "(setsid sh -c 'setsid sh -c \"echo \\$\\$ > pid; while :; do sleep 0.1; done\" &' &)
        while ! grep -q . pid 2>/dev/null; do sleep 0.02; done; cat pid";
    let ended = run(&[sh(daemon)]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert!(!is_alive(&ended.log(1)));
}

#[test]
fn a_whole_tree_that_ignores_term_is_killed() {
    let tree = "touch pids
        for i in 1 2 3; do
            (trap '' TERM; setsid sh -c 'echo $$ >> pids; sh -c \"echo \\$\\$ >> pids; while :; do sleep 0.1; done\"; :' &)
        done
        while [ \"$(wc -l < pids)\" != 6 ]; do sleep 0.02; done; cat pids";
    let ended = run(&[sh(tree)]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    let log = ended.log(1);
    assert_eq!(log.lines().count(), 6);
    assert!(!log.lines().any(is_alive), "{log}");
}

#[test]
fn a_cancel_reaches_the_whole_group_of_a_step() {
    let running = Host::new(envelope(&[sh("sleep 1000 & echo $! > pid; sleep 1000")])).start();
    let pid = running.made("pid");
    running.host.ask("cancel");
    assert_eq!(running.end().outcome(), Outcome::Cancelled);
    assert!(!is_alive(&pid));
}

#[test]
fn a_killed_shim_leaves_go_without_exit_and_a_free_lock() {
    let mut running = Host::new(envelope(&[sh("echo $$ > pid; exec sleep 1000")])).start();
    let pid: u32 = running.made("pid").trim().parse().expect("a number");
    running.shim.kill().expect("killed");
    running.shim.wait().expect("our child");
    let dir = running.host.dir();
    assert!(is_alive(&pid.to_string()), "the step goes on: nobody may guess that it ended");
    let ended = running.end();
    ended.wait_for_free_lock();
    signal(pid, "KILL");
    let lines = lines(&dir);
    assert!(matches!(lines[1..], [LineBody::Go, LineBody::StepStarted { step: 1 }]), "{lines:?}");
}

#[test]
fn the_shim_is_deaf_to_polite_signals() {
    let running = Host::new(envelope(&[sh("echo > up; while [ ! -e go-on ]; do sleep 0.02; done")])).start();
    running.made("up");
    for name in ["TERM", "INT", "HUP"] {
        signal(running.shim.id(), name);
    }
    std::fs::write(running.host.workspace().join("go-on"), b"").expect("written");
    let ended = running.end();
    assert_eq!((ended.outcome(), ended.steps()), (Outcome::Succeeded, vec![StepOutcome::Succeeded]));
}

#[test]
fn an_agent_that_dies_changes_nothing() {
    let steps = [sh("echo > up; while [ ! -e go-on ]; do sleep 0.02; done; exit 5"), sh("echo never")];
    let parent = "exec 3<&0 </dev/null; \"$0\" \"$1\" & exec 3<&-; read x";
    let mut running = Host::new(envelope(&steps)).start_by(parent);
    running.made("up");
    running.shim.kill().expect("killed: it is the shim's parent");
    running.shim.wait().expect("our child");
    std::fs::write(running.host.workspace().join("go-on"), b"").expect("written");
    running.said(|line| matches!(line, LineBody::Exit { .. }));
    let lines = lines(&running.host.dir());
    assert_eq!(lines.len(), 6, "{lines:?}");
    let ended = running.end();
    ended.wait_for_free_lock();
}
