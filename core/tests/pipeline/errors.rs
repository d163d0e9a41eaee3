//! The words of each error. Expected texts are written by hand: they are what people read.

use insta::assert_snapshot;

use crate::lint;

/// A file with the mistakes that people make most.
const MISTAKES: &str = r#"on:
  push: { branches: [main] }
env:
  MODE: quick

jobs:
  build:
    needs: []
    run-on: role=build
    run: make
    artifacts: [shop.tar.zst]
  lint:
    run: make lint
  toolchains:
    run: cargo test
    runs-on:
      os: linux
      rust: [1.90, stable]

  bundle:
    run: make bundle
    needs: [docs]

  test:
    inputs: [shop.tar.zst]
    needs: [build]
    run: make test

  docs:
    run: make docs
    needs: [bundle]

  nightly:
    needs: [lint]
    run: make everything
    timeout: 10d

  publish:
    needs: [tset]
    run: make publish

  test:
    run: make test again
"#;

#[test]
fn a_file_with_mistakes_is_told_all_of_them_at_once() {
    assert_snapshot!(lint(MISTAKES), @r#"
    windlass.yaml:9:5: error[unknown-key]: job `build` has no key `run-on`
      9 |     run-on: role=build
        |     ^^^^^^ hint: did you mean `runs-on`?
    windlass.yaml:18:14: error[not-text]: `1.90` is a number in YAML and would become 1.9
     18 |       rust: [1.90, stable]
        |              ^^^^ hint: write "1.90"
    windlass.yaml:31:13: error[cycle]: jobs need each other: docs → bundle → docs
     31 |     needs: [bundle]
        |             ^^^^^^ hint: `bundle` needs `docs` on line 22
    windlass.yaml:36:14: error[out-of-range]: a time-out of 10 days is more than the 7 days allowed
     36 |     timeout: 10d
        |              ^^^ hint: write `7d`, or split the job
    windlass.yaml:39:13: error[unknown-name]: there is no job `tset`
     39 |     needs: [tset]
        |             ^^^^ hint: did you mean `test`?
    windlass.yaml:42:3: error[duplicate-key]: job `test` is defined twice
     42 |   test:
        |   ^^^^ hint: the first one is on line 24
    "#);
}

/// Everything that the language has and this version has not, with a misspelt key and an expression between.
const LATER: &str = r#"on: { push: true, schedule: [] }
params: { LEVEL: { type: text } }
notify: { team: [failed] }
services:
  shop: { artifact: shop.tar.zst, root: /srv/shop, unit: shop.service, identity: { http: "http://h/" },
    gates: { up: { session: { within: 1m }, http: "http://h/" } } }
jobs:
  test:
    matrix: { OS: [linux] }
    cancel_superseded: waiting
    runs_on: { cel: "matrix.OS" }
    if: branch == "main"
    env: { A: { cel: 1 } }
    checkout: { depth: 0 }
    steps:
      - { run: make, if: failed }
      - { run: make, continue-on-error: { cel: "true" } }
  production:
    needs: [test]
    deploy: { service: shop, environment: production, prepare: batch, strategy: [{ targets: 1, promote: manual }] }
"#;

#[test]
fn what_this_version_does_not_do_is_refused_and_never_ignored() {
    assert_snapshot!(lint(LATER));
}

/// One row for each rule: a file, the code, and a piece of the text or hint.
const RULES: &[(&str, &str, &str)] = &[
    ("", "missing-key", "the file has no `jobs`"),
    ("# nothing\n", "missing-key", "`jobs`"),
    ("on: { manual: true }", "missing-key", "`jobs`"),
    ("jobs: {}", "missing-key", "`jobs` has no job"),
    ("jobs:", "wrong-type", "takes a map, not nothing"),
    ("- a", "wrong-type", "the file takes a map"),
    ("on: push\njobs: {a: {run: x}}", "wrong-type", "`on` takes a map"),
    ("on: {push: false}\njobs: {a: {run: x}}", "wrong-type", "leave `push` out"),
    ("on: {push: {branches: ['!x']}}\njobs: {a: {run: x}}", "bad-glob", "nothing can match"),
    ("on: {push: {branches: ['[']}}\njobs: {a: {run: x}}", "bad-glob", "`[`"),
    ("on: {push: {branches: main}}\njobs: {a: {run: x}}", "wrong-type", "write `branches: [main]`"),
    ("env: {WINDLASS_RUN: x}\njobs: {a: {run: x}}", "clash", "set by Windlass"),
    ("env: {A-B: x}\njobs: {a: {run: x}}", "bad-name", "`A-B` is not a name for a variable"),
    ("env: {A: }\njobs: {a: {run: x}}", "not-text", "write \"\""),
    ("env: {A: ~}\njobs: {a: {run: x}}", "not-text", "`~` means nothing in YAML"),
    ("env: {A: [x]}\njobs: {a: {run: x}}", "wrong-type", "`A` takes a text, not a list"),
    ("env: {A: \"\\0\"}\njobs: {a: {run: x}}", "bad-yaml", "NUL"),
    ("defaults: {needs: [a]}\njobs: {a: {run: x}}", "unknown-key", "`defaults` has no key `needs`"),
    ("jobs: {a: {}}", "missing-key", "none of `run`, `steps`, `deploy`"),
    ("jobs: {a: {run: x, steps: [{run: y}]}}", "clash", "both `run` and `steps`"),
    ("jobs: {a: {run: ''}}", "wrong-type", "`run` takes a command"),
    ("jobs: {a: {run: []}}", "wrong-type", "names no program"),
    ("jobs: {a: {steps: []}}", "missing-key", "has no step"),
    ("jobs: {a: {steps: [{name: x}]}}", "missing-key", "step 1 of job `a` has no `run`"),
    ("jobs: {a: {steps: [{name: put, run: x}]}}", "clash", "built-in step"),
    ("jobs: {a: {steps: [{name: x, run: y}, {name: x, run: z}]}}", "clash", "two steps"),
    ("jobs: {a: {steps: [{name: '2', run: y}, {run: z}]}}", "clash", "called `2`"),
    ("jobs: {a: {steps: [{run: [x], shell: bash}]}}", "clash", "leave `shell` out"),
    ("jobs: {a: {steps: [{run: x, shell: zsh}]}}", "unknown-name", "one of `sh`, `bash`, not `zsh`"),
    ("jobs: {a: {steps: [{run: x, dir: ../up}]}}", "bad-path", "`..`"),
    ("jobs: {a: {steps: [{run: x, dir: /tmp}]}}", "bad-path", "is absolute"),
    ("jobs: {a: {steps: [{run: x, timeout: 0s}]}}", "out-of-range", "less than the 1 second allowed"),
    ("jobs: {a: {run: x, timeout: 1000000}}", "wrong-type", "a time from 1s to 7d"),
    ("jobs: {a: {run: x, grace: 11m}}", "out-of-range", "more than the 10 minutes allowed"),
    ("jobs: {a: {run: x, idempotent: yes}}", "wrong-type", "takes `true` or `false`, not `yes`"),
    ("jobs: {a: {run: x, idempotent: 'true'}}", "wrong-type", "takes `true` or `false`"),
    ("jobs: {a: {run: x, workspace: cold}}", "unknown-name", "`warm`, `clean`, `fresh`"),
    ("jobs: {a: {run: x, timeout: 1m, TIMEOUT: 2m}}", "unknown-key", "did you mean `timeout`?"),
    ("jobs: {a: {run: x, silent-timeout: 1m, silent_timeout: 2m}}", "duplicate-key", "twice"),
    ("jobs: {a: {run: x, if: sucess}}", "bad-expression", "did you mean `success`?"),
    ("jobs: {a: {run: x, if: [always]}}", "bad-expression", "not available"),
    ("jobs: {a: {run: x, needs: [a]}}", "cycle", "job `a` needs itself"),
    ("jobs: {a: {run: x}, b: {run: y, needs: [a, a]}}", "clash", "needed twice"),
    ("jobs: {a: {run: x}, b: {run: y, needs: a}}", "wrong-type", "write `needs: [a]`"),
    ("jobs: {a: {run: x, runs-on: 'role=build,,x'}}", "bad-label", "is not a label"),
    ("jobs: {a: {run: x, runs-on: {role: []}}}", "wrong-type", "takes a text, not a list"),
    ("jobs: {a: {run: x, runs-on: 'role='}}", "bad-label", "not the value of a label"),
    ("jobs: {a: {run: x, runs-on: {}}}", "bad-label", "names no label"),
    ("jobs: {a: {run: x, artifacts: [dist/*.tar]}}", "bad-path", "is a glob"),
    ("jobs: {a: {run: x, artifacts: [../x.tar]}}", "bad-path", "`..`"),
    ("jobs: {a: {run: x, artifacts: [a/x.tar, b/x.tar]}}", "clash", "two artifacts"),
    ("jobs: {a: {run: x, artifacts: {x.tar.gz: [y]}}}", "bad-name", "`.tar.gz` promises"),
    ("jobs: {a: {run: x, artifacts: {x.tar: ['!y']}}}", "bad-glob", "excludes"),
    ("jobs: {a: {run: x, artifacts: {x.tar: {optional: true}}}}", "missing-key", "no `paths`"),
    ("jobs: {a: {run: x, artifacts: {x.tar: {paths: [y], expire: 1d}}}}", "unknown-key", "`expire` is not available"),
    ("jobs: {a: {run: x, inputs: [x.tar]}}", "unknown-name", "no job that `a` needs makes its input `x.tar`"),
    (
        "jobs: {a: {run: x, artifacts: [x.tar]}, b: {run: y, inputs: [x.tar]}}",
        "unknown-name",
        "job `a` makes it: add it to `needs`",
    ),
    (
        "jobs: {a: {run: x, artifacts: [x.tar]}, b: {run: x, artifacts: [x.tar]}, c: {run: y, needs: [a, b], inputs: [x.tar]}}",
        "clash",
        "made by `a`, `b`",
    ),
    (
        "jobs: {a: {run: x, artifacts: [x.tar]}, b: {run: y, needs: [a], inputs: {x.tar: {from: c}}}}",
        "unknown-name",
        "does not need `c`",
    ),
    (
        "jobs: {a: {run: x}, b: {run: y, needs: [a], inputs: {x.tar: {from: a}}}}",
        "unknown-name",
        "makes no artifact `x.tar`",
    ),
    ("jobs: {a: {deploy: {service: shop, environment: p}}}", "unknown-name", "there is no service `shop`"),
    ("jobs: {a: {deploy: {service: shop}}}", "missing-key", "no `environment`"),
    ("jobs: {a: {timeout: 1m, deploy: {service: shop, environment: p}}}", "clash", "cannot have `timeout`"),
];

#[test]
fn every_rule_has_its_code_and_its_words() {
    for (text, code, words) in RULES {
        let printed = lint(text);
        assert!(printed.contains(&format!("error[{code}]")), "{text}\n{printed}");
        assert!(printed.contains(words), "{text}\nwants {words:?}:\n{printed}");
    }
}

/// A service in the place of `SERVICE`, and what is said of it.
const SERVICES: &[(&str, &str, &str)] = &[
    ("{root: /srv/shop, artifact: x.tar}", "missing-key", "no `identity`: success could not be proven"),
    ("{root: /srv/shop, identity: {command: x}}", "missing-key", "no `artifact`"),
    ("{artifact: x.tar, identity: {command: x}}", "missing-key", "no `root`"),
    ("{root: srv, artifact: x.tar, identity: {command: x}}", "bad-path", "is not absolute"),
    ("{root: /, artifact: x.tar, identity: {command: x}}", "bad-path", "names no file"),
    ("{root: /srv/../etc, artifact: x.tar, identity: {command: x}}", "bad-path", "`..`"),
    ("{root: /srv/shop, artifact: x.zip, identity: {command: x}}", "bad-name", "a `.tar` or `.tar.zst`"),
    ("{root: /srv/shop, artifact: x.tar, identity: {http: 'ftp://x'}}", "bad-path", "not an http address"),
    ("{root: /srv/shop, artifact: x.tar, identity: {}}", "missing-key", "neither `http` nor `command`"),
    ("{root: /srv/shop, artifact: x.tar, identity: {http: 'http://h', command: x}}", "clash", "keep one of them"),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, hooks: {begin: x}}",
        "unknown-key",
        "has no key `begin`",
    ),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, hooks: {start: {timeout: 1s}}}",
        "missing-key",
        "hook `start` has no `run`",
    ),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, hooks: {start: {run: x, timeout: 2h}}}",
        "out-of-range",
        "1 hour allowed",
    ),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, gates: {up: {command: y, steady: 2m}}}",
        "out-of-range",
        "gate `up` can never pass",
    ),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, gates: {up: {command: y, fall: 0}}}",
        "out-of-range",
        "from 1 to 1000",
    ),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, gates: {up: {session: {within: 1m}}}}",
        "unknown-key",
        "`session` is not available",
    ),
    ("{root: /srv/shop, artifact: x.tar, identity: {command: x}, settings: {'A B': x}}", "bad-name", "`A B`"),
    (
        "{root: /srv/shop, artifact: x.tar, identity: {command: x}, keep: 0}",
        "out-of-range",
        "`keep` takes a whole number from 1 to 100",
    ),
];

