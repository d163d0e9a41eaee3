//! Hostile input, a row of the suite for each test: refused in words that help, quickly, and with foreign text made visible.

use windlass_core::model::Code;

use crate::{lint, read};

/// The file is refused with this code, and its problems say all of these.
fn refused(text: &str, code: Code, words: &[&str]) {
    let parsed = read(text);
    let printed = lint(text);
    assert!(parsed.pipeline.is_none(), "{printed}");
    assert!(parsed.problems.iter().any(|problem| problem.code == code), "wants {code:?}:\n{printed}");
    for word in words {
        assert!(printed.contains(word), "wants {word:?}:\n{printed}");
    }
    for problem in &parsed.problems {
        assert!(problem.text.chars().count() < 400, "{printed}");
        assert!(!printed.contains(['\u{1b}', '\u{200b}', '\u{202e}']), "{printed:?}");
    }
}

#[test]
fn c1_anchors_aliases_and_merge_keys_are_bad_yaml() {
    refused(
        "env: &a { A: x }\njobs: { test: { run: x, env: *a } }",
        Code::BadYaml,
        &["1:6", "anchors", "2:30", "aliases", "defaults:"],
    );
    refused("jobs:\n  a:\n    <<: { run: x }\n", Code::BadYaml, &["3:5", "merge keys", "^^ hint"]);
    refused("jobs: { a: { run: *nowhere } }", Code::BadYaml, &["1:19"]);
    let mut laughs = String::from("a0: &a0 [lol]\n");
    for level in 1..10 {
        let again = format!("*a{}, ", level - 1).repeat(9);
        laughs.push_str(&format!("a{level}: &a{level} [{again}]\n"));
    }
    refused(&laughs, Code::BadYaml, &["aliases are not allowed"]);
}

#[test]
fn c2_what_is_too_big_names_the_limit() {
    refused(&"[".repeat(10_000), Code::TooBig, &["deeper than 24 levels"]);
    refused(&"- ".repeat(10_000), Code::TooBig, &["deeper than 24 levels"]);
    refused(&"{a: ".repeat(10_000), Code::TooBig, &["deeper than 24 levels"]);
    refused(&"? ".repeat(10_000), Code::TooBig, &["deeper than 24 levels"]);
    refused(&format!("env: {{ A: {} }}", "x".repeat(10 << 20)), Code::TooBig, &["256 KiB"]);
    refused(&format!("jobs: {{ a: {{ steps: [{}] }} }}", "{run: x},".repeat(20_000)), Code::TooBig, &["10000 values"]);
}

#[test]
fn c3_what_yaml_would_change_is_explained() {
    refused("jobs: { a: { run: x, run: y } }", Code::DuplicateKey, &["job `a` has the key `run` twice", "line 1"]);
    for (value, becomes) in [
        ("1e3", "would become 1000"),
        ("0o17", "would become 15"),
        ("~", "means nothing"),
        ("1.20", "would become 1.2"),
    ] {
        refused(
            &format!("jobs: {{ a: {{ run: x, env: {{ A: {value} }} }} }}"),
            Code::NotText,
            &[becomes, &format!("write \"{value}\"")],
        );
    }
    refused("jobs: { a: { run: x, env: { A: } } }", Code::NotText, &["nothing is written here"]);
    refused("jobs: { 1.90: { run: x } }", Code::NotText, &["the key `1.90`", "write \"1.90\""]);
    for value in ["NO", "on", "yes", "12:30:00", "15", "true", "-1"] {
        let parsed = read(&format!("env: {{ A: {value} }}\njobs: {{ a: {{ run: x }} }}"));
        let pipeline = parsed.pipeline.expect(value);
        assert_eq!(pipeline.env["A"], value);
    }
}

