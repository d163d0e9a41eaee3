//! Secrets: shown to the steps that declare them, to nobody else, and never written down.

use std::fs;
use std::path::PathBuf;

use windlass_core::model::{Failure, NotStarted, Outcome, Secret, SecretName, Secrets, Step, StepOutcome};
use windlass_shim::handed;

use crate::harness::{Ended, Host, envelope, sh};

const VALUE: &[u8] = b"hunter22 is no password";

/// Starts the shim with the first bytes of what an agent would hand over.
const WITH_SECRETS: &str = "exec 3<&0 <\"$1.secrets\"; exec \"$0\" \"$1\"";

fn key() -> SecretName {
    SecretName::new("KEY").expect("a name")
}

fn with_variable(script: &str) -> Step {
    Step { secrets: [key()].into(), ..sh(script) }
}

fn with_file(script: &str) -> Step {
    Step { secret_files: [key()].into(), ..sh(script) }
}

fn run_cut(steps: &[Step], missing_bytes: usize) -> Ended {
    let host = Host::new(envelope(steps));
    let secrets = Secrets::new(vec![(key(), Secret::new(VALUE.to_vec()).expect("a value"))]);
    let bytes = handed(&secrets);
    let path = PathBuf::from(format!("{}.secrets", host.dir().display()));
    fs::write(&path, &bytes[..bytes.len() - missing_bytes]).expect("written");
    host.start_by(WITH_SECRETS).end()
}

fn run(steps: &[Step]) -> Ended {
    run_cut(steps, 0)
}

#[test]
fn a_secret_is_seen_by_its_step_and_masked_in_all_it_writes() {
    let ended = run(&[
        with_variable("echo \"$KEY\"; echo \"$KEY\" >&2; printf %s \"$KEY\" | base64"),
        sh("echo \"${KEY-unset}\"; echo hunter22 is no password"),
    ]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    let log = ended.log(1);
    assert_eq!(log.matches("[masked:KEY]").count(), 3, "{log}");
    assert!(!log.contains("hunter22"), "{log}");
    assert_eq!(ended.log(2), "unset\n[masked:KEY]\n", "other steps do not see it, and cannot show it");
}

#[test]
fn a_secret_that_comes_in_pieces_is_masked() {
    let ended =
        run(&[with_variable("printf %s 'hunter22 is '; sleep 0.1; printf %s 'no pass'; sleep 0.1; echo word.")]);
    assert_eq!(ended.log(1), "[masked:KEY].\n");
}

#[test]
fn a_secret_file_is_for_its_owner_and_gone_with_the_shim() {
    let ended = run(&[with_file("stat -c %a \"$KEY\"; cat \"$KEY\"; dirname \"$KEY\" > where")]);
    assert_eq!(ended.log(1), "400\n[masked:KEY]");
    let place = fs::read_to_string(ended.host.workspace().join("where")).expect("written");
    assert_eq!(place.trim(), ended.host.secrets().to_string_lossy());
    assert!(!ended.host.secrets().exists());
}

#[test]
fn an_output_with_a_secret_fails_the_step_and_does_not_stay() {
    let ended = run(&[with_variable("echo \"TEXT=$KEY\" > $WINDLASS_OUTPUT")]);
    let how = Failure::Broken("outputs hold secret KEY".to_owned());
    assert_eq!(ended.steps(), [StepOutcome::Failed { how }]);
    assert!(!ended.host.dir().join("output-01").exists());
}

#[test]
fn secrets_that_were_cut_short_void_the_attempt() {
    for missing_bytes in [1, VALUE.len() + 8] {
        let ended = run_cut(&[with_variable("touch executed")], missing_bytes);
        assert_eq!(ended.void(), Outcome::NotStarted { reason: NotStarted::AgentRestart });
        assert!(!ended.host.workspace().join("executed").exists());
    }
}
