//! A step that floods its log beside twenty that talk, a reader that is slow, and a cancel.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use windlass_tests::harness::{Api, Windlass, until_within};

use crate::check::text;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::proxy::{Passed, Proxy};
use crate::ring::Ring;
use crate::stage::{REST, Stage};
use crate::tell;

/// Steps that talk.
const TALKERS: usize = 20;
/// So long the flood is watched, in which two heartbeats come at least.
const WATCHED: Duration = Duration::from_secs(12);
/// An agent's heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The promise is 1 s; a machine that is busy with other things may need more, and then the printed figure says it.
const FAR_TOO_LATE: Duration = Duration::from_secs(5);

/// The flood.
#[derive(Debug)]
pub(crate) struct Flood;

impl Ring for Flood {
    fn name(&self) -> String {
        "flood".to_owned()
    }

    fn windlass(&self, windlass: Windlass, _world: u64) -> Windlass {
        windlass.builder("b1").slots(30).limits("log_per_attempt = \"16MiB\"")
    }

    fn round(&self, stage: &mut Stage, _round: u64, _dice: &mut Dice, findings: &mut Findings) {
        let proxy = Proxy::listen("127.0.0.1", stage.world.master.address("agents"));
        crate::network::dial(&mut stage.world, &proxy.address(), None);
        let folder = stage.world.folder().to_owned();
        let api = stage.world.api();
        let run = stage.world.run(&pipeline(stage.world.program.path(), &folder));
        for job in (1..=TALKERS).map(|n| format!("talk{n}")).chain(["flood".to_owned(), "wait".to_owned()]) {
            api.log_reaches(&run, &job, "run", 1);
        }
        let slow = slow_reader(api.clone(), run.clone());
        // Reports of the starts have passed by now: what follows on the first connection are heartbeats and their answers.
        std::thread::sleep(HEARTBEAT / 2);
        proxy.passed();
        std::thread::sleep(WATCHED);
        let (late, answered, beats) = heartbeats(&proxy.passed());
        let asked = Instant::now();
        let reply = api.post(&format!("/runs/{run}/cancel"), &json!({ "jobs": ["wait"], "reason": "measured" }));
        assert_eq!(reply.status, 202, "{reply:?}");
        until_within(REST, "TERM has come", || folder.join("term").exists().then_some(()));
        let cancelled = asked.elapsed();
        let reply = api.post(&format!("/runs/{run}/cancel"), &json!({ "jobs": ["flood"], "reason": "over" }));
        assert_eq!(reply.status, 202, "{reply:?}");
        api.ended(&run);
        slow.join().expect("a reader ends with its log");
        let slowest = slowest_write(&folder);
        tell(&format!(
            "flood: heartbeats: {beats}, at most {} ms late, answered within {} ms; TERM {} ms after a cancel was asked; the slowest write of {TALKERS} talking steps took {} ms\n",
            late.as_millis(),
            answered.as_millis(),
            cancelled.as_millis(),
            slowest.as_millis()
        ));
        judge(
            beats,
            &[("a heartbeat", late), ("its answer", answered), ("a cancel", cancelled), ("a write", slowest)],
            findings,
        );
        compare_logs(&api, &run, findings);
        findings.struck += 1;
    }
}

fn judge(beats: usize, times: &[(&str, Duration)], findings: &mut Findings) {
    if beats == 0 {
        findings.violation("no heartbeat passed".to_owned());
    }
    for (what, time) in times.iter().filter(|(_, time)| *time > FAR_TOO_LATE) {
        findings.violation(format!("{what} took {} ms", time.as_millis()));
    }
}

/// Every line of those that talk; of the flood its beginning, and a gap that says what is missing.
fn compare_logs(api: &Api, run: &str, findings: &mut Findings) {
    for n in 1..=TALKERS {
        let (bytes, _) = api.log(run, &format!("talk{n}"), "run");
        findings.bytes += bytes.len();
        let told = String::from_utf8_lossy(&bytes);
        if !told.lines().map(str::to_owned).eq((1..=crate::command::TALK.0).map(|n| n.to_string())) {
            findings.violation(format!("the log of talk{n} is not what it wrote"));
        }
    }
    let (bytes, headers) = api.log(run, "flood", "run");
    findings.bytes += bytes.len();
    if crate::check::header(&headers, "windlass-log-gaps").is_empty() {
        findings.violation(format!("the flood ended at {} bytes without a gap", bytes.len()));
    }
    for (job, kind) in [("flood", "cancelled"), ("wait", "cancelled"), ("talk1", "succeeded")] {
        let outcome = api.get(&format!("/runs/{run}/jobs/{job}")).body["outcome"].clone();
        if text(&outcome["kind"]) != kind {
            findings.violation(format!("{job} is {outcome}"));
        }
    }
}

/// How late heartbeats were sent, how late they were answered, and how many there were. Only the control connection, which is the first,
/// is looked at; an answer is the next thing that passes down.
fn heartbeats(passed: &[Passed]) -> (Duration, Duration, usize) {
    let first = passed.iter().map(|(connection, ..)| *connection).min();
    let control: Vec<&Passed> = passed.iter().filter(|(connection, ..)| Some(*connection) == first).collect();
    let (mut late, mut answered, mut beats) = (Duration::ZERO, Duration::ZERO, 0);
    let mut last: Option<Instant> = None;
    for (at, (_, up, time)) in control.iter().enumerate() {
        if !*up {
            continue;
        }
        let Some((_, _, answer)) = control[at..].iter().find(|(_, up, _)| !up) else { continue };
        beats += 1;
        answered = answered.max(*answer - *time);
        if let Some(last) = last {
            late = late.max((*time - last).saturating_sub(HEARTBEAT));
        }
        last = Some(*time);
    }
    (late, answered, beats)
}

/// Follows the flood, and takes little at a time.
fn slow_reader(api: Api, run: String) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let path = format!("/runs/{run}/jobs/flood/steps/run/log?follow=true");
        let Some(mut stream) = api.stream(&path, 0, WATCHED * 2) else { return };
        let mut buffer = vec![0; 16 * 1024];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

fn pipeline(program: &Path, folder: &Path) -> String {
    let talk = |n| format!("  talk{n}: {{run: [{program:?}, talk, {:?}]}}\n", folder.join("slowest"));
    let talkers: String = (1..=TALKERS).map(talk).collect();
    let term = folder.join("term").display().to_string();
    format!(
        "defaults: {{runs-on: role=build, checkout: false, workspace: fresh, timeout: 2m, grace: 10s}}
jobs:
{talkers}  flood: {{run: 'exec yes'}}
  wait: {{run: 'trap \"touch {term}; exit 0\" TERM; echo up; while :; do sleep 0.01; done'}}
"
    )
}

/// The longest that any of the talking steps waited for a write.
fn slowest_write(folder: &Path) -> Duration {
    let text = std::fs::read_to_string(folder.join("slowest")).unwrap_or_default();
    let micros = text.lines().filter_map(|line| line.parse().ok()).max();
    Duration::from_micros(micros.expect("those that talk said it"))
}
