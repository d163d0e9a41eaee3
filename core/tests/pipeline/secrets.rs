//! `secrets` of jobs and steps.

use windlass_core::model::{Step, Work};
use windlass_core::pipeline::expand;

use crate::{lint, read};

fn steps(text: &str) -> Vec<Step> {
    let parsed = read(text);
    assert!(parsed.problems.is_empty(), "{}", lint(text));
    let plan = expand(&parsed.pipeline.expect("a file without problems is a pipeline"));
    match &plan.jobs[0].work {
        Work::Steps(work) => work.steps.clone(),
        Work::Deploy(_) => panic!("the job deploys"),
    }
}

fn names<'s>(names: impl IntoIterator<Item = &'s windlass_core::model::SecretName>) -> Vec<&'s str> {
    names.into_iter().map(|name| name.as_str()).collect()
}

#[test]
fn a_step_sees_what_it_and_its_job_ask_for_in_the_form_they_say() {
    let steps = steps(
        "defaults: { secrets: [UNUSED] }
jobs:
  test:
    secrets: { TOKEN: {}, KEY: { as: file } }
    steps:
      - run: one
      - { run: two, secrets: [OTHER] }
",
    );
    assert_eq!((names(&steps[0].secrets), names(&steps[0].secret_files)), (vec!["TOKEN"], vec!["KEY"]));
    assert_eq!((names(&steps[1].secrets), names(&steps[1].secret_files)), (vec!["OTHER", "TOKEN"], vec!["KEY"]));
}

#[test]
fn what_is_wrong_with_secrets_is_said_with_its_place_and_a_hint() {
    for (text, said) in [
        ("secrets: [tax-key]", "2:21: error[bad-name]: `tax-key` is not a name for a secret"),
        ("secrets: [tax-key]", "did you mean `TAX_KEY`?"),
        ("secrets: [WINDLASS_KEY]", "error[bad-name]: `WINDLASS_KEY` is not a name for a secret"),
        ("secrets: [KEY, KEY]", "error[clash]: secret `KEY` is named twice"),
        ("secrets: [KEY], env: { KEY: x }", "error[clash]: `KEY` is a secret, and a variable of `env` too"),
        ("secrets: { KEY: { as: files } }", "did you mean `file`?"),
        ("secrets: { KEY: { ass: file } }", "error[unknown-key]"),
        ("secrets: KEY", "error[wrong-type]: `secrets` takes a list, not a text"),
    ] {
        let found = lint(&format!("jobs:\n  test: {{ {text}, run: make }}\n"));
        assert!(found.contains(said), "{text}: {found}");
    }
    let twice = lint("jobs:\n  test:\n    secrets: [KEY]\n    steps: [{ run: x, secrets: { KEY: { as: file } } }]\n");
    assert!(twice.contains("error[clash]: `KEY` is a variable here and a file there"), "{twice}");
}
