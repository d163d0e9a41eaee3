//! How steps are executed, what they see, and what their end means.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use windlass_core::attempt::LineBody;
use windlass_core::model::{Action, Builtin, Failure, FetchFile, Outcome, RunIf, Step, StepOutcome};

use crate::harness::{Host, always, command, envelope, lines, run, sh, step};

fn failed(how: Failure) -> StepOutcome {
    StepOutcome::Failed { how }
}

#[test]
fn a_job_of_one_step_leaves_these_lines() {
    let ended = run(&[sh("echo hello")]);
    let words: Vec<&str> = lines(&ended.host.dir())
        .iter()
        .map(|line| match line {
            LineBody::Accepted { .. } => "accepted",
            LineBody::Go => "go",
            LineBody::StepStarted { step: 1 } => "step 1 started",
            LineBody::StepEnded { step: 1, outcome: StepOutcome::Succeeded, .. } => "step 1 succeeded",
            LineBody::Exit { outcome: Outcome::Succeeded, cancel_too_late: false, .. } => "exit succeeded",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["accepted", "go", "step 1 started", "step 1 succeeded", "exit succeeded"]);
    assert_eq!(ended.log(1), "hello\n");
}

#[test]
fn exit_codes_and_signals_are_told_as_they_are() {
    for (script, how) in [
        ("exit 3", Failure::Code(3)),
        ("exit 255", Failure::Code(255)),
        ("kill -9 $$", Failure::Signal(9)),
        ("kill -TERM $$", Failure::Signal(15)),
        ("kill -SEGV $$", Failure::Signal(11)),
    ] {
        let ended = run(&[sh(script)]);
        assert_eq!(ended.outcome(), Outcome::Failed { how: how.clone() }, "{script}");
        assert_eq!(ended.steps(), [failed(how)], "{script}");
    }
}

#[test]
fn a_command_that_cannot_be_executed_has_failed_and_says_why() {
    for (argv, error) in [
        (&["/no/such/program"][..], "/no/such/program: No such file or directory (os error 2)"),
        (&["no-such-program"], "no-such-program: No such file or directory (os error 2)"),
        (&["/etc/passwd"], "/etc/passwd: Permission denied (os error 13)"),
        (&[], "the command is empty"),
        (&["echo", "a\0b"], "an argument, a variable or the directory has a zero byte"),
    ] {
        let ended = run(&[command(argv)]);
        assert_eq!(ended.outcome(), Outcome::Failed { how: Failure::Exec(error.to_owned()) }, "{argv:?}");
    }
}

#[test]
fn a_step_sees_an_exact_environment_and_nothing_of_the_agents() {
    let mut one = command(&["env"]);
    one.env.insert("COLOUR".to_owned(), "blue".to_owned());
    let ended = run(&[one]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    let log = ended.log(1);
    let mut names: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    let expected = "CI COLOUR HOME LANG LOGNAME PATH SHELL TMPDIR USER WINDLASS_AGENT WINDLASS_ATTEMPT WINDLASS_FENCE \
                    WINDLASS_JOB WINDLASS_OUTCOME WINDLASS_OUTPUT WINDLASS_PROJECT WINDLASS_RUN WINDLASS_RUN_NUMBER \
                    WINDLASS_STEP WINDLASS_TMP WINDLASS_WORKSPACE";
    assert_eq!(names.join(" "), expected);
    for line in ["WINDLASS_FENCE=4711", "WINDLASS_RUN=shop#42", "HOME=/home/ci", "COLOUR=blue"] {
        assert!(log.lines().any(|found| found == line), "{line} in {log}");
    }
    let workspace = ended.host.workspace();
    assert!(log.contains(&format!("WINDLASS_WORKSPACE={}\n", workspace.display())), "{log}");
}

#[test]
fn a_step_begins_with_a_clean_process() {
    let script = "pwd; umask; cat; ls /proc/self/fd | tr '\\n' ' '; echo
        ps -o sid=,pgid=,pid= -p $$ | awk '{ print ($1 == $3) ($2 == $3) }'
        grep -E '^(SigBlk|SigIgn|NoNewPrivs)' /proc/self/status; ulimit -c";
    let ended = run(&[sh(script)]);
    let workspace = ended.host.workspace();
    let expected = format!(
        "{}\n0022\n0 1 2 3 \n11\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n0\n",
        workspace.display()
    );
    assert_eq!(ended.log(1), expected, "the fourth descriptor is the directory that ls reads");
}

#[test]
fn a_step_runs_in_its_folder_and_never_outside_the_workspace() {
    let host = Host::new(envelope(&[Step { dir: "a/b".to_owned(), ..command(&["pwd"]) }]));
    fs::create_dir_all(host.workspace().join("a/b")).expect("made");
    let ended = host.start().end();
    assert_eq!(ended.log(1), format!("{}/a/b\n", ended.host.workspace().display()));

    for dir in ["../attempt", "/etc", "a/../../b"] {
        let ended = run(&[Step { dir: dir.to_owned(), ..command(&["pwd"]) }]);
        assert_eq!(ended.void().to_string(), format!("not_started(setup_failed: dir {dir:?} leaves the workspace)"));
    }
}

#[test]
fn a_later_step_whose_folder_is_missing_has_failed() {
    let ended = run(&[sh("true"), Step { dir: "missing".to_owned(), ..sh("true") }]);
    let how = Failure::Exec("directory: No such file or directory (os error 2)".to_owned());
    assert_eq!(ended.steps(), [StepOutcome::Succeeded, failed(how)]);
    assert_eq!(ended.exit().logs.len(), 2);
    assert_eq!(ended.exit().logs[1], None);
}

#[test]
fn steps_run_by_their_condition_and_know_how_it_went() {
    let with = |run_if, script| Step { run_if, ..sh(script) };
    let ended = run(&[
        with(RunIf::Failure, "echo never"),
        with(RunIf::Success, "exit 7"),
        with(RunIf::Success, "echo never"),
        with(RunIf::Failure, "echo $WINDLASS_OUTCOME"),
        with(RunIf::Always, "echo cleaned"),
    ]);
    assert_eq!(ended.outcome(), Outcome::Failed { how: Failure::Code(7) });
    let skipped = StepOutcome::Skipped;
    let succeeded = StepOutcome::Succeeded;
    assert_eq!(ended.steps(), [skipped.clone(), failed(Failure::Code(7)), skipped, succeeded.clone(), succeeded]);
    assert_eq!((ended.log(4), ended.log(5)), ("failed\n".to_owned(), "cleaned\n".to_owned()));
    let has_log: Vec<bool> = ended.exit().logs.iter().map(Option::is_some).collect();
    assert_eq!(has_log, [false, true, false, true, true]);
}

#[test]
fn a_tolerated_failure_is_neither_green_nor_red() {
    let ended = run(&[Step { tolerate: true, ..sh("exit 4") }, sh("echo $WINDLASS_OUTCOME")]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert_eq!(ended.steps(), [StepOutcome::Tolerated { how: Some(Failure::Code(4)) }, StepOutcome::Succeeded]);
    assert_eq!(ended.log(2), "succeeded\n");
}

#[test]
fn a_job_without_steps_succeeds() {
    let ended = run(&[]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
}

#[test]
fn outputs_are_reported_with_the_step() {
    let ended = run(&[sh("echo BYTES=4301220 >> $WINDLASS_OUTPUT; printf 'NOTE=a = b' >> $WINDLASS_OUTPUT")]);
    let outputs = ended.outputs();
    let pairs: Vec<_> = outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("BYTES", "4301220"), ("NOTE", "a = b")]);
}

#[test]
fn outputs_that_break_a_rule_fail_the_step() {
    let ended = run(&[sh("echo nonsense > $WINDLASS_OUTPUT")]);
    let how = Failure::Broken("line 1 of the outputs: it is not NAME=value".to_owned());
    assert_eq!(ended.outcome(), Outcome::Failed { how });
    let fifo = run(&[sh("rm $WINDLASS_OUTPUT; mkfifo $WINDLASS_OUTPUT")]);
    let how = Failure::Broken("outputs cannot be read: it is no longer a plain file".to_owned());
    assert_eq!(fifo.outcome(), Outcome::Failed { how }, "and the shim does not hang on it");
}

#[test]
fn a_folder_for_temporary_files_is_removed_with_the_job() {
    let ended = run(&[sh("echo x > $TMPDIR/x; [ $TMPDIR = $WINDLASS_TMP ]"), sh("cat $WINDLASS_TMP/x")]);
    assert_eq!((ended.outcome(), ended.log(2)), (Outcome::Succeeded, "x\n".to_owned()));
    assert!(!ended.host.dir().join("tmp").exists());
}

#[test]
fn a_built_in_step_is_a_child_like_any_other_with_its_input_on_stdin() {
    let builtin = Builtin::Fetch {
        files: vec![FetchFile {
            name: "shop.tar".to_owned(),
            digest: windlass_core::model::Digest::of(b"x"),
            to: "in".to_owned(),
        }],
    };
    let host = Host::new(envelope(&[step(Action::Builtin(builtin.clone())), always(sh("exit 0"))]));
    let program =
        "#!/bin/sh\necho \"$@\"; cat; echo; echo $WINDLASS_AGENT_SOCKET; echo $WINDLASS_ATTEMPT_DIR; exit 75\n";
    fs::write(host.builtins(), program).expect("written");
    fs::set_permissions(host.builtins(), fs::Permissions::from_mode(0o755)).expect("executable");
    let ended = host.start().end();
    assert_eq!(ended.outcome(), Outcome::Failed { how: Failure::Code(75) });
    let log = ended.log(1);
    let said: Vec<&str> = log.lines().collect();
    assert_eq!(said[0], "step fetch");
    assert_eq!(serde_json::from_str::<Builtin>(said[1]).expect("its input"), builtin);
    assert!(said[2].ends_with("/agent.sock"), "{log}");
    assert_eq!(said[3], ended.host.dir().display().to_string());
}