#[test]
fn c4_tags_documents_and_directives_are_bad_yaml() {
    for tag in ["!!python/object:os.system", "!ruby/object", "!include", "!own", "!!str"] {
        refused(&format!("jobs: {{ a: {{ run: {tag} x }} }}"), Code::BadYaml, &["tags are not allowed", "1:19"]);
    }
    refused("jobs: { a: { run: x } }\n---\njobs: { b: { run: y } }\n", Code::BadYaml, &["2:1", "a second document"]);
    refused("%YAML 1.1\n---\njobs: { a: { run: x } }\n", Code::BadYaml, &["1:1", "directives are not allowed"]);
    refused("# x\n\n%TAG ! tag:x,1:\n---\njobs: { a: { run: x } }\n", Code::BadYaml, &["3:1"]);
    assert!(read("---\njobs: { a: { run: x } }\n...\n").pipeline.is_some());
    assert!(read("\u{feff}jobs: { a: { run: x } }\n").pipeline.is_some());
}

#[test]
fn c5_needs_that_lead_nowhere_are_named() {
    refused("jobs: { a: { run: x, needs: [b] }, b: { run: x, needs: [a] } }", Code::Cycle, &["b → a → b"]);
    refused("jobs: { a: { run: x, needs: [a] } }", Code::Cycle, &["needs itself"]);
    refused("jobs: { a: { run: x, needs: [missing] } }", Code::UnknownName, &["there is no job `missing`"]);
    let mut dense = String::from("jobs:\n");
    for job in 0..130 {
        let needs: Vec<String> = (0..job).map(|other| format!("j{other}")).collect();
        dense.push_str(&format!("  j{job}: {{ run: x, needs: [{}] }}\n", needs.join(", ")));
    }
    let parsed = read(&dense);
    assert!(parsed.pipeline.is_some(), "{}", lint(&dense));
    let circular = dense.replacen("needs: []", "needs: [j129]", 1);
    refused(&circular, Code::Cycle, &["j0"]);
}

#[test]
fn c6_a_key_that_only_looks_right_is_shown_by_its_code_points() {
    refused("jobs: { a: { ru\u{200b}n: x } }", Code::UnknownKey, &["did you mean `run`?", "U+200B at character 3"]);
    refused("j\u{43e}bs: { a: { run: x } }", Code::UnknownKey, &["did you mean `jobs`?", "U+043E at character 2"]);
    refused("jobs: { a: { run: x, tiemout: 1m } }", Code::UnknownKey, &["did you mean `timeout`?"]);
    refused("jobs: { a: { run: x, colour: red } }", Code::UnknownKey, &["it takes `needs`, `if`"]);
    refused("jobs: { a: { run: x, \"\\e[2J\": red } }", Code::UnknownKey, &["\\u{1b}[2J"]);
}

#[test]
fn c7_nothing_is_substituted_into_a_command() {
    refused("jobs: { a: { run: 'echo ${{ branch }}' } }", Code::BadExpression, &["1:25", "values come by environment"]);
    refused(
        "jobs:\n  a:\n    run: |\n      true\n      echo ${{ branch }}\n",
        Code::BadExpression,
        &["5:12", "echo ${{ branch }}"],
    );
    refused(
        "jobs: { a: { steps: [{ run: [echo, '${{ x }}'] }] } }",
        Code::BadExpression,
        &["values come by environment"],
    );
    let parsed = read("env: { TITLE: '$(id)' }\njobs: { a: { run: 'echo \"$TITLE\" $(id)' } }");
    assert_eq!(parsed.pipeline.expect("data stays data").env["TITLE"], "$(id)");
}

#[test]
fn c8_names_follow_one_rule() {
    for name in ["..", "CON", "a/b", "\u{1f600}", "-rf", ".hidden", "ſhop", "a b", ""] {
        refused(&format!("jobs: {{ \"{name}\": {{ run: x }} }}"), Code::BadName, &["is not a name for a job"]);
        refused(
            &format!("jobs: {{ a: {{ steps: [{{ name: \"{name}\", run: x }}] }} }}"),
            Code::BadName,
            &["is not a name for a step"],
        );
    }
    refused(
        &format!("jobs: {{ {}: {{ run: x }} }}", "a".repeat(1_000)),
        Code::BadName,
        &["…` is not a name for a job"],
    );
    refused("jobs: { \u{430}: { run: x } }", Code::BadName, &["U+0430 at character 1"]);
    refused("jobs: { CON: { run: x } }", Code::BadName, &["did you mean `con`?"]);
}
