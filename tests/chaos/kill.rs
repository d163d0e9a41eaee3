//! `kill -9` at a random time.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use windlass_tests::harness::{Windlass, World, processes_in};

use crate::args::Victim;
use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::ring::Ring;
use crate::stage::{Seen, Stage, pause};

/// Runs that are started while the fault strikes.
const RUNS: u64 = 2;
/// Most of the runs live so long.
const LIFE: Duration = Duration::from_millis(400);
/// A session that does not live for 20 s makes the agent wait longer each time: so often it is started anew.
const PATIENT_ROUNDS: u64 = 2;

/// Kills at random times.
#[derive(Debug)]
pub(crate) struct Kill(pub(crate) Victim);

impl Ring for Kill {
    fn name(&self) -> String {
        format!("kill -9 {}", self.0.word())
    }

    fn windlass(&self, windlass: Windlass, _world: u64) -> Windlass {
        windlass.builder("b1").slots(4)
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let reading = (self.0 == Victim::Master).then(|| stage.read_events());
        let (runs, (seen, struck)) = stage.under_load(round, RUNS, findings, |world| {
            pause(dice, LIFE);
            self.strike(world, dice)
        });
        findings.struck += u64::from(struck);
        stage.rest(&runs);
        if let Some(reading) = reading {
            stage.event = reading.compare(findings);
        }
        stage.check(&runs, self.allowed(), &seen, findings);
        if self.0 == Victim::Master && round.is_multiple_of(PATIENT_ROUNDS) {
            restart_agents(&mut stage.world);
        }
    }
}

impl Kill {
    pub(crate) fn allowed(&self) -> Allowed {
        let steps_die = matches!(self.0, Victim::Tree);
        let unknown = matches!(self.0, Victim::Shim | Victim::Tree);
        Allowed { unknown, killed_steps: steps_die, not_started: self.0 != Victim::Master, gaps: false }
    }

    /// What was acknowledged just before, and whether there was anybody to kill.
    pub(crate) fn strike(&self, world: &mut World, dice: &mut Dice) -> (Seen, bool) {
        let seen = Stage::look(world);
        let struck = match self.0 {
            Victim::Master => {
                world.master.kill();
                pause(dice, Duration::from_millis(200));
                world.master.start();
                true
            }
            Victim::Agent => {
                let agent = &mut world.agents[0];
                agent.kill();
                pause(dice, Duration::from_millis(200));
                agent.spawn();
                true
            }
            Victim::Shim => kill_a_shim(world, dice),
            Victim::Tree => {
                kill_tree(world, dice);
                world.agents[0].spawn();
                true
            }
            Victim::Syscall => unreachable!("the tracer kills at system calls"),
        };
        (seen, struck)
    }
}

/// Stops and starts every agent.
pub(crate) fn restart_agents(world: &mut World) {
    let api = world.api();
    for agent in &mut world.agents {
        agent.stop();
        agent.start(&api);
    }
}

/// Any shim, if one lives.
fn kill_a_shim(world: &World, dice: &mut Dice) -> bool {
    let folder = world.agents[0].state_dir();
    let calls_itself_one = |pid: &Pid| words_of(*pid).split('\0').nth(1) == Some("shim");
    // The child of a shim has the same words until it executes its command.
    let is_shim = |pid: &Pid| calls_itself_one(pid) && !parent_of(*pid).is_some_and(|parent| calls_itself_one(&parent));
    let begun = std::time::Instant::now();
    while begun.elapsed() < LIFE {
        let shims: Vec<Pid> = processes_in(&folder).into_iter().filter(is_shim).collect();
        if !shims.is_empty() {
            return kill_exactly(*dice.pick(&shims), "\0shim\0");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Agent, shims and steps, in any order, until nothing of the host is left.
pub(crate) fn kill_tree(world: &mut World, dice: &mut Dice) {
    let folder = world.agents[0].folder().to_owned();
    let agent = world.agents[0].pid();
    let is_other = |pid: &Pid| Some(pid.as_raw_nonzero().get().cast_unsigned()) != agent;
    let others = |dice: &mut Dice| {
        let mut left: Vec<Pid> = processes_in(&folder).into_iter().filter(is_other).collect();
        if dice.coin() {
            left.reverse();
        }
        for pid in &left {
            kill_exactly(*pid, &folder.display().to_string());
        }
        left.is_empty()
    };
    if dice.coin() {
        others(dice);
    }
    world.agents[0].kill();
    windlass_tests::harness::until("nothing of the host is left", || others(dice).then_some(()));
}

/// Stops every process that works in `folder` or names it. When this returns none of them executes another instruction.
pub(crate) fn freeze(folder: &Path) {
    let words = folder.display().to_string();
    let mut told: Vec<Pid> = Vec::new();
    windlass_tests::harness::until("everything stands still", || {
        let moves = |pid: &Pid| !(told.contains(pid) && stands_still(*pid));
        let moving: Vec<Pid> = processes_in(folder).into_iter().filter(moves).collect();
        for pid in &moving {
            signal_exactly(*pid, &words, Signal::STOP);
        }
        told.extend(&moving);
        moving.is_empty().then_some(())
    });
}

/// Kills every process that works in `folder` or names it; one that stands still too.
pub(crate) fn kill_all(folder: &Path) {
    let words = folder.display().to_string();
    windlass_tests::harness::until("nobody works there any more", || {
        let left = processes_in(folder);
        for pid in &left {
            kill_exactly(*pid, &words);
        }
        left.is_empty().then_some(())
    });
}

/// Every thread of a process that was told to stop has stopped, or waits in the kernel (for the disk, for a child that has not executed
/// its program yet) and stops when it comes back.
fn stands_still(pid: Pid) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return true };
    threads.filter_map(Result::ok).all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
        matches!(state, None | Some('T' | 't' | 'Z' | 'X' | 'D'))
    })
}

fn kill_exactly(pid: Pid, words: &str) -> bool {
    signal_exactly(pid, words, Signal::KILL)
}

/// Signals a process, and no other that got its number meanwhile: the handle is opened first and its words are read after.
fn signal_exactly(pid: Pid, words: &str, signal: Signal) -> bool {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let works_there = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()))
        .is_ok_and(|cwd| cwd.display().to_string().contains(words));
    (works_there || words_of(pid).contains(words)) && pidfd_send_signal(handle, signal).is_ok()
}

fn words_of(pid: Pid) -> String {
    let words = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    String::from_utf8_lossy(&words).into_owned()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    Pid::from_raw(status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?)
}
