//! The rings of real processes: kills, power cuts, failing disks, bad networks. `chaos --help` names them.
//!
//! Each plays rounds in worlds of its own (master, agents, repository in a temporary folder): runs are started, a fault strikes, and
//! when all is at rest again everything that the master says is compared with what the commands wrote down themselves.

mod args;
mod check;
mod command;
mod cut;
mod dice;
mod events;
mod findings;
mod kill;
mod ring;
mod stage;
mod trace;
mod truth;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Victim};
use cut::PowerCut;
use kill::Kill;
use ring::{Ring, Size, play};
use trace::{Blow, Trace};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().and_then(|name| Path::new(name).file_name()?.to_str());
    if called.is_some_and(|name| name.starts_with("windlass")) {
        // Master, agent, client and shim are this executable under another name, as they are in the product.
        return windlass::main(arguments);
    }
    if let [_, word, truth, seed] = &arguments[..]
        && word == "work"
    {
        let seed = seed.to_str().and_then(|seed| seed.parse().ok()).expect("a seed is a number");
        return command::work(Path::new(truth), seed);
    }
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    let size = Size { rounds: args.rounds, worlds: args.worlds, seed };
    let Some(ring) = ring_of(&args) else {
        tell(&Args::command().render_help().to_string());
        return ExitCode::from(2);
    };
    if args.power_cut.is_some()
        && ring.lacks().is_none()
        && let Some(code) = cut::in_own_mounts()
    {
        return ExitCode::from(code);
    }
    let held = play(&*ring, size);
    cut::leave_own_mounts();
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ring_of(args: &Args) -> Option<Box<dyn Ring>> {
    match (args.kill, args.power_cut) {
        (Some(Victim::Syscall), _) => Some(Box::new(Trace(Blow::Kill))),
        (Some(victim), _) => Some(Box::new(Kill(victim))),
        (None, Some(cut)) => Some(Box::new(PowerCut(cut))),
        (None, None) if args.faults => Some(Box::new(Trace(Blow::Fail))),
        (None, None) => None,
    }
}

/// Prints to whoever started us.
fn tell(text: &str) {
    use std::io::Write;
    // Where nobody reads, the exit code says it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
