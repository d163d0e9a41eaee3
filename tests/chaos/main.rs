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
mod flood;
mod full;
mod kill;
mod network;
mod proxy;
mod ring;
mod soak;
mod stage;
mod trace;
mod truth;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Victim};
use cut::PowerCut;
use full::FullDisk;
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
    if let [_, word, file] = &arguments[..]
        && word == "talk"
    {
        return command::talk(Path::new(file));
    }
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    let size = size_of(&args, seed);
    let Some(ring) = ring_of(&args) else {
        tell(&Args::command().render_help().to_string());
        return ExitCode::from(2);
    };
    if (args.power_cut.is_some() || args.full_disk.is_some())
        && ring.lacks().is_none()
        && let Some(code) = cut::in_own_mounts()
    {
        return ExitCode::from(code);
    }
    let held = play(&*ring, size);
    cut::leave_own_mounts();
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn size_of(args: &Args, seed: u64) -> Size {
    let (rounds, worlds) = if args.network {
        // Most of a case is waiting: all of them side by side.
        (args.rounds.max(network::CASES), network::CASES)
    } else if args.flood {
        (1, 1)
    } else if args.soak {
        ((args.minutes * 60).div_ceil(args.fault_every), 1)
    } else {
        (args.rounds, args.worlds)
    };
    let most = std::time::Duration::from_secs(args.minutes_at_most * 60);
    let until = (args.minutes_at_most > 0).then(|| std::time::Instant::now() + most);
    Size { rounds, worlds, seed, mode: args.mode, until }
}

fn ring_of(args: &Args) -> Option<Box<dyn Ring>> {
    let Args { agents, starts_per_second, .. } = *args;
    if let Some(full) = args.full_disk {
        return Some(Box::new(FullDisk(full, args.on)));
    }
    match (args.kill, args.power_cut) {
        (Some(Victim::Syscall), _) => Some(Box::new(Trace(Blow::Kill))),
        (Some(victim), _) => Some(Box::new(Kill(victim))),
        (None, Some(cut)) => Some(Box::new(PowerCut(cut, args.on))),
        (None, None) if args.faults => Some(Box::new(Trace(Blow::Fail))),
        (None, None) if args.network => Some(Box::new(network::Network)),
        (None, None) if args.flood => Some(Box::new(flood::Flood)),
        (None, None) if args.soak => {
            let every = std::time::Duration::from_secs(args.fault_every);
            Some(Box::new(soak::Soak { agents, starts_per_second, every }))
        }
        (None, None) => None,
    }
}

/// Prints to whoever started us.
fn tell(text: &str) {
    use std::io::Write;
    // Where nobody reads, the exit code says it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
