//! Which pushes start a run, and the reason that is kept where none does.

use windlass_core::pipeline::{PushEvent, fires};

use crate::read;

/// Writes down what a push of this kind does with a pipeline of this `on`.
fn verdict(on: &str, push: &PushEvent) -> String {
    let pipeline = read(&format!("{on}\njobs: {{ a: {{ run: x }} }}")).pipeline.expect(on);
    fires(&pipeline, push).map_or_else(|why| why.to_string(), |()| "fires".to_owned())
}

fn branch(name: &str) -> PushEvent {
    PushEvent { branch: Some(name.to_owned()), ..PushEvent::default() }
}

fn tag(name: &str) -> PushEvent {
    PushEvent { tag: Some(name.to_owned()), ..PushEvent::default() }
}

fn changing(paths: &[&str]) -> PushEvent {
    PushEvent { changed: Some(paths.iter().map(|path| (*path).to_owned()).collect()), ..branch("main") }
}

#[test]
fn branches_and_tags_decide() {
    let both = "on: { push: { branches: [main, 'release/**', '!release/old'], tags: ['v*'] } }";
    let branches = "on: { push: { branches: [main] } }";
    let tags = "on: { push: { tags: ['v*'] } }";
    for (on, push, expected) in [
        ("", branch("any"), "fires"),
        ("", tag("any"), "fires"),
        ("on: { push: true }", branch("any"), "fires"),
        ("on: {}", branch("main"), "pushes do not trigger the pipeline"),
        ("on: { manual: true }", branch("main"), "pushes do not trigger the pipeline"),
        (both, branch("main"), "fires"),
        (both, branch("release/1/2"), "fires"),
        (both, branch("release/old"), "the pipeline fires on branches main, release/**, !release/old"),
        (both, tag("v1"), "fires"),
        (both, tag("v1/x"), "the pipeline fires on tags v*"),
        (branches, branch("maintenance"), "the pipeline fires on branches main"),
        (branches, tag("main"), "the pipeline fires on branches only"),
        (tags, branch("v1"), "the pipeline fires on tags only"),
    ] {
        assert_eq!(verdict(on, &push), expected, "{on} {push:?}");
    }
}

#[test]
fn paths_decide_and_ignorance_fires() {
    let on = "on: { push: { paths: ['**', '!docs/**'] } }";
    for (push, expected) in [
        (changing(&["src/main.rs"]), "fires"),
        (changing(&["docs/a.md", "src/main.rs"]), "fires"),
        (changing(&["docs/a.md"]), "the pipeline fires on changes of **, !docs/**"),
        (changing(&[]), "the pipeline fires on changes of **, !docs/**"),
        (branch("main"), "fires"),
    ] {
        assert_eq!(verdict(on, &push), expected, "{push:?}");
    }
}

#[test]
fn a_head_commit_can_ask_for_no_run() {
    let push = PushEvent { message: "Mend a comment [skip ci]".to_owned(), ..branch("main") };
    assert_eq!(verdict("", &push), "the head commit says [skip ci]");
}
