//! The limits hold exactly, and a file with many problems is told the first fifty.

use windlass_core::model::Code;
use windlass_core::pipeline::parse_bytes;

use crate::{lint, read};

fn jobs(count: usize, job: &str) -> String {
    let lines: String = (0..count).map(|n| format!("  j{n}: {job}\n")).collect();
    format!("jobs:\n{lines}")
}

fn steps(count: usize) -> String {
    format!("{{ steps: [{}] }}", "{run: x},".repeat(count))
}

#[test]
fn as_much_as_allowed_is_taken_and_one_more_is_not() {
    for (most, beyond, words) in [
        (jobs(200, "{ run: x }"), jobs(201, "{ run: x }"), "201 jobs are more than the 200 allowed"),
        (jobs(1, &steps(100)), jobs(1, &steps(101)), "has 101 steps; 100 are allowed"),
        (jobs(5, &steps(100)), jobs(6, &steps(84)), "the pipeline has 504 steps; 500 are allowed"),
        (
            format!("{}jobs: {{ a: {{ run: x }} }}", "# \n".repeat((256 * 1024 - 23) / 3)),
            "#".repeat(256 * 1024 + 1),
            "larger than 256 KiB",
        ),
    ] {
        assert!(read(&most).pipeline.is_some(), "{}", lint(&most));
        let parsed = read(&beyond);
        assert!(parsed.pipeline.is_none());
        assert_eq!(parsed.problems[0].code, Code::TooBig);
        assert!(parsed.problems[0].text.contains(words), "{}", lint(&beyond));
    }
}

#[test]
fn the_plan_of_a_run_is_at_most_two_mebibytes() {
    let file = |count: usize| format!("env: {{ WORDS: {} }}\n{}", "x".repeat(100 * 1024), jobs(count, "{ run: x }"));
    assert!(read(&file(20)).pipeline.is_some());
    let parsed = read(&file(21));
    assert!(parsed.pipeline.is_none());
    assert_eq!(parsed.problems[0].code, Code::TooBig);
    assert!(parsed.problems[0].text.contains("2048 KiB are allowed"), "{}", lint(&file(21)));
}

#[test]
fn fifty_problems_are_enough() {
    let parsed = read(&jobs(100, "{ run: x, colour: red }"));
    assert_eq!(parsed.problems.len(), 50);
    assert_eq!(parsed.problems[0].line, 2);
    assert_eq!(parsed.problems[49].line, 51);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert_eq!(parse_bytes("windlass.yaml", b"jobs: \xff").problems[0].code, Code::BadYaml);
    assert_eq!(read("jobs:\n  a\0: {run: x}").problems[0].line, 2);
    assert!(parse_bytes("windlass.yaml", b"jobs: {a: {run: x}}").pipeline.is_some());
}
