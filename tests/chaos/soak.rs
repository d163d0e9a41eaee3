//! Hours of work with a fault every so often; memory and handles are printed.

use std::time::Duration;

use windlass_tests::harness::{Windlass, World};

use crate::args::Victim;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::kill::Kill;
use crate::ring::Ring;
use crate::stage::{Load, Stage};
use crate::tell;

/// How it is done.
#[derive(Debug)]
pub(crate) struct Soak {
    pub(crate) agents: u64,
    pub(crate) starts_per_second: u64,
    /// Between two faults.
    pub(crate) every: Duration,
}

impl Ring for Soak {
    fn name(&self) -> String {
        "soak".to_owned()
    }

    fn windlass(&self, windlass: Windlass, _world: u64) -> Windlass {
        (1..=self.agents).fold(windlass, |windlass, n| windlass.builder(&format!("b{n:03}"))).slots(4)
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let kill = Kill(*dice.pick(&[Victim::Master, Victim::Agent, Victim::Shim, Victim::Tree]));
        let gap = Duration::from_secs(1) / u32::try_from(self.starts_per_second).unwrap_or(1);
        let runs = self.every.as_secs() * self.starts_per_second;
        let (ids, (seen, struck)) = stage.under(&Load { round, runs, gap }, findings, |world| {
            std::thread::sleep(self.every / 2);
            kill.strike(world, dice)
        });
        findings.struck += u64::from(struck);
        stage.rest(&ids);
        stage.check(&ids, kill.allowed(), &seen, findings);
        tell(&format!("soak: round {round}, {} runs, then {}\n", ids.len(), sizes(&stage.world)));
    }
}

/// Memory and handles of the master, and the most that any agent has.
fn sizes(world: &World) -> String {
    let of = |pid: Option<u32>| pid.map_or((0, 0), |pid| (memory_kib(pid), handles(pid)));
    let (memory, open) = of(world.master.pid());
    let agents: Vec<(u64, usize)> = world.agents.iter().map(|agent| of(agent.pid())).collect();
    let most_memory = agents.iter().map(|(memory, _)| *memory).max().unwrap_or(0);
    let most_open = agents.iter().map(|(_, open)| *open).max().unwrap_or(0);
    format!("master {memory} KiB and {open} handles, agents at most {most_memory} KiB and {most_open} handles")
}

fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn handles(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
