//! What a cgroup adds to process groups.

use std::fs;

use windlass_core::model::Outcome;

use crate::harness::{Host, envelope, is_alive, run, sh, until};

#[test]
fn a_step_is_in_the_group_of_its_job_and_the_shim_in_its_own() {
    let running = Host::new(envelope(&[sh("grep ^0:: /proc/self/cgroup > where; exec sleep 1000")])).start();
    let Some(groups) = running.host.groups() else { return };
    assert!(running.made("where").trim().ends_with("/job"));
    let shim = format!("/proc/{}/cgroup", running.shim.id());
    until("the shim is in its own group", || {
        let own = fs::read_to_string(&shim).expect("it runs");
        own.lines().any(|line| line.starts_with("0::") && line.ends_with("/shim")).then_some(())
    });
    running.host.ask("cancel");
    let ended = running.end();
    assert_eq!(ended.outcome(), Outcome::Cancelled);
    assert!(!groups.job.path().exists(), "nobody was left in it when EXIT was written");
}

#[test]
fn killing_the_group_ends_all_that_a_dead_shim_left_behind() {
    let script = "(setsid sh -c 'echo $$ > pid; while :; do sleep 0.1; done' &); exec sleep 1000";
    let mut running = Host::new(envelope(&[sh(script)])).start();
    let Some(groups) = running.host.groups() else { return };
    let pid = running.made("pid");
    running.shim.kill().expect("killed");
    running.shim.wait().expect("our child");
    assert!(is_alive(&pid) && !groups.job.is_empty().expect("it is there"));
    groups.job.kill().expect("killed");
    until("the group is empty", || groups.job.is_empty().expect("it is there").then_some(()));
    assert!(!is_alive(&pid));
}

#[test]
fn a_group_that_a_step_made_below_its_own_is_ended_and_removed_too() {
    let script = "group=/sys/fs/cgroup/unified$(sed -n 's/^0:://p' /proc/self/cgroup)
        [ -d \"$group\" ] || group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
        mkdir \"$group/inner\" || exit 0
        setsid sh -c 'echo $$ > '\"$group\"'/inner/cgroup.procs; trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done' &
        while ! grep -q . pid 2>/dev/null; do sleep 0.02; done; cat pid";
    let ended = run(&[sh(script)]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert!(ended.log(1).trim().is_empty() || !is_alive(&ended.log(1)));
    assert!(ended.host.groups().is_none_or(|groups| !groups.job.path().exists()));
}