#[test]
fn a_service_that_could_not_be_deployed_is_refused() {
    for (service, code, words) in SERVICES {
        let text = format!(
            "services: {{shop: {service}}}\njobs: {{build: {{run: x, artifacts: [x.tar]}}, \
             ship: {{needs: [build], deploy: {{service: shop, environment: p}}}}}}"
        );
        let printed = lint(&text);
        assert!(printed.contains(&format!("error[{code}]")), "{service}\n{printed}");
        assert!(printed.contains(words), "{service}\nwants {words:?}:\n{printed}");
    }
}

#[test]
fn a_strategy_that_makes_no_sense_is_refused() {
    for (strategy, code, words) in [
        ("fast", "unknown-name", "`rolling`, `canary`, `all_at_once`"),
        ("all-at-once", "unknown-name", "did you mean `all_at_once`?"),
        ("[]", "missing-key", "no batch"),
        ("[{bake: 1m}]", "missing-key", "batch 1 has no `targets`"),
        ("[{targets: 0}]", "out-of-range", "1 to 100000, 1% to 100%, or `rest`"),
        ("[{targets: 101%}]", "out-of-range", "not `101%`"),
        ("[{targets: many}]", "wrong-type", "not `many`"),
        ("[{targets: 1, budget: rest}]", "wrong-type", "`budget`"),
        ("[{targets: rest}, {targets: 1}]", "clash", "nothing is left"),
        ("[{targets: 1, budget: 3}, {targets: rest, budget: 2}]", "out-of-range", "budget falls"),
    ] {
        let text = format!("jobs: {{ship: {{deploy: {{service: shop, environment: p, strategy: {strategy}}}}}}}");
        let printed = lint(&text);
        assert!(printed.contains(&format!("error[{code}]")), "{strategy}\n{printed}");
        assert!(printed.contains(words), "{strategy}\nwants {words:?}:\n{printed}");
    }
}

