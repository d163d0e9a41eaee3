//! A registered secret reaches no disk and no screen in clear (P14, I16): a marker goes through everything, and everything is searched.

use std::path::Path;

use windlass_tests::harness::World;

use crate::windlass;

/// With every character that some encoding changes.
const MARKER: &str = "mark \"er'\\/<5é>$7+tail";

const SEEN_BY_STEPS: &str = r#"
jobs:
  show:
    runs-on: role=build
    secrets: [KEY]
    steps:
      - name: plain
        run: |
          echo "as it is: $KEY"
          echo "on the other stream: $KEY" >&2
          echo "twice: $KEY$KEY"
          set -x; : "$KEY"
      - name: encoded
        shell: bash
        run: |
          for before in "" x xx; do
            printf '%s' "$before$KEY" | base64 -w 0; echo
            printf '%s' "$before$KEY" | base64 -w 7
            printf '%s' "$before$KEY" | base64 -w 0 | tr '+/' '-_'; echo
          done
          printf '%s' "$KEY" | od -An -v -tx1 | tr -d ' \n'; echo
          printf '%s' "$KEY" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; echo
          printf '%q\n' "$KEY"; echo "${KEY@Q}"
      - name: slow
        run: |
          key=$KEY
          while [ -n "$key" ]; do
            rest=${key#?}; printf '%s' "${key%"$rest"}"; key=$rest
            sleep 0.02
          done
          echo
      - name: half
        run: "printf '%.12s' \"$KEY\""
"#;

const FILES: &str = r#"
jobs:
  file:
    runs-on: role=build
    secrets: { KEY: { as: file } }
    run: |
      test "$(stat -c %a "$KEY")" = 400
      echo "$KEY" > where
      cat "$KEY"
    artifacts: [where]
"#;

const OUTPUT: &str = r#"
jobs:
  output:
    runs-on: role=build
    steps:
      - { name: leak, secrets: [KEY], run: 'echo "TEXT=$KEY" > "$WINDLASS_OUTPUT"' }
"#;

fn set(world: &World, args: &[&str], value: &str) {
    let api = world.api();
    let env = [("WINDLASS_URL", api.url()), ("WINDLASS_TOKEN", api.token())];
    let args = [&["secrets", "set", "KEY", "--project", "shop"][..], args].concat();
    let output = world.program.run_with("windlass", args, &env, value);
    assert_eq!(output.code, Some(0), "{}", output.err);
}

/// What nobody may find: the marker, and its listed encodings, each in the part that does not depend on neighbours.
fn encodings() -> Vec<Vec<u8>> {
    let sh = |script: &str| {
        let run = std::process::Command::new("bash").args(["-c", script]).env("KEY", MARKER).output().expect("bash");
        assert!(run.status.success(), "{script}");
        let mut bytes = run.stdout;
        bytes.truncate(bytes.trim_ascii_end().len());
        bytes
    };
    let mut found = vec![
        MARKER.as_bytes().to_vec(),
        sh("printf %q \"$KEY\""),
        sh("printf %s \"$KEY\" | od -An -v -tx1 | tr -d ' \\n'"),
    ];
    for before in ["", "x", "xx"] {
        let base64 = sh(&format!("printf %s \"{before}$KEY\" | base64 -w 0"));
        found.push(base64[4..base64.len() - 4].to_vec());
    }
    found
}

/// Every file below these folders, and the bytes that it holds.
fn search(folder: &Path, needles: &[Vec<u8>], found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("it can be listed").path()) {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            search(&path, needles, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // A break in a line hides nothing.
            let joined: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\n').collect();
            let holds = |needle: &Vec<u8>| [&bytes, &joined].iter().any(|text| contains(text, needle));
            found.extend(
                needles
                    .iter()
                    .filter(|needle| holds(needle))
                    .map(|needle| format!("{} holds {}", path.display(), String::from_utf8_lossy(needle))),
            );
        }
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|part| part == needle)
}

fn log(world: &World, run: &str, job: &str, step: &str) -> String {
    String::from_utf8_lossy(&world.api().log(run, job, step).0).into_owned()
}

#[test]
fn a_secret_in_every_encoding_reaches_no_disk_and_no_screen() {
    let world = windlass().builder("b1").start();
    set(&world, &[], &format!("{MARKER}\n"));
    let run = world.run(SEEN_BY_STEPS);
    let ended = world.api().ended(&run);
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    let plain = log(&world, &run, "show", "plain");
    let expected = ["as it is: [masked:KEY]", "on the other stream: [masked:KEY]", "twice: [masked:KEY][masked:KEY]"];
    assert!(expected.iter().all(|line| plain.contains(line)), "{plain}");
    assert_eq!(log(&world, &run, "show", "slow"), "[masked:KEY]\n");
    assert_eq!(log(&world, &run, "show", "half"), "[masked:KEY]");
    let encoded = log(&world, &run, "show", "encoded");
    assert_eq!(encoded.matches("[masked:KEY]").count(), 13, "{encoded}");
    let mut found = Vec::new();
    search(world.folder(), &encodings(), &mut found);
    assert!(found.is_empty(), "{found:#?}");
    let paths = [
        format!("/runs/{run}"),
        format!("/runs/{run}/plan"),
        format!("/runs/{run}/jobs/show/attempts/1"),
        "/projects/shop/secrets".to_owned(),
    ];
    let answers: String = paths.iter().map(|path| world.api().get(path).body.to_string()).collect();
    let said = [
        world.windlass(&["logs", &run]).out,
        world.windlass(&["show", &run, "show"]).out,
        world.windlass(&["secrets", "list", "--project", "shop"]).out,
    ];
    for needle in encodings() {
        assert!(!contains(answers.as_bytes(), &needle) && said.iter().all(|text| !contains(text.as_bytes(), &needle)));
    }
    assert!(said[2].contains("KEY@1"), "{}", said[2]);
}

