//! `sim --seeds N` plays seeds of the simulator, `sim --seed N --trace` replays one and prints its events. Exit code 1 on any violation.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use windlass_tests::sim::trace::Words;
use windlass_tests::sim::{Report, Span, run};

/// One seed in so many is played twice.
const TWICE_EVERY: u64 = 100;
/// Events that a failing seed prints.
const LAST_EVENTS: usize = 40;

struct Asked {
    first: u64,
    seeds: u64,
    span: Span,
    trace: bool,
    faults: bool,
    threads: usize,
    /// 0: until all are played.
    minutes: u64,
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            say(&format!(
                "{why}\nusage: sim [--seeds N] [--first N] [--threads N] [--minutes-at-most M] [--days N] [--no-faults] | --seed N [--trace]"
            ));
            return ExitCode::from(2);
        }
    };
    if asked.trace {
        let report = caught(&asked, asked.first, Words::All);
        report.words.iter().for_each(|line| say(line));
        return verdict(&asked, &[report]);
    }
    play(&asked)
}

fn asked() -> Result<Asked, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (first, seeds, span) = (1, 100, Span::Hour);
    let mut asked = Asked { first, seeds, span, trace: false, faults: true, threads, minutes: 0 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            words.next().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{word} needs a number"))
        };
        match word.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--first" => asked.first = number()?,
            "--minutes-at-most" => asked.minutes = number()?,
            "--seed" => (asked.first, asked.seeds) = (number()?, 1),
            "--threads" => asked.threads = usize::try_from(number()?).map_err(|error| error.to_string())?,
            "--days" => asked.span = Span::Days(number()?.max(1)),
            "--trace" => asked.trace = true,
            "--no-faults" => asked.faults = false,
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(asked)
}

fn play(asked: &Asked) -> ExitCode {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let is_late = asked.minutes > 0 && begun.elapsed().as_secs() >= asked.minutes * 60;
                    if number >= asked.seeds || is_late {
                        return;
                    }
                    let report = one(asked, asked.first + number);
                    let failed = !report.violations.is_empty();
                    reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(report);
                    if failed {
                        next.store(asked.seeds, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    summary(&reports, begun.elapsed().as_secs_f64());
    verdict(asked, &reports)
}

fn one(asked: &Asked, seed: u64) -> Report {
    let mut report = caught(asked, seed, Words::None);
    if seed.is_multiple_of(TWICE_EVERY) && caught(asked, seed, Words::None).hash != report.hash {
        report.violations.push("played twice, its traces differ".to_owned());
    }
    report
}

/// A panic of the code under test is a finding like any other.
fn caught(asked: &Asked, seed: u64, words: Words) -> Report {
    std::panic::catch_unwind(|| run(seed, asked.span, asked.faults, words)).unwrap_or_else(|_| Report::of_panic(seed))
}

fn summary(reports: &[Report], seconds: f64) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let hours = sum(|report| report.seconds) / 3_600;
    let faults: u64 = reports.iter().flat_map(|report| report.injected).sum();
    say(&format!(
        "{} seeds, {hours} simulated hours, {} attempts, {} events, {faults} faults in {seconds:.1} s",
        reports.len(),
        sum(|report| report.attempts),
        sum(|report| report.events),
    ));
    let largest = reports.iter().map(|report| report.state_bytes).max().unwrap_or(0);
    say(&format!("the state at the end: at most {largest} bytes"));
    let kinds = windlass_tests::sim::faults::KINDS.iter().enumerate();
    let counted = kinds.map(|(kind, name)| {
        let count: u64 = reports.iter().map(|report| report.injected.get(kind).copied().unwrap_or(0)).sum();
        format!("{name} {count}")
    });
    say(&format!("faults: {}", counted.collect::<Vec<_>>().join(", ")));
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, count) in reports.iter().flat_map(|report| &report.met) {
        *met.entry(what).or_default() += count;
    }
    let counted = met.iter().map(|(what, count)| format!("{what} {count}"));
    say(&format!("of damage: {}", counted.collect::<Vec<_>>().join(", ")));
}

fn verdict(asked: &Asked, reports: &[Report]) -> ExitCode {
    let failed: Vec<&Report> = reports.iter().filter(|report| !report.violations.is_empty()).collect();
    for report in &failed {
        let words = caught(asked, report.seed, Words::Last(LAST_EVENTS)).words;
        say(&format!("seed {}: the last events", report.seed));
        words.iter().for_each(|line| say(&format!("  {line}")));
        report.violations.iter().for_each(|what| say(&format!("VIOLATION seed {}: {what}", report.seed)));
    }
    if failed.is_empty() {
        say(&format!("no violation in {} seeds: below 3/{} with 95 % confidence", reports.len(), reports.len()));
    }
    say(&format!("{} violations", failed.iter().map(|report| report.violations.len()).sum::<usize>()));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: &str) {
    // Where nobody reads there is nothing to say.
    _ = writeln!(std::io::stdout().lock(), "{line}");
}
