//! Cases of a target, one after the other, until the time is over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{index, journal, masker, offsets, record, session};

/// One reader under attack.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// One case. An error says which promise was broken.
    pub case: fn(&mut Rng) -> Result<(), String>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "journal", case: journal::case },
    Target { name: "index", case: index::case },
    Target { name: "record", case: record::case },
    Target { name: "masker", case: masker::case },
    Target { name: "offsets", case: offsets::case },
    Target { name: "session", case: session::case },
];

/// A case that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub case: u64,
    /// What was broken.
    pub what: String,
}

/// Runs one case.
pub fn run_case(target: Target, case: u64) -> Result<(), Found> {
    let mut rng = Rng::with_seed(case);
    let broken = match catch_unwind(AssertUnwindSafe(|| (target.case)(&mut rng))) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(what)) => what,
        Err(panic) => format!("it panicked: {}", text_of(&*panic)),
    };
    Err(Found { case, what: broken })
}

/// Runs cases from `first` on for so long, at least one; says how many, and the first that broke a promise.
pub fn run_for(target: Target, first: u64, time: Duration) -> (u64, Option<Found>) {
    let begun = Instant::now();
    let mut cases = 0;
    loop {
        if let Err(found) = run_case(target, first.wrapping_add(cases)) {
            return (cases + 1, Some(found));
        }
        cases += 1;
        if begun.elapsed() >= time {
            return (cases, None);
        }
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a text".to_owned())
}