#[test]
fn a_secret_file_is_in_memory_and_gone_with_its_attempt() {
    let world = windlass().builder("b1").start();
    set(&world, &[], MARKER);
    let run = world.run(FILES);
    let ended = world.api().ended(&run);
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    assert_eq!(log(&world, &run, "file", "run"), "[masked:KEY]");
    let place =
        std::fs::read_to_string(world.agents[0].folder().join("work/shop/file/where")).expect("the step wrote it");
    assert!(place.starts_with("/dev/shm/windlass-") && !Path::new(place.trim()).exists(), "{place}");
    let folder = Path::new(place.trim()).parent().expect("a folder");
    assert!(!folder.exists(), "{}", folder.display());
}

#[test]
fn an_output_with_a_secret_fails_its_step() {
    let world = windlass().builder("b1").start();
    set(&world, &[], MARKER);
    let run = world.run(OUTPUT);
    let ended = world.api().ended(&run);
    assert_eq!(ended["outcome"], "failed", "{ended:#}");
    let attempt = world.api().get(&format!("/runs/{run}/jobs/output/attempts/1")).body.to_string();
    assert!(attempt.contains("outputs hold secret KEY"), "{attempt}");
    let mut found = Vec::new();
    search(world.folder(), &encodings(), &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_job_whose_secret_is_missing_or_deleted_is_not_started() {
    let world = windlass().builder("b1").start();
    let outcome = |run: &str| world.api().ended(run)["jobs"][0]["outcome"].clone();
    let run = world.run("jobs:\n  a: {secrets: [KEY], run: 'true'}\n");
    assert_eq!(outcome(&run)["kind"], "not_started");
    assert_eq!(outcome(&run)["reason"], "secret: KEY");
    set(&world, &[], MARKER);
    assert_eq!(outcome(&world.start_run())["kind"], "succeeded");
    let gone = world.windlass(&["secrets", "delete", "KEY", "--project", "shop", "--reason", "it leaked"]);
    assert_eq!(gone.code, Some(0), "{}", gone.err);
    assert_eq!(outcome(&world.start_run())["kind"], "not_started");
    assert!(!world.master.data_dir().join("secrets/shop/KEY@1").exists());
    set(&world, &["--unprotected"], "short\n".repeat(2).as_str());
    let listed = world.windlass(&["secrets", "list", "--project", "shop"]).out;
    assert!(listed.contains("KEY@2") && listed.contains("every branch"), "{listed}");
}

#[test]
fn after_an_incident_it_is_listed_which_values_an_agent_got() {
    let world = windlass().builder("b1").start();
    set(&world, &[], MARKER);
    let run = world.run("jobs:\n  a: {secrets: [KEY], run: 'true'}\n");
    assert_eq!(world.api().ended(&run)["outcome"], "succeeded");
    let exposed = |args: &[&str]| {
        let output = world.windlass(&[&["secrets", "exposed", "--output", "json"][..], args].concat());
        assert_eq!(output.code, Some(0), "{}", output.err);
        let mut found: serde_json::Value = serde_json::from_str(&output.out).expect("it is JSON");
        assert_eq!(found["unread"], serde_json::json!([]));
        found["items"].take()
    };
    for args in [["--agent", "b1"], ["--run", "shop#1"], ["--since", "1h"]] {
        let found = exposed(&args);
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{args:?}: {found:#}");
        let one = &found[0];
        assert_eq!(
            (&one["name"], &one["number"], &one["changed"]),
            (&"KEY".into(), &1.into(), &false.into()),
            "{found:#}"
        );
        assert_eq!((&one["agents"][0], &one["deliveries"]), (&"b1".into(), &1.into()), "{found:#}");
    }
    set(&world, &[], "another value");
    assert_eq!(exposed(&["--agent", "b1"])[0]["changed"], true, "a newer value was set");
    assert_eq!(exposed(&["--since", "2999-01-01T00:00:00Z"]), serde_json::json!([]));
    let other = world.windlass(&["secrets", "exposed", "--agent", "b2"]);
    assert_eq!(other.code, Some(5), "{}", other.err);
    let all = world.windlass(&["secrets", "exposed"]);
    assert_eq!(all.code, Some(2), "one of them is needed: {}", all.err);
}