#[test]
fn a_number_that_is_none_names_the_field_and_its_range() {
    let wrong = [
        "0",
        "-1",
        "-0",
        "2147483648",
        "4294967296",
        "9007199254740993",
        "9223372036854775808",
        "18446744073709551616",
        "1e309",
        "1_000",
        "0x10",
        "' 5'",
        "٣",
        "1.5",
        "",
        "~",
        "[1]",
        "true",
    ];
    for number in wrong {
        for (key, at, range) in [("keep", "", "from 1 to 100"), ("fall", "gates: {up: {command: x, ", "from 1 to 1000")]
        {
            let closing = if at.is_empty() { "" } else { "}}" };
            let text = format!("services: {{shop: {{{at}{key}: {number}{closing}}}}}\njobs: {{a: {{run: x}}}}");
            let printed = lint(&text);
            assert!(printed.contains(&format!("`{key}` takes a whole number {range}")), "{number}\n{printed}");
        }
        let printed = lint(&format!("jobs: {{a: {{run: x, timeout: {number}}}}}"));
        assert!(printed.contains("`timeout` takes a time from 1s to 7d"), "{number}\n{printed}");
    }
}

#[test]
fn a_long_circle_names_every_other_line() {
    let text = "jobs:\n  a: { run: x, needs: [c] }\n  b: { run: x, needs: [a] }\n  c: { run: x, needs: [b] }\n";
    assert_snapshot!(lint(text), @r"
    windlass.yaml:4:24: error[cycle]: jobs need each other: c → b → a → c
      4 |   c: { run: x, needs: [b] }
        |                        ^ hint: `b` needs `a` on line 3, `a` needs `c` on line 2
    ");
}
