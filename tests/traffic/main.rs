//! A rolling deployment of three targets behind a real reverse proxy, under a steady stream of requests: none may fail, and no more targets
//! may be out of service than the environment allows.
//!
//! `balancer` is HAProxy, which the hooks of the service drain and make ready again; `load` asks 200 times a second, whatever the answers;
//! `story` is the deployment; `verdict` what is wrong with what was seen.

mod balancer;
mod load;
mod story;
mod verdict;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Deploys under traffic, and says what the visitors saw; exit code 1 if a request failed or too many targets were out
#[derive(Debug, Parser)]
#[command(name = "traffic")]
struct Args {
    /// What happens
    #[arg(long, value_enum)]
    case: Case,
    /// One JSON document instead of lines
    #[arg(long)]
    json: bool,
}

/// What happens to the second release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// It is good
    Good,
    /// A gate of it fails in the second batch
    Bad,
    /// It is good, and the master is killed once the first target is confirmed
    MasterKilled,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().and_then(|name| Path::new(name).file_name()?.to_str());
    if called.is_some_and(|name| name.starts_with("windlass")) {
        // Master, agent, client and shim are this executable under another name, as they are in the product.
        return windlass::main(arguments);
    }
    let words: Vec<&str> = arguments.iter().skip(1).filter_map(|word| word.to_str()).collect();
    match &words[..] {
        // What hooks and the service call.
        ["as-windlass", ..] => {
            return windlass::main(std::iter::once("windlass".into()).chain(arguments.into_iter().skip(2)).collect());
        }
        ["balancer", verb, folder] => return balancer::hook(verb, Path::new(folder)),
        _ => {}
    }
    let args = Args::parse();
    if let Err(why) = balancer::install() {
        tell(&format!("not run: {why}\n"));
        return ExitCode::from(2);
    }
    let seen = story::play(args.case);
    let wrong = verdict::wrong(&seen);
    tell(&if args.json { verdict::json(&seen, &wrong) } else { verdict::text(&seen, &wrong) });
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints to whoever started us.
fn tell(text: &str) {
    use std::io::Write;
    // Where nobody reads, the exit code says it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
