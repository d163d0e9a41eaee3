//! Feeds hostile bytes to each reader for a while. Exit code 1 if a promise was broken; the failing case is named and can be repeated.
//!
//! `fuzz [--seconds N] [--target NAME] [--from CASE]`, and `fuzz --target NAME --case CASE` for one alone.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use windlass_tests::fuzz::{TARGETS, Target, run_case, run_for};
use windlass_tests::tidy::print;

struct Asked {
    seconds: u64,
    from: u64,
    case: Option<u64>,
    target: Option<String>,
}

fn main() -> Result<ExitCode> {
    let asked = asked()?;
    let wanted = |target: &&Target| asked.target.as_ref().is_none_or(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(wanted).collect();
    if targets.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        bail!("no such target; there are {}", names.join(", "));
    }
    let mut broken = false;
    for target in targets {
        let (cases, found) = match asked.case {
            Some(case) => (1, run_case(*target, case).err()),
            None => run_for(*target, asked.from, Duration::from_secs(asked.seconds)),
        };
        print(&format!("{:14} {cases:>9} cases, {} broken\n", target.name, u8::from(found.is_some())));
        if let Some(found) = found {
            broken = true;
            let (name, case, what) = (target.name, found.case, found.what);
            print(&format!(
                "  {what}\n  again: cargo run -p windlass-tests --bin fuzz -- --target {name} --case {case}\n"
            ));
        }
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn asked() -> Result<Asked> {
    let mut asked = Asked { seconds: 5, from: 0, case: None, target: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} wants a value"))?;
        let number = || value.parse::<u64>().with_context(|| format!("{word} wants a number, not {value}"));
        match word.as_str() {
            "--seconds" => asked.seconds = number()?,
            "--from" => asked.from = number()?,
            "--case" => asked.case = Some(number()?),
            "--target" => asked.target = Some(value),
            _ => bail!("{word} is unknown; there are --seconds, --target, --from and --case"),
        }
    }
    Ok(asked)
}
