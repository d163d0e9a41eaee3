//! What was seen, and what is wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::Case;
use crate::load::Answer;

/// What visitors, balancer and master saw of the second release.
#[derive(Debug)]
pub struct Seen {
    /// What happened to it.
    pub case: Case,
    /// Of every request.
    pub answers: Vec<Answer>,
    /// What the balancer wrote down of them, by target and status.
    pub logged: BTreeMap<String, u64>,
    /// The most targets that were out at once.
    pub most_out: usize,
    /// That may be.
    pub max_unavailable: usize,
    /// How the deployment ended.
    pub outcome: String,
    /// How long there was traffic.
    pub took: Duration,
}

impl Seen {
    fn failed(&self) -> Vec<&str> {
        self.answers.iter().filter_map(|answer| answer.said.as_ref().err().map(String::as_str)).collect()
    }

    fn by_release(&self) -> BTreeMap<&str, u64> {
        let mut by_release = BTreeMap::new();
        for answer in self.answers.iter().filter_map(|answer| answer.said.as_ref().ok()) {
            *by_release.entry(answer.as_str()).or_default() += 1;
        }
        by_release
    }

    /// 50 and 99 of 100 were answered within, and all of them; in milliseconds.
    fn latencies(&self) -> [u128; 3] {
        let mut took: Vec<Duration> = self.answers.iter().map(|answer| answer.took).collect();
        took.sort_unstable();
        let at = |percent: usize| {
            took.get((took.len() * percent / 100).min(took.len().saturating_sub(1))).map_or(0, Duration::as_millis)
        };
        [at(50), at(99), at(100)]
    }
}

/// One sentence for each thing that may not be.
pub fn wrong(seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    let failed = seen.failed();
    if let Some(first) = failed.first() {
        wrong.push(format!("{} of {} requests failed, the first: {first}", failed.len(), seen.answers.len()));
    }
    if seen.most_out > seen.max_unavailable {
        wrong.push(format!("{} targets were out at once, {} may be", seen.most_out, seen.max_unavailable));
    }
    let expected = match seen.case {
        Case::Good | Case::MasterKilled => "succeeded",
        Case::Bad => "rolled_back",
    };
    if seen.outcome != expected {
        wrong.push(format!("the deployment ended {}, not {expected}", seen.outcome));
    }
    let logged: u64 = seen.logged.iter().filter(|(line, _)| line.ends_with(" 200")).map(|(_, count)| count).sum();
    let answered = (seen.answers.len() - failed.len()) as u64;
    if logged != answered {
        wrong.push(format!("visitors got {answered} answers, the balancer wrote down {logged}"));
    }
    if seen.by_release().len() < 2 {
        wrong.push("only one release ever answered: the other was never in service".to_owned());
    }
    wrong
}

/// For programs.
pub fn json(seen: &Seen, wrong: &[String]) -> String {
    let [p50, p99, max] = seen.latencies();
    let document = json!({
        "case": seen.case.to_possible_value().map(|case| case.get_name().to_owned()),
        "requests": seen.answers.len(),
        "failed": seen.failed().len(),
        "answers": seen.by_release(),
        "balancer": seen.logged,
        "most_out": seen.most_out,
        "max_unavailable": seen.max_unavailable,
        "outcome": seen.outcome,
        "seconds": seen.took.as_secs_f64(),
        "latency_ms": { "p50": p50, "p99": p99, "max": max },
        "wrong": wrong,
    });
    format!("{document}\n")
}

/// For people.
pub fn text(seen: &Seen, wrong: &[String]) -> String {
    let [p50, p99, max] = seen.latencies();
    let answers: Vec<String> = seen.by_release().iter().map(|(name, count)| format!("{name} {count}")).collect();
    let mut lines = vec![
        format!(
            "requests   {} in {:.1} s, {} failed",
            seen.answers.len(),
            seen.took.as_secs_f64(),
            seen.failed().len()
        ),
        format!("answers    {}", answers.join(" · ")),
        format!("latency    50 % within {p50} ms, 99 % within {p99} ms, all within {max} ms"),
        format!("out        {} at once at most, {} allowed", seen.most_out, seen.max_unavailable),
        format!("outcome    {}", seen.outcome),
    ];
    lines.extend(wrong.iter().map(|why| format!("WRONG      {why}")));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(case: Case, said: &[Result<&str, &str>]) -> Seen {
        let answer = |said: &Result<&str, &str>| Answer {
            took: Duration::from_millis(3),
            said: said.map(str::to_owned).map_err(str::to_owned),
        };
        let good = said.iter().filter(|said| said.is_ok()).count() as u64;
        Seen {
            case,
            answers: said.iter().map(answer).collect(),
            logged: BTreeMap::from([("web1 200".to_owned(), good)]),
            most_out: 1,
            max_unavailable: 1,
            outcome: "succeeded".to_owned(),
            took: Duration::from_secs(1),
        }
    }

    #[test]
    fn each_thing_that_may_not_be_is_named() {
        let both = [Ok("r1"), Ok("r2")];
        let good = || seen(Case::Good, &both);
        assert_eq!(wrong(&good()), Vec::<String>::new());
        let says = |seen: Seen, what: &str| {
            let wrong = wrong(&seen);
            assert!(matches!(&wrong[..], [why] if why.contains(what)), "{wrong:?}");
        };
        says(seen(Case::Good, &[Ok("r1"), Ok("r2"), Err("refused")]), "1 of 3 requests failed, the first: refused");
        says(Seen { most_out: 2, ..good() }, "2 targets were out at once, 1 may be");
        says(Seen { outcome: "rolled_back".to_owned(), ..good() }, "ended rolled_back, not succeeded");
        says(seen(Case::Bad, &both), "ended succeeded, not rolled_back");
        says(seen(Case::MasterKilled, &[Ok("r1")]), "only one release");
        says(Seen { logged: BTreeMap::new(), ..good() }, "got 2 answers, the balancer wrote down 0");
    }
}
