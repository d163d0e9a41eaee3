//! Whether what the master says of a run is what the world says of it.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_tests::harness::{Api, until_within};

use crate::command::Part;
use crate::findings::Findings;
use crate::stage::{REST, Seen};
use crate::truth::Truth;

/// What a ring's faults may do to a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    /// Nothing may be provable.
    pub(crate) unknown: bool,
    /// Steps themselves are killed.
    pub(crate) killed_steps: bool,
    /// A promise may be made that never starts anything.
    pub(crate) not_started: bool,
    /// Logs may have gaps, as a disk may be full.
    pub(crate) gaps: bool,
}

/// Compares one run that has come to rest.
pub(crate) struct Check<'a> {
    pub(crate) api: &'a Api,
    pub(crate) truth: &'a Truth,
    pub(crate) seed: u64,
    pub(crate) allowed: Allowed,
    pub(crate) seen: &'a Seen,
}

impl Check<'_> {
    /// What the master says; while its history is behind it says that.
    fn get(&self, path: &str, findings: &mut Findings) -> Value {
        let reply = until_within(REST, &format!("{path} is answered"), || {
            let reply = self.api.get(path);
            (reply.status != 503).then_some(reply)
        });
        if reply.status != 200 {
            findings.violation(format!("{path} is answered {}: {}", reply.status, reply.body));
        }
        reply.body
    }

    /// All of it.
    pub(crate) fn run(&self, id: &str, findings: &mut Findings) {
        let run = self.get(&format!("/runs/{id}"), findings);
        let people = id.replacen('.', "#", 1);
        let mut known = BTreeSet::new();
        for job in run["jobs"].as_array().into_iter().flatten() {
            let key = text(&job["key"]);
            let detail = self.get(&format!("/runs/{id}/jobs/{key}"), findings);
            let attempts = detail["attempts"].as_array().cloned().unwrap_or_default();
            let mut started = 0;
            for attempt in &attempts {
                known.insert(text(&attempt["fence"]));
                started += usize::from(self.attempt(id, &people, &key, attempt, findings) > 0);
            }
            if started > 1 && key != "again" {
                findings.violation(format!("{people} {key}: {started} attempts were started"));
            }
            let last = attempts.last().map(|attempt| attempt["outcome"].clone()).unwrap_or_default();
            if job["outcome"] != last {
                findings.violation(format!("{people} {key} is {} and its last attempt {last}", job["outcome"]));
            }
        }
        for fence in self.truth.fences_of(&people) {
            if !known.contains(fence) {
                findings.violation(format!("{people}: commands of fence {fence} ran, which the master does not know"));
            }
        }
    }

    /// Returns how many commands it started.
    fn attempt(&self, id: &str, people: &str, job: &str, attempt: &Value, findings: &mut Findings) -> usize {
        let name = format!("{people} {job} attempt {}", attempt["number"]);
        let outcome = &attempt["outcome"];
        let (kind, reason) = (text(&outcome["kind"]), text(&outcome["reason"]));
        let told = if reason.is_empty() { kind.clone() } else { format!("{kind}({reason})") };
        *findings.outcomes.entry(told).or_default() += 1;
        let mut starts = 0;
        let mut failed = None;
        for step in attempt["steps"].as_array().into_iter().flatten() {
            let witness = self.truth.of(&text(&attempt["fence"]), &text(&step["name"]));
            starts += witness.starts;
            findings.starts += witness.starts;
            if witness.starts > 1 {
                findings.violation(format!("{name} step {} was started {} times", step["name"], witness.starts));
            }
            let of_step = &step["outcome"];
            let is_over = self.step(&name, step, &witness.ends, witness.starts, findings);
            if of_step["kind"] == "failed" && failed.is_none() {
                failed = Some(of_step.clone());
            }
            if witness.starts > 0 || is_over {
                let path =
                    format!("/runs/{id}/jobs/{job}/steps/{}/log?attempt={}", text(&step["name"]), attempt["number"]);
                let part = Part::of(self.seed, people, job, &text(&step["name"]));
                let ended_itself = is_over && !of_step["code"].is_null() || of_step["kind"] == "succeeded";
                // A shim syncs its logs before EXIT, not after every step, and what lies in a pipe dies with it.
                let tail = match (kind.as_str(), reason.as_str()) {
                    ("unknown", "reboot" | "shim_lost") => Tail::Lost,
                    _ if ended_itself => Tail::Whole,
                    _ => Tail::Unknown,
                };
                self.log(&path, &part.bytes(), tail, findings);
            }
        }
        let is_true = match kind.as_str() {
            "succeeded" => failed.is_none(),
            "failed" => failed.as_ref() == Some(outcome),
            "not_started" => self.allowed.not_started && starts == 0,
            "unknown" => self.allowed.unknown,
            _ => false,
        };
        if !is_true {
            findings.violation(format!("{name} is {outcome}, started {starts} commands, and its steps say {failed:?}"));
        }
        starts
    }

    /// Whether the step ended provably.
    fn step(&self, name: &str, step: &Value, ends: &[u8], starts: usize, findings: &mut Findings) -> bool {
        let outcome = &step["outcome"];
        let is_true = match text(&outcome["kind"]).as_str() {
            "succeeded" => starts == 1 && ends == [0],
            "failed" if outcome["signal"] == 9 => self.allowed.killed_steps && starts <= 1,
            "failed" => starts == 1 && ends.len() == 1 && outcome["code"] == ends[0],
            "skipped" => starts == 0,
            // It never ended as far as anybody knows; what its attempt says is judged there.
            "" => return false,
            _ => false,
        };
        if !is_true {
            findings.violation(format!("{name} step {} is {outcome}; {starts} starts, ends {ends:?}", step["name"]));
        }
        outcome["kind"] != "skipped"
    }

    /// What is there is a beginning of what was written: every byte, or with a mark at its end.
    fn log(&self, path: &str, wrote: &[u8], tail: Tail, findings: &mut Findings) {
        let (stored, headers) = until_within(REST, &format!("{path} is sealed"), || {
            let (bytes, headers) = self.api.bytes(path)?;
            (header(&headers, "windlass-log-state") == "sealed").then_some((bytes, headers))
        });
        findings.bytes += stored.len();
        let gaps = header(&headers, "windlass-log-gaps");
        let durable = self.seen.durable(path);
        if (stored.len() as u64) < durable {
            findings.violation(format!("{path}: {durable} bytes were acknowledged, {} are there", stored.len()));
        }
        if self.allowed.gaps && !gaps.is_empty() {
            return;
        }
        if !wrote.starts_with(&stored) {
            let at = stored.iter().zip(wrote).take_while(|(a, b)| a == b).count();
            let (has, needs) = (stored.len(), wrote.len());
            findings.violation(format!("{path}: {has} bytes, {needs} were written, equal up to {at}, gaps {gaps:?}"));
        }
        let lacks = stored.len() < wrote.len();
        match tail {
            Tail::Whole if lacks => {
                let (has, needs) = (stored.len(), wrote.len());
                findings.violation(format!(
                    "{path}: {has} of {needs} bytes of a command that ended by itself, gaps {gaps:?}"
                ));
            }
            Tail::Whole if !gaps.is_empty() => {
                findings.violation(format!("{path}: gaps {gaps} in a log that was written in peace"));
            }
            Tail::Lost if gaps.is_empty() => {
                findings.violation(format!("{path}: its tail may be lost, and no gap says so"))
            }
            Tail::Unknown if lacks && gaps.is_empty() && !self.allowed.killed_steps => {
                findings.violation(format!("{path}: bytes are missing without a gap"));
            }
            Tail::Whole | Tail::Lost | Tail::Unknown => {}
        }
    }
}

/// What is known of the end of a log.
#[derive(Debug, Clone, Copy)]
enum Tail {
    /// Its command ended by itself and its shim lived on.
    Whole,
    /// Its host or its shim was lost: a gap must say so.
    Lost,
    /// Its command was ended.
    Unknown,
}

/// A header by its lower-case name; empty if it is not there.
pub(crate) fn header(headers: &[(String, String)], name: &str) -> String {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Text of a JSON value; empty if it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
