//! Whatever is in a file, reading it ends with a pipeline or with problems that lie inside its text.

use proptest::prelude::*;
use windlass_core::pipeline::{expand, render};

use crate::read;

/// Files from which mutations start.
const SEEDS: [&str; 3] = [
    "jobs:\n  test:\n    run: make test\n",
    "on: { push: { branches: [main, \"release/**\"], paths: ['**', '!docs/**'] } }\nenv: { A: 15 }\ndefaults: { runs-on: 'role=build, arch=arm64|amd64, !shared', timeout: 20m }\nservices:\n  shop:\n    artifact: shop.tar.zst\n    root: /srv/shop\n    hooks: { start: 'keeper start', stop: [keeper, stop] }\n    identity: { http: \"http://127.0.0.1:8080/release\" }\n    gates: { up: { http: \"http://127.0.0.1:8080/healthz\", every: 200ms, steady: 600ms } }\njobs:\n  build: { steps: [{ name: compile, run: cargo build }], artifacts: { shop.tar.zst: { paths: [shop, prices.csv] } } }\n  test: { needs: [build], inputs: [shop.tar.zst], run: ./test.sh }\n  production: { needs: [test], deploy: { service: shop, environment: production, strategy: [{ targets: 1, bake: 2s, budget: 0 }, { targets: rest, bake: 2s }] } }\n",
    "jobs:\n  a:\n    steps:\n      - name: one\n        run: |\n          set -e\n          echo ä\n      - run: >-\n          folded\n          text\n        env: { X: \"q\\n\", Y: 'z' }\n        if: always\n",
];

/// Pieces that mean something to YAML or to us.
const PIECES: [&str; 24] = [
    "\n", "  ", ": ", "- ", "[", "]", "{", "}", "|", ">", "&a ", "*a", "!t ", "\"", "'", "#", "~", "1.90", "${{", "\r",
    "\t", "%", "---\n", "\u{e4}",
];

fn check(text: &str) {
    let parsed = read(text);
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = body.split('\n').collect();
    for problem in &parsed.problems {
        let line = lines.get(problem.line as usize - 1).copied().unwrap_or_default();
        let length = line.chars().count() as u32;
        assert!(problem.line >= 1 && problem.line as usize <= lines.len(), "{problem:?}\n{text}");
        assert!(problem.column >= 1 && problem.width >= 1, "{problem:?}\n{text}");
        // One place after the last character may be marked: what is missing belongs there.
        assert!(problem.column <= length + 1 && problem.column + problem.width <= length + 2, "{problem:?}\n{text}");
        assert!(line.starts_with(&problem.source), "{problem:?}\n{text}");
    }
    assert_eq!(parsed.pipeline.is_none(), !parsed.problems.is_empty());
    assert_eq!(render(&parsed.problems).lines().count(), parsed.problems.len() * 3);
    if let Some(pipeline) = parsed.pipeline {
        assert!(!expand(&pipeline).jobs.is_empty());
    }
}

#[test]
fn what_once_broke_the_reader_is_refused() {
    check("&\u{a0}!");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_pile_of_pieces_is_read_or_refused(pieces in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        check(&text);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        seed in 0..SEEDS.len(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, prop::option::of(0..PIECES.len())), 1..4),
    ) {
        let mut chars: Vec<char> = SEEDS[seed].chars().collect();
        for (place, removed, added) in damages {
            let from = place.index(chars.len() + 1);
            let to = (from + removed).min(chars.len());
            let added = added.map_or("", |piece| PIECES[piece]);
            chars.splice(from..to, added.chars());
        }
        check(&chars.into_iter().collect::<String>());
    }
}
